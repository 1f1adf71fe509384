"""A restore begins in one log and ends in the next, or where it began."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.restores import (
    PAGE,
    RESTORE,
    CompleteRestore,
    DropOld,
    FailRestore,
    NoOldLog,
    NoSuchRestore,
    Parked,
    ReleaseParked,
    Restore,
    RestoreCompleted,
    RestoreExists,
    RestoreFailed,
    RestoreHasEnded,
    RestoreOldDropped,
    RestoreParked,
    RestoreReleased,
    RestoreStarted,
    StartRestore,
)
from tests.support.deciders import given

AT = datetime(2030, 1, 1, tzinfo=UTC)
STARTED = RestoreStarted(
    version="v", base=8, position=9, tail=12, discard_later=False, reason="a mistake"
)
START = StartRestore(
    restore="r", at=AT, **{name: getattr(STARTED, name) for name in STARTED.__struct_fields__}
)
FAILED = RestoreFailed(step="load", error="no room")
FAIL = FailRestore(restore="r", step="load", error="no room", at=AT)
COMPLETED = RestoreCompleted(
    version="v",
    source="i",
    base=8,
    position=9,
    replaced="j",
    replaced_position=13,
    kept="old",
    parked=0,
    asked_by="account/a",
    asked_at=AT,
    reason="a mistake",
)
DROPPED = RestoreOldDropped(database="old")


def complete(*parked: Parked) -> CompleteRestore:
    fields = {name: getattr(COMPLETED, name) for name in COMPLETED.__struct_fields__}
    return CompleteRestore(restore="r", at=AT, **(fields | {"parked": parked}))


def item(position: int, reaction: str = "jobs") -> Parked:
    return Parked(reaction=reaction, tenant="default", stream=f"job/{position}", position=position)


def parked(*items: Parked) -> RestoreParked:
    return RestoreParked(items=items)


def release(*positions: int) -> ReleaseParked:
    return ReleaseParked(restore="r", positions=positions, at=AT)


def test_it_begins_once() -> None:
    given(RESTORE).when(START).then(STARTED)
    given(RESTORE, STARTED).when(START).refused(RestoreExists)


def test_it_ends_in_a_log_that_does_not_know_its_beginning() -> None:
    given(RESTORE).when(complete()).then(COMPLETED)


def test_it_ends_in_a_log_that_was_replayed_to_its_beginning() -> None:
    given(RESTORE, STARTED).when(complete()).then(COMPLETED)


def test_to_complete_it_again_changes_nothing() -> None:
    given(RESTORE, COMPLETED).when(complete()).then()


def test_one_that_has_failed_is_not_completed() -> None:
    given(RESTORE, STARTED, FAILED).when(complete()).refused(RestoreHasEnded)


def test_it_fails_once() -> None:
    given(RESTORE, STARTED).when(FAIL).then(FAILED)
    given(RESTORE, STARTED, FAILED).when(FAIL).then()


def test_what_never_began_or_is_done_does_not_fail() -> None:
    given(RESTORE).when(FAIL).refused(NoSuchRestore)
    given(RESTORE, COMPLETED).when(FAIL).refused(RestoreHasEnded)


def test_a_long_list_of_parked_items_comes_in_pages() -> None:
    items = tuple(item(number) for number in range(1, PAGE + 2))
    given(RESTORE).when(complete(*items)).then(
        msgspec.structs.replace(COMPLETED, parked=PAGE + 1),
        parked(*items[:PAGE]),
        parked(items[PAGE]),
    )


def test_a_parked_item_is_released_once() -> None:
    waiting = (COMPLETED, parked(item(3), item(4)))
    released = RestoreReleased(items=(item(3),))
    given(RESTORE, *waiting).when(release(3, 99)).then(released)
    given(RESTORE, *waiting, released).when(release(3)).then()


def test_what_several_reactions_owe_to_one_event_is_released_together() -> None:
    both = (item(3, "jobs"), item(3, "reminders"))
    given(RESTORE, COMPLETED, parked(*both)).when(release(3)).then(RestoreReleased(items=both))


def test_the_old_log_is_dropped_once() -> None:
    drop = DropOld(restore="r", at=AT)
    given(RESTORE, COMPLETED).when(drop).then(DROPPED)
    given(RESTORE, COMPLETED, DROPPED).when(drop).refused(NoOldLog)
    given(RESTORE, STARTED, FAILED).when(drop).refused(NoOldLog)


EVENTS = st.lists(
    st.sampled_from(
        [STARTED, FAILED, COMPLETED, DROPPED, parked(item(3)), RestoreReleased(items=(item(3),))]
    )
)


@for_all(EVENTS)
def test_any_events_in_any_order_fold(events: list[RestoreStarted]) -> None:
    RESTORE.fold(events)


@for_all(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_what_is_released_and_what_waits_are_all_there_was(
    waiting: set[int], wanted: set[int]
) -> None:
    history = [COMPLETED, parked(*(item(each) for each in sorted(waiting)))]
    events = RESTORE.decide(RESTORE.fold(history), release(*wanted))
    left = RESTORE.fold([*history, *events])
    assert isinstance(left, Restore)
    assert {each.position for each in left.parked} == waiting - wanted
    assert RESTORE.decide(left, release(*wanted)) == []
