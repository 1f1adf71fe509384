"""What the jobs' decider decides."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.jobs import (
    JOB,
    CancelJob,
    FailAttempt,
    Job,
    JobAttemptFailed,
    JobCancelled,
    JobCommand,
    JobDied,
    JobEvent,
    JobHasEnded,
    JobNotRequeueable,
    JobQueued,
    JobRequeued,
    JobStarted,
    JobSucceeded,
    NoSuchJob,
    QueueJob,
    RequeueJob,
    StartAttempt,
    SucceedAttempt,
)
from domain.retries import RetryPolicy
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
TWICE = RetryPolicy(max_attempts=2, base=1.0, cap=10.0)
QUEUED = JobQueued(action="mail", requester="ada", input={"to": "x"})
FIRST = JobStarted(attempt=1)
SECOND = JobStarted(attempt=2)
START = StartAttempt(policy=TWICE, at=AT)


def failed(attempt: int, retry_in: float | None, error: str = "status") -> JobAttemptFailed:
    return JobAttemptFailed(
        attempt=attempt,
        requester="ada",
        error=error,
        status=None,
        response=None,
        retry_at=None if retry_in is None else AT + timedelta(seconds=retry_in),
    )


def fail(attempt: int, *, retryable: bool = True, not_before: float = 0.0) -> FailAttempt:
    return FailAttempt(
        attempt=attempt,
        error="status",
        status=None,
        response=None,
        retryable=retryable,
        policy=TWICE,
        chance=0.5,
        not_before=not_before,
        at=AT,
    )


def succeed(attempt: int) -> SucceedAttempt:
    return SucceedAttempt(attempt=attempt, status=200, response=None, at=AT)


SUCCEEDED = JobSucceeded(attempt=1, requester="ada", status=200, response=None)
DIED = JobDied(attempt=2, reason="out_of_attempts")
CANCEL = CancelJob(job="j", at=AT)
REQUEUE = RequeueJob(job="j", at=AT)


def test_a_job_is_queued_started_and_done() -> None:
    queue = QueueJob(action="mail", requester="ada", input={"to": "x"}, at=AT)
    given(JOB).when(queue).then(QUEUED)
    given(JOB, QUEUED).when(START).then(FIRST)
    given(JOB, QUEUED, FIRST).when(succeed(1)).then(SUCCEEDED)


def test_a_failed_attempt_is_retried_after_a_pause() -> None:
    given(JOB, QUEUED, FIRST).when(fail(1)).then(failed(1, 0.5))


def test_what_the_target_asks_for_is_waited_for() -> None:
    given(JOB, QUEUED, FIRST).when(fail(1, not_before=4.0)).then(failed(1, 4.5))


def test_the_last_attempt_that_fails_makes_a_dead_letter() -> None:
    given(JOB, QUEUED, FIRST, failed(1, 0.5), SECOND).when(fail(2)).then(failed(2, None), DIED)


def test_what_cannot_succeed_is_not_retried() -> None:
    died = JobDied(attempt=1, reason="not_retryable")
    given(JOB, QUEUED, FIRST).when(fail(1, retryable=False)).then(failed(1, None), died)


def test_an_attempt_lost_with_its_worker_counts_and_the_next_begins() -> None:
    given(JOB, QUEUED, FIRST).when(START).then(failed(1, 0.0, "lost"), SECOND)


def test_a_lost_last_attempt_makes_a_dead_letter() -> None:
    history = (QUEUED, FIRST, failed(1, 0.5), SECOND)
    given(JOB, *history).when(START).then(failed(2, None, "lost"), DIED)


def test_a_late_outcome_of_an_earlier_attempt_says_nothing() -> None:
    given(JOB, QUEUED, FIRST, failed(1, 0.0, "lost"), SECOND).when(succeed(1)).then()
    given(JOB, QUEUED, FIRST, failed(1, 0.0, "lost"), SECOND).when(fail(1)).then()


def test_a_dead_job_is_requeued_with_a_fresh_budget() -> None:
    history = (QUEUED, FIRST, failed(1, 0.5), SECOND, failed(2, None), DIED)
    requeued = JobRequeued(round=2)
    given(JOB, *history).when(REQUEUE).then(requeued)
    third = JobStarted(attempt=3)
    given(JOB, *history, requeued, third).when(fail(3)).then(failed(3, 0.5))


def test_only_a_dead_or_cancelled_job_is_requeued() -> None:
    given(JOB, QUEUED).when(REQUEUE).then()
    given(JOB, QUEUED, FIRST, SUCCEEDED).when(REQUEUE).refused(JobNotRequeueable)
    given(JOB, QUEUED, JobCancelled()).when(REQUEUE).then(JobRequeued(round=2))


def test_a_cancelled_job_is_not_started_and_keeps_no_outcome() -> None:
    given(JOB, QUEUED, FIRST).when(CANCEL).then(JobCancelled())
    given(JOB, QUEUED, JobCancelled()).when(START).then()
    given(JOB, QUEUED, FIRST, JobCancelled()).when(succeed(1)).then()
    given(JOB, QUEUED, FIRST, JobCancelled()).when(fail(1)).then()
    given(JOB, QUEUED, JobCancelled()).when(CANCEL).then()


def test_a_job_that_has_ended_cannot_be_cancelled() -> None:
    given(JOB, QUEUED, FIRST, SUCCEEDED).when(CANCEL).refused(JobHasEnded)


@pytest.mark.parametrize("command", [START, succeed(1), fail(1), CANCEL, REQUEUE])
def test_there_is_nothing_to_do_with_a_job_that_is_not_there(command: JobCommand) -> None:
    given(JOB).when(command).refused(NoSuchJob)


EVENTS = [QUEUED, FIRST, SECOND, failed(1, 0.5), SUCCEEDED, DIED, JobRequeued(round=2)]


@for_all(st.lists(st.sampled_from([*EVENTS, JobCancelled()])))
def test_any_events_in_any_order_fold(events: list[JobEvent]) -> None:
    assert isinstance(JOB.fold(events), Job) == (QUEUED in events)


@for_all(st.lists(st.booleans(), max_size=12), st.integers(1, 5))
def test_a_job_never_has_more_attempts_than_its_policy_allows(
    outcomes: list[bool], most: int
) -> None:
    policy = RetryPolicy(max_attempts=most)
    job = JOB.fold([QUEUED])
    for success in outcomes:
        job = JOB.fold(JOB.decide(job, StartAttempt(policy=policy, at=AT)), job)
        assert isinstance(job, Job)
        outcome: JobCommand = succeed(job.attempts)
        if not success:
            outcome = FailAttempt(
                attempt=job.attempts,
                error="status",
                status=None,
                response=None,
                retryable=True,
                policy=policy,
                chance=0.0,
                not_before=0.0,
                at=AT,
            )
        job = JOB.fold(JOB.decide(job, outcome), job)
    assert isinstance(job, Job)
    assert job.attempts <= most
