"""How reminders are wired."""

import adapters.http.reminders
import projections.reminders
from adapters.capability import Capability, Handlers
from adapters.reminder_clock import run_reminders
from adapters.services import Services
from application.bus import OneStream
from application.reminders import (
    AlterReminder,
    AlterReminderHandler,
    FireReminder,
    FireReminderHandler,
    MakeReminder,
    MakeReminderHandler,
)
from domain.reminders import REMINDER, CancelReminder, SnoozeReminder


def _handlers(services: Services) -> Handlers:
    handler = OneStream(REMINDER, lambda command: command.reminder)
    return {
        MakeReminder: MakeReminderHandler(services.new_id),
        AlterReminder: AlterReminderHandler(),
        SnoozeReminder: handler,
        CancelReminder: handler,
        FireReminder: FireReminderHandler(services.now, services.new_id),
    }


CAPABILITY = Capability(
    name="reminders",
    deciders=(REMINDER,),
    handlers=_handlers,
    projections=(projections.reminders.PROJECTION,),
    operations=adapters.http.reminders.OPERATIONS,
    chores={"reminders": run_reminders},
)
