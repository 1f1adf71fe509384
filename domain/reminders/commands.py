"""What a reminder can be asked for."""

from datetime import datetime

from domain.channels import Route
from domain.decider import Command
from domain.reminders.events import Schedule
from domain.retries import RetryPolicy


class ScheduleReminder(Command, frozen=True, kw_only=True):
    """Make a reminder; `new_secret` signs its webhook where the route brings none."""

    owner: str
    title: str
    body: str | None
    schedule: Schedule
    route: Route
    retry: RetryPolicy
    new_secret: str
    at: datetime


class ChangeReminder(Command, frozen=True, kw_only=True):
    """Change some of a reminder: None leaves a thing as it is, and an empty body takes it away.

    `requester` is whose reminder it must be; None: anybody's. A webhook keeps its secret unless
    the route brings another.
    """

    reminder: str
    requester: str | None
    title: str | None
    body: str | None
    schedule: Schedule | None
    route: Route | None
    retry: RetryPolicy | None
    new_secret: str
    at: datetime


class SnoozeReminder(Command, frozen=True, kw_only=True):
    """Put the next occurrence off; one that has fired comes once more."""

    reminder: str
    requester: str | None
    until: datetime
    at: datetime


class CancelReminder(Command, frozen=True, kw_only=True):
    """Want to be told no more."""

    reminder: str
    requester: str | None
    at: datetime


class Fire(Command, frozen=True, kw_only=True):
    """Fire the occurrence that is due now, if one is; `delivery` is the id of what will tell it."""

    delivery: str
    at: datetime


ReminderCommand = ScheduleReminder | ChangeReminder | SnoozeReminder | CancelReminder | Fire
