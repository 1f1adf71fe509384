"""Reminders: how one is made, how one fires, and what the log says about when they are due."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.bus import Run
from application.catching_up import changes_since
from application.codec import EventCodec
from application.due_set import Change, DueRows, Name
from application.event_store import EventStore, StoredEvent
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, Account
from domain.channels import EmailChannel, InboxChannel, Route
from domain.deliveries import DELIVERY, QueueDelivery
from domain.emails import canonical_email
from domain.recorded import Recorded
from domain.rejections import Fault, Forbidden, Invalid
from domain.reminders import (
    REMINDER,
    ChangeReminder,
    Fire,
    NoReminder,
    Reminder,
    ReminderCancelled,
    ReminderFired,
    ReminderRescheduled,
    ReminderScheduled,
    ReminderSnoozed,
    ScheduleReminder,
)


class NotYourAddress(Forbidden):
    """Who may make reminders only for themselves has them sent only to themselves."""

    slug = "not-your-address"
    title = "You can only remind yourself"


class MakeReminder(msgspec.Struct, frozen=True, kw_only=True):
    """Make a reminder; `own` says that it may only go to its owner's own address and inbox."""

    schedule: ScheduleReminder
    own: bool


class AlterReminder(msgspec.Struct, frozen=True, kw_only=True):
    """Change a reminder; `own` as in `MakeReminder`."""

    change: ChangeReminder
    own: bool


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder and its version, as they are after a command."""

    id: str
    version: int
    reminder: NoReminder | Reminder


@dataclass(frozen=True)
class MakeReminderHandler:
    """Carries out `MakeReminder`."""

    new_id: Callable[[], UUID]

    async def __call__(self, command: MakeReminder, run: Run) -> Done[Made]:
        """Schedule it under a new id.

        Raises:
            NotYourAddress: it would go to somebody else.
            Invalid: with pointers into the request's body.
        """
        id_ = str(self.new_id())
        schedule = command.schedule

        async def decide(unit: Unit) -> Made:
            route = await _addressed(unit, schedule.route, schedule.owner, own=command.own)
            complete = msgspec.structs.replace(schedule, route=route)
            reminder = unit.begin(REMINDER, id_, complete)
            return Made(id=id_, version=unit.version(REMINDER, id_), reminder=reminder)

        return await run(decide)


@dataclass(frozen=True)
class AlterReminderHandler:
    """Carries out `AlterReminder`."""

    async def __call__(self, command: AlterReminder, run: Run) -> Done[Made]:
        """Change it.

        Raises:
            NotYourAddress: it would go to somebody else.
        """
        change = command.change

        async def decide(unit: Unit) -> Made:
            reminder = await unit.load(REMINDER, change.reminder)
            complete = change
            if change.route is not None and isinstance(reminder, Reminder):
                route = await _addressed(unit, change.route, reminder.owner, own=command.own)
                complete = msgspec.structs.replace(change, route=route)
            changed = await unit.decide(REMINDER, change.reminder, complete)
            version = unit.version(REMINDER, change.reminder)
            return Made(id=change.reminder, version=version, reminder=changed)

        return await run(decide, lanes=[(REMINDER, change.reminder)])


async def _addressed(unit: Unit, route: Route, owner: str, *, own: bool) -> Route:
    """The route, with the address of the owner's account where it names none."""
    if isinstance(route.channel, InboxChannel) and own and route.channel.account != owner:
        raise NotYourAddress("The inbox of another account can only be named by an admin.")
    if not isinstance(route.channel, EmailChannel) or (route.address is not None and not own):
        return route
    account = await unit.load(ACCOUNT, owner)
    known = account.email if isinstance(account, Account) else None
    if route.address is not None and not _same_address(str(route.address), known):
        raise NotYourAddress("Another address than your account's can only be named by an admin.")
    if known is None:
        detail = "is required, because the caller has no account"
        raise Invalid(Fault(pointer="/channel/to", code="required", detail=detail))
    return msgspec.structs.replace(route, address=known)


