"""What people decide about read models."""

from datetime import UTC, datetime

from domain.projections import (
    PROJECTION,
    NotFailed,
    PauseProjection,
    ProjectionPaused,
    ProjectionResumed,
    ProjectionRetried,
    ProjectionSkipped,
    ResumeProjection,
    RetryProjection,
    SkipEvent,
)
from tests.support.deciders import given

AT = datetime(2030, 1, 1, tzinfo=UTC)
PAUSE = PauseProjection(projection="flags", reason="a look", at=AT)
RESUME = ResumeProjection(projection="flags", reason="seen", at=AT)
PAUSED = ProjectionPaused(reason="a look")
SKIPPED = ProjectionSkipped(version=2, position=7, reason="known")


def skip(failed_at: int | None) -> SkipEvent:
    return SkipEvent(
        projection="flags", version=2, position=7, failed_at=failed_at, reason="known", at=AT
    )


def retry(position: int | None) -> RetryProjection:
    return RetryProjection(projection="flags", position=position, reason="mended", at=AT)


def test_a_running_projection_can_be_paused() -> None:
    given(PROJECTION).when(PAUSE).then(PAUSED)


def test_pausing_a_paused_one_changes_nothing() -> None:
    given(PROJECTION, PAUSED).when(PAUSE).then()


def test_a_paused_one_can_be_resumed() -> None:
    given(PROJECTION, PAUSED).when(RESUME).then(ProjectionResumed(reason="seen"))


def test_resuming_a_running_one_changes_nothing() -> None:
    given(PROJECTION).when(RESUME).then()


def test_the_event_where_it_stands_can_be_skipped() -> None:
    given(PROJECTION).when(skip(failed_at=7)).then(SKIPPED)


def test_an_event_where_it_does_not_stand_cannot_be_skipped() -> None:
    given(PROJECTION).when(skip(failed_at=None)).refused(NotFailed)
    given(PROJECTION).when(skip(failed_at=8)).refused(NotFailed)


def test_skipping_twice_changes_nothing() -> None:
    given(PROJECTION, SKIPPED).when(skip(failed_at=None)).then()


def test_a_failed_one_can_be_retried() -> None:
    given(PROJECTION).when(retry(7)).then(ProjectionRetried(position=7, reason="mended"))


def test_one_that_has_not_failed_cannot_be_retried() -> None:
    given(PROJECTION).when(retry(None)).refused(NotFailed)


def test_every_retry_counts() -> None:
    retried = ProjectionRetried(position=7, reason="mended")
    assert PROJECTION.fold([retried, retried]).retries == 2
    assert PROJECTION.fold([SKIPPED]).skipped == {(2, 7)}
