"""Reminders: something that somebody wants to be told, once or by a schedule.

`next_at` is all that the clock is asked about. Every event that moves it says where to, so what
is due can be derived from the log by reading each event alone. A reminder fires by appending to
its stream: however many schedulers notice that it is due, one append is the first, and the others
find that there is nothing left to fire.
"""

from domain.reminders.commands import (
    CancelReminder,
    ChangeReminder,
    Fire,
    ReminderCommand,
    ScheduleReminder,
    SnoozeReminder,
)
from domain.reminders.decider import (
    JUST_NOW,
    PUNCTUAL,
    REMINDER,
)
from domain.reminders.events import (
    Once,
    Recurring,
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

__all__ = [
    "CANCELLED",
    "FIRED",
    "JUST_NOW",
    "PUNCTUAL",
    "REMINDER",
    "SCHEDULED",
    "SNOOZED",
    "CancelReminder",
    "ChangeReminder",
    "Fire",
    "NoReminder",
    "NoSuchReminder",
    "Once",
    "Recurring",
    "Reminder",
    "ReminderCancelled",
    "ReminderCommand",
    "ReminderEvent",
    "ReminderFired",
    "ReminderIdTaken",
    "ReminderIsCancelled",
    "ReminderRerouted",
    "ReminderRescheduled",
    "ReminderReworded",
    "ReminderScheduled",
    "ReminderSnoozed",
    "Schedule",
    "ScheduleReminder",
    "SnoozeReminder",
]