def _same_address(named: str, known: object) -> bool:
    return isinstance(known, str) and canonical_email(named) == canonical_email(known)


class FireReminder(msgspec.Struct, frozen=True, kw_only=True):
    """Fire what is due of a reminder now."""

    reminder: str


class FireOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: `late_by` seconds behind its time, or (None) nothing was due.

    `next_at` is when the reminder is due from now on.
    """

    late_by: float | None
    next_at: datetime | None


@dataclass(frozen=True)
class FireReminderHandler:
    """Carries out `FireReminder`: the occurrence and its delivery are recorded together."""

    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, command: FireReminder, run: Run) -> Done[FireOutcome]:
        """Fire, unless somebody else has or nothing is due."""
        delivery, id_ = str(self.new_id()), command.reminder

        async def decide(unit: Unit) -> FireOutcome:
            at = self.now()
            before = await unit.load(REMINDER, id_)
            after = await unit.decide(REMINDER, id_, Fire(delivery=delivery, at=at))
            if not isinstance(before, Reminder) or not isinstance(after, Reminder):
                return FireOutcome(late_by=None, next_at=None)
            if after.last is None or after.last is before.last:
                return FireOutcome(late_by=None, next_at=after.next_at)
            unit.begin(DELIVERY, delivery, _delivery(id_, before, after.last, at))
            late_by = (at - after.last.due_at).total_seconds()
            return FireOutcome(late_by=late_by, next_at=after.next_at)

        return await run(decide, lanes=[(REMINDER, id_)])


def _delivery(id_: str, reminder: Reminder, fired: ReminderFired, at: datetime) -> QueueDelivery:
    return QueueDelivery(
        owner=reminder.owner,
        reminder=id_,
        occurrence=fired.occurrence,
        due_at=fired.due_at,
        late=fired.late,
        title=reminder.title,
        body=reminder.body,
        route=reminder.route,
        retry=reminder.retry,
        at=at,
    )


class PendingReminders(Protocol):
    """The read model of reminders, as a rebuild of what is due needs it."""

    async def pending(self) -> tuple[int, AsyncIterator[Sequence[tuple[Name, datetime]]]]:
        """The checkpoint's position, and what was going to fire there, of all tenants."""
        ...


@dataclass(frozen=True)
class LoggedReminders:
    """Where a rebuild of what is due reads: the read model, then the log behind it."""

    rows: PendingReminders
    store: EventStore
    codec: EventCodec

    async def load(self) -> DueRows:
        """See `DueSource`."""
        tail = await self.store.tail()
        position, batches = await self.rows.pending()
        return DueRows(incarnation=tail.incarnation, position=position, batches=batches)

    async def catch_up(self, after: int, incarnation: UUID) -> tuple[Sequence[Change], int]:
        """See `DueSource`."""
        return await changes_since(
            after, incarnation, store=self.store, codec=self.codec, read=due_changes
        )


MOVES = (
    ReminderScheduled,
    ReminderRescheduled,
    ReminderSnoozed,
    ReminderCancelled,
    ReminderFired,
)
"""The events that say when a reminder is due from then on."""

_MOVES = frozenset(str(type_.__struct_config__.tag) for type_ in MOVES)


async def due_changes(events: Sequence[StoredEvent], codec: EventCodec) -> list[Change]:
    """What some events of the log mean for what is due when."""
    mine = [event for event in events if event.type in _MOVES]
    return [_change(recorded) for recorded in await codec.decode(mine)]


def _change(
    recorded: Recorded[
        ReminderScheduled
        | ReminderRescheduled
        | ReminderSnoozed
        | ReminderCancelled
        | ReminderFired
    ],
) -> Change:
    event = recorded.event
    due_at = None if isinstance(event, ReminderCancelled) else event.next_at
    return Change(recorded.position, Name(recorded.tenant, recorded.stream_id), due_at)
