"""What reminders decide."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.channels import InboxChannel, LogChannel, Route, WebhookChannel
from domain.decider import ERASED
from domain.rejections import Invalid
from domain.reminders import (
    REMINDER,
    CancelReminder,
    ChangeReminder,
    Fire,
    NoSuchReminder,
    Once,
    Recurring,
    Reminder,
    ReminderCancelled,
    ReminderFired,
    ReminderIdTaken,
    ReminderIsCancelled,
    ReminderRerouted,
    ReminderRescheduled,
    ReminderReworded,
    ReminderScheduled,
    ReminderSnoozed,
    Schedule,
    ScheduleReminder,
    SnoozeReminder,
)
from domain.retries import RetryPolicy
from tests.support.deciders import given

AT = datetime(2026, 6, 1, 8, 30, tzinfo=UTC)
DUE = AT + timedelta(hours=1)
ONCE = Once(at=DUE)
EVERY_DAY = Recurring(cron="0 9 * * *", time_zone="Europe/Berlin")
NINE = datetime(2026, 6, 2, 7, 0, tzinfo=UTC)  # 09:00 in Berlin
TO_URL = WebhookChannel(url="https://example.org/")
POLICY = RetryPolicy()


def scheduled(schedule: Schedule = ONCE, next_at: datetime = DUE, **change: Any) -> Any:
    values: dict[str, Any] = {
        "owner": "ada",
        "title": "tea",
        "body": None,
        "channel": TO_URL,
        "address": None,
        "secret": "s1",
        "retry": POLICY,
    }
    return ReminderScheduled(schedule=schedule, next_at=next_at, **{**values, **change})


def schedule(schedule: Schedule = ONCE, route: Route | None = None) -> ScheduleReminder:
    return ScheduleReminder(
        owner="ada",
        title="tea",
        body=None,
        schedule=schedule,
        route=route or Route(channel=TO_URL),
        retry=POLICY,
        new_secret="s1",
        at=AT,
    )


def change(**what: Any) -> ChangeReminder:
    nothing = dict.fromkeys(("requester", "title", "body", "schedule", "route", "retry"))
    values: dict[str, Any] = {**nothing, "reminder": "r", "new_secret": "s2", "at": AT, **what}
    return ChangeReminder(**values)


def fire(at: datetime) -> Fire:
    return Fire(delivery="d1", at=at)


def fired(due_at: datetime, next_at: datetime | None, *, late: bool = False, n: int = 1) -> Any:
    return ReminderFired(occurrence=n, due_at=due_at, late=late, delivery="d1", next_at=next_at)


def test_it_is_due_at_its_moment() -> None:
    given(REMINDER).when(schedule()).then(scheduled())


def test_it_is_due_by_its_schedule() -> None:
    given(REMINDER).when(schedule(EVERY_DAY)).then(scheduled(EVERY_DAY, NINE))


def test_an_id_serves_once() -> None:
    given(REMINDER, scheduled()).when(schedule()).refused(ReminderIdTaken)


def test_a_secret_that_was_brought_is_kept() -> None:
    route = Route(channel=TO_URL, secret="mine")
    given(REMINDER).when(schedule(route=route)).then(scheduled(secret="mine"))


def test_only_a_webhook_has_a_secret() -> None:
    given(REMINDER).when(schedule(route=Route(channel=LogChannel()))).then(
        scheduled(channel=LogChannel(), secret=None)
    )


def test_what_has_passed_just_now_was_meant_and_what_passed_long_ago_was_not() -> None:
    just_now, long_ago = AT - timedelta(seconds=59), AT - timedelta(seconds=61)
    given(REMINDER).when(schedule(Once(at=just_now))).then(scheduled(Once(at=just_now), just_now))
    refused = given(REMINDER).when(schedule(Once(at=long_ago))).refused(Invalid)
    assert isinstance(refused, Invalid)
    assert [fault.pointer for fault in refused.faults] == ["/due_at"]


def test_a_schedule_that_never_fires_is_refused() -> None:
    never = Recurring(cron="0 0 30 2 *", time_zone="UTC")
    given(REMINDER).when(schedule(never)).refused(Invalid)


def test_it_fires_when_it_is_due_and_once() -> None:
    given(REMINDER, scheduled()).when(fire(DUE)).then(fired(DUE, None))
    given(REMINDER, scheduled(), fired(DUE, None)).when(fire(DUE)).then()


def test_it_ends_where_whom_it_concerned_is_gone() -> None:
    erased = scheduled(EVERY_DAY, NINE, title=ERASED, body=ERASED)
    given(REMINDER, erased).when(fire(NINE)).then(ReminderCancelled())


def test_it_does_not_fire_before() -> None:
    given(REMINDER, scheduled()).when(fire(DUE - timedelta(microseconds=1))).then()
    given(REMINDER).when(fire(DUE)).then()


def test_what_fires_too_late_is_marked() -> None:
    in_time, late = DUE + timedelta(seconds=1), DUE + timedelta(seconds=1, microseconds=1)
    given(REMINDER, scheduled()).when(fire(in_time)).then(fired(DUE, None))
    given(REMINDER, scheduled()).when(fire(late)).then(fired(DUE, None, late=True))


def test_a_schedule_goes_on() -> None:
    next_day = NINE + timedelta(days=1)
    given(REMINDER, scheduled(EVERY_DAY, NINE)).when(fire(NINE)).then(fired(NINE, next_day))


def test_of_days_that_were_missed_one_fires_late_and_it_goes_on_from_now() -> None:
    back = NINE + timedelta(days=10, hours=1)
    following = NINE + timedelta(days=11)
    given(REMINDER, scheduled(EVERY_DAY, NINE)).when(fire(back)).then(
        fired(NINE, following, late=True)
    )


def test_snoozed_it_comes_later() -> None:
    later = DUE + timedelta(minutes=10)
    snooze = SnoozeReminder(reminder="r", requester=None, until=later, at=AT)
    given(REMINDER, scheduled()).when(snooze).then(ReminderSnoozed(next_at=later))
    given(REMINDER, scheduled(), ReminderSnoozed(next_at=later)).when(snooze).then()
    given(REMINDER, scheduled(), ReminderSnoozed(next_at=later)).when(fire(DUE)).then()
    given(REMINDER, scheduled(), ReminderSnoozed(next_at=later)).when(fire(later)).then(
        fired(later, None)
    )


def test_one_that_has_fired_can_be_snoozed() -> None:
    later = DUE + timedelta(minutes=10)
    snooze = SnoozeReminder(reminder="r", requester=None, until=later, at=DUE)
    history = (scheduled(), fired(DUE, None))
    given(REMINDER, *history).when(snooze).then(ReminderSnoozed(next_at=later))
    given(REMINDER, *history, ReminderSnoozed(next_at=later)).when(fire(later)).then(
        fired(later, None, n=2)
    )


def test_it_is_not_snoozed_into_the_past() -> None:
    snooze = SnoozeReminder(reminder="r", requester=None, until=AT - timedelta(days=1), at=AT)
    given(REMINDER, scheduled()).when(snooze).refused(Invalid)


def test_a_snoozed_schedule_goes_on_behind_the_snooze() -> None:
    later = NINE + timedelta(days=2, hours=1)
    history = (scheduled(EVERY_DAY, NINE), ReminderSnoozed(next_at=later))
    given(REMINDER, *history).when(fire(later)).then(fired(later, NINE + timedelta(days=3)))


def test_cancelled_it_is_over_for_good() -> None:
    cancel = CancelReminder(reminder="r", requester=None, at=AT)
    snooze = SnoozeReminder(reminder="r", requester=None, until=DUE, at=AT)
    given(REMINDER, scheduled()).when(cancel).then(ReminderCancelled())
    over = given(REMINDER, scheduled(), ReminderCancelled())
    over.when(cancel).then()
    over.when(fire(DUE)).then()
    over.when(snooze).refused(ReminderIsCancelled)
    over.when(change(title="coffee")).refused(ReminderIsCancelled)


def test_only_what_differs_is_changed() -> None:
    later = Once(at=DUE + timedelta(hours=1))
    given(REMINDER, scheduled()).when(change()).then()
    given(REMINDER, scheduled()).when(change(title="tea", schedule=ONCE)).then()
    given(REMINDER, scheduled()).when(change(title="coffee", body="black", schedule=later)).then(
        ReminderReworded(owner="ada", title="coffee", body="black"),
        ReminderRescheduled(schedule=later, next_at=later.at),
    )


def test_an_empty_body_is_taken_away() -> None:
    given(REMINDER, scheduled(body="black")).when(change(body="")).then(
        ReminderReworded(owner="ada", title="tea", body=None)
    )


def test_a_webhook_keeps_its_secret_when_it_moves() -> None:
    elsewhere = WebhookChannel(url="https://example.org/2")
    given(REMINDER, scheduled()).when(change(route=Route(channel=elsewhere))).then(
        ReminderRerouted(owner="ada", channel=elsewhere, address=None, secret="s1", retry=POLICY)
    )


def test_what_becomes_a_webhook_gets_a_secret() -> None:
    inbox = scheduled(channel=InboxChannel(account="ada"), secret=None)
    given(REMINDER, inbox).when(change(route=Route(channel=TO_URL))).then(
        ReminderRerouted(owner="ada", channel=TO_URL, address=None, secret="s2", retry=POLICY)
    )


def test_one_that_has_fired_can_be_scheduled_again() -> None:
    later = Once(at=DUE + timedelta(days=1))
    given(REMINDER, scheduled(), fired(DUE, None)).when(change(schedule=later)).then(
        ReminderRescheduled(schedule=later, next_at=later.at)
    )


def test_the_same_schedule_undoes_a_snooze() -> None:
    snoozed = ReminderSnoozed(next_at=DUE + timedelta(hours=5))
    given(REMINDER, scheduled(), snoozed).when(change(schedule=ONCE)).then(
        ReminderRescheduled(schedule=ONCE, next_at=DUE)
    )


@pytest.mark.parametrize(
    "command",
    [
        change(requester="eve", title="x"),
        SnoozeReminder(reminder="r", requester="eve", until=DUE, at=AT),
        CancelReminder(reminder="r", requester="eve", at=AT),
    ],
)
def test_somebody_elses_is_not_there(command: Any) -> None:
    given(REMINDER, scheduled()).when(command).refused(NoSuchReminder)
    given(REMINDER).when(command).refused(NoSuchReminder)


EVENTS = st.sampled_from(
    [
        scheduled(),
        scheduled(EVERY_DAY, NINE),
        ReminderReworded(owner="ada", title="x", body=None),
        ReminderRerouted(
            owner="ada", channel=LogChannel(), address=None, secret=None, retry=POLICY
        ),
        ReminderRescheduled(schedule=EVERY_DAY, next_at=NINE),
        ReminderSnoozed(next_at=NINE),
        ReminderCancelled(),
        fired(DUE, None),
        fired(NINE, NINE + timedelta(days=1), n=7),
    ]
)


@forall(st.lists(EVENTS, max_size=8))
def test_any_events_in_any_order_fold(events: list[Any]) -> None:
    REMINDER.fold(events)


@forall(st.lists(EVENTS, max_size=8), st.timedeltas(timedelta(days=-3), timedelta(days=400)))
def test_whatever_has_happened_it_fires_at_most_once_at_a_time(
    events: list[Any], after: timedelta
) -> None:
    reminder = REMINDER.fold(events)
    at = AT + after
    first = REMINDER.decide(reminder, fire(at))
    now = REMINDER.fold(first, reminder)
    assert len(first) <= 1
    assert REMINDER.decide(now, fire(at)) == []
    if isinstance(now, Reminder) and first:
        assert now.next_at is None or now.next_at > at
