"""What happens to a reminder."""

from datetime import datetime

import msgspec

from domain.channels import Channel
from domain.decider import Event, Personal, Secret
from domain.retries import RetryPolicy


class Once(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="once"):
    """At one moment."""

    at: datetime


class Recurring(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="cron"):
    """Whenever a cron expression says so, by the clocks of a time zone."""

    cron: str
    time_zone: str


Schedule = Once | Recurring


class ReminderScheduled(Event, frozen=True, kw_only=True, tag="reminder.scheduled"):
    """Somebody wants to be told; `owner` is the id of the account or key."""

    PERSON = "owner"

    owner: str
    title: Personal
    body: Personal | None
    schedule: Schedule
    channel: Channel
    address: Personal | None
    secret: Secret | None
    retry: RetryPolicy
    next_at: datetime


class ReminderReworded(Event, frozen=True, kw_only=True, tag="reminder.reworded"):
    """It says something else from now on."""

    PERSON = "owner"

    owner: str
    title: Personal
    body: Personal | None


class ReminderRerouted(Event, frozen=True, kw_only=True, tag="reminder.rerouted"):
    """It is delivered in another way from now on."""

    PERSON = "owner"

    owner: str
    channel: Channel
    address: Personal | None
    secret: Secret | None
    retry: RetryPolicy


class ReminderRescheduled(Event, frozen=True, kw_only=True, tag="reminder.rescheduled"):
    """It fires at other times from now on."""

    schedule: Schedule
    next_at: datetime


class ReminderSnoozed(Event, frozen=True, kw_only=True, tag="reminder.snoozed"):
    """Its next occurrence comes at this time; the schedule goes on behind it."""

    next_at: datetime


class ReminderCancelled(Event, frozen=True, kw_only=True, tag="reminder.cancelled"):
    """It fires never again."""


class ReminderFired(Event, frozen=True, kw_only=True, tag="reminder.fired"):
    """It was due, and `delivery` tells it; occurrences count from 1.

    `late`: nobody was there to fire it in time. Of several times that have passed meanwhile, one
    fires. `next_at` None means that it was the last.
    """

    occurrence: int
    due_at: datetime
    late: bool
    delivery: str
    next_at: datetime | None


ReminderEvent = (
    ReminderScheduled
    | ReminderReworded
    | ReminderRerouted
    | ReminderRescheduled
    | ReminderSnoozed
    | ReminderCancelled
    | ReminderFired
)
