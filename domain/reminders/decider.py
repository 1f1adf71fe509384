"""What a reminder answers to a command, and what an event makes of it."""

from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from domain.channels import Route, WebhookChannel
from domain.decider import Decider, Erased
from domain.rejections import Fault, Invalid
from domain.reminders.commands import (
    CancelReminder,
    ChangeReminder,
    Fire,
    ReminderCommand,
    ScheduleReminder,
    SnoozeReminder,
)
from domain.reminders.events import (
    Once,
    ReminderCancelled,
    ReminderEvent,
    ReminderFired,
    ReminderRerouted,
    ReminderRescheduled,
    ReminderReworded,
    ReminderScheduled,
    ReminderSnoozed,
    Schedule,
)
from domain.reminders.state import (
    CANCELLED,
    FIRED,
    SCHEDULED,
    SNOOZED,
    NoReminder,
    NoSuchReminder,
    Reminder,
    ReminderIdTaken,
    ReminderIsCancelled,
)
from domain.schedules import check, next_after

PUNCTUAL = timedelta(seconds=1)
"""What fires later than this after its time is marked as late."""
JUST_NOW = timedelta(minutes=1)
"""A time that has passed no longer than this was meant: clocks differ, and requests take time."""


def decide(reminder: NoReminder | Reminder, command: ReminderCommand) -> list[ReminderEvent]:
    """Answer a command with the events it causes."""
    if isinstance(command, ScheduleReminder):
        return _schedule(reminder, command)
    if isinstance(command, Fire):
        return _fire(reminder, command)
    if isinstance(reminder, NoReminder) or command.requester not in (None, reminder.owner):
        raise NoSuchReminder
    match command:
        case ChangeReminder():
            return _change(reminder, command)
        case SnoozeReminder():
            return _snooze(reminder, command)
        case CancelReminder():
            return [] if reminder.state == CANCELLED else [ReminderCancelled()]
        case _:
            assert_never(command)


def _schedule(reminder: NoReminder | Reminder, command: ScheduleReminder) -> list[ReminderEvent]:
    if isinstance(reminder, Reminder):
        raise ReminderIdTaken
    route = _signed(command.route, None, command.new_secret)
    return [
        ReminderScheduled(
            owner=command.owner,
            title=command.title,
            body=command.body or None,
            schedule=command.schedule,
            channel=route.channel,
            address=route.address,
            secret=route.secret,
            retry=command.retry,
            next_at=_first(command.schedule, command.at),
        )
    ]


def _first(schedule: Schedule, at: datetime) -> datetime:
    if isinstance(schedule, Once):
        return _not_past(schedule.at, at, "/due_at")
    check(schedule.cron, schedule.time_zone)
    return next_after(schedule.cron, schedule.time_zone, at)


def _not_past(moment: datetime, at: datetime, pointer: str) -> datetime:
    if moment < at - JUST_NOW:
        raise Invalid(Fault(pointer=pointer, code="past", detail="has passed already"))
    return moment


def _signed(route: Route, before: Route | None, new_secret: str) -> Route:
    """The route with what its webhook is signed with: its own secret, or the last, or a new one."""
    if route.secret is not None or not isinstance(route.channel, WebhookChannel):
        return route
    kept = None if before is None else before.secret
    return msgspec.structs.replace(route, secret=kept or new_secret)


def _change(reminder: Reminder, command: ChangeReminder) -> list[ReminderEvent]:
    if reminder.state == CANCELLED:
        raise ReminderIsCancelled
    events: list[ReminderEvent] = []
    title = reminder.title if command.title is None else command.title
    body = reminder.body if command.body is None else command.body or None
    if (title, body) != (reminder.title, reminder.body):
        events.append(ReminderReworded(owner=reminder.owner, title=title, body=body))
    retry = command.retry or reminder.retry
    route = reminder.route
    if command.route is not None:
        route = _signed(command.route, reminder.route, command.new_secret)
    if (route, retry) != (reminder.route, reminder.retry):
        events.append(
            ReminderRerouted(
                owner=reminder.owner,
                channel=route.channel,
                address=route.address,
                secret=route.secret,
                retry=retry,
            )
        )
    if command.schedule is not None and not _is_so(reminder, command.schedule):
        next_at = _first(command.schedule, command.at)
        events.append(ReminderRescheduled(schedule=command.schedule, next_at=next_at))
    return events


def _is_so(reminder: Reminder, schedule: Schedule) -> bool:
    return reminder.state == SCHEDULED and reminder.schedule == schedule


def _snooze(reminder: Reminder, command: SnoozeReminder) -> list[ReminderEvent]:
    if reminder.state == CANCELLED:
        raise ReminderIsCancelled
    if reminder.state == SNOOZED and reminder.next_at == command.until:
        return []
    return [ReminderSnoozed(next_at=_not_past(command.until, command.at, "/until"))]


def _fire(reminder: NoReminder | Reminder, command: Fire) -> list[ReminderEvent]:
    if isinstance(reminder, NoReminder) or reminder.next_at is None:
        return []
    if command.at < reminder.next_at:
        return []
    if isinstance(reminder.title, Erased):  # whom it concerned is gone
        return [ReminderCancelled()]
    return [
        ReminderFired(
            occurrence=reminder.occurrences + 1,
            due_at=reminder.next_at,
            late=command.at - reminder.next_at > PUNCTUAL,
            delivery=command.delivery,
            next_at=_following(reminder.schedule, command.at),
        )
    ]


def _following(schedule: Schedule, at: datetime) -> datetime | None:
    if isinstance(schedule, Once):
        return None
    try:
        return next_after(schedule.cron, schedule.time_zone, at)
    except OverflowError:
        return None


def evolve(reminder: NoReminder | Reminder, event: ReminderEvent) -> NoReminder | Reminder:
    """The reminder after an event."""
    if isinstance(event, ReminderScheduled):
        return Reminder(
            owner=event.owner,
            title=event.title,
            body=event.body,
            schedule=event.schedule,
            route=Route(channel=event.channel, address=event.address, secret=event.secret),
            retry=event.retry,
            next_at=event.next_at,
        )
    if isinstance(reminder, NoReminder):
        return reminder
    change = msgspec.structs.replace
    match event:
        case ReminderReworded():
            return change(reminder, title=event.title, body=event.body)
        case ReminderRerouted():
            route = Route(channel=event.channel, address=event.address, secret=event.secret)
            return change(reminder, route=route, retry=event.retry)
        case ReminderRescheduled():
            return change(reminder, schedule=event.schedule, next_at=event.next_at, state=SCHEDULED)
        case ReminderSnoozed():
            return change(reminder, next_at=event.next_at, state=SNOOZED)
        case ReminderCancelled():
            return change(reminder, next_at=None, state=CANCELLED)
        case ReminderFired():
            state = FIRED if event.next_at is None else SCHEDULED
            return change(reminder, next_at=event.next_at, state=state, last=event)
        case _:
            assert_never(event)


REMINDER: Decider[NoReminder | Reminder, ReminderCommand, ReminderEvent] = Decider(
    category="reminder", events=ReminderEvent, initial=NoReminder(), decide=decide, evolve=evolve
)
