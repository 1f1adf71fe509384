"""What a reminder is, and why a command on it may be refused."""

from datetime import datetime

import msgspec

from domain.channels import Route
from domain.decider import Erased
from domain.rejections import Conflict, NotFound
from domain.reminders.events import ReminderFired, Schedule
from domain.retries import RetryPolicy


class NoReminder(msgspec.Struct, frozen=True):
    """Nothing was scheduled."""


SCHEDULED, SNOOZED, FIRED, CANCELLED = "scheduled", "snoozed", "fired", "cancelled"


class Reminder(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder; `last` is its newest occurrence, and `next_at` None: it will not fire."""

    owner: str
    title: str | Erased
    body: str | Erased | None
    schedule: Schedule
    route: Route
    retry: RetryPolicy
    next_at: datetime | None
    state: str = SCHEDULED
    last: ReminderFired | None = None

    @property
    def occurrences(self) -> int:
        """How often it has fired."""
        return 0 if self.last is None else self.last.occurrence


class NoSuchReminder(NotFound):
    """No such reminder was made, or none that the caller may see."""

    slug = "no-such-reminder"
    title = "There is no such reminder"


class ReminderIdTaken(Conflict):
    """The new reminder's id is in use."""

    slug = "reminder-id-taken"
    title = "This reminder exists"


class ReminderIsCancelled(Conflict):
    """A cancelled reminder is over for good."""

    slug = "reminder-is-cancelled"
    title = "This reminder was cancelled"
