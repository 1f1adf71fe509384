"""Reminders as lists show them, by when they are due; what they say is read from their streams."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from domain.recorded import Recorded
from domain.reminders import (
    CANCELLED,
    FIRED,
    SCHEDULED,
    SNOOZED,
    ReminderCancelled,
    ReminderEvent,
    ReminderFired,
    ReminderRerouted,
    ReminderRescheduled,
    ReminderReworded,
    ReminderScheduled,
    ReminderSnoozed,
)
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, TEXT, TIME, Operation, Table, nullable, patch, put

REMINDERS = Table(
    "reminders",
    key={"id": TEXT},
    columns={
        "owner": TEXT,
        "state": TEXT,
        "due_at": TIME,
        "next_at": nullable(TIME),
        "created_at": TIME,
        "updated_at": TIME,
        "version": BIGINT,
    },
    indexes=(("due_at",), ("state", "due_at"), ("owner", "due_at"), ("next_at",)),
)


def project(recorded: Recorded[ReminderEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    reminder, event = recorded.stream_id, recorded.event
    told: dict[str, Any] = {"updated_at": recorded.recorded_at, "version": recorded.version}
    match event:
        case ReminderScheduled():
            values = {
                **told,
                **_due(event.next_at),
                "owner": event.owner,
                "state": SCHEDULED,
                "created_at": recorded.recorded_at,
            }
            yield put(REMINDERS, reminder, values)
        case ReminderRescheduled():
            moved = {**_due(event.next_at), "state": SCHEDULED}
            yield patch(REMINDERS, reminder, {**told, **moved})
        case ReminderSnoozed():
            moved = {**_due(event.next_at), "state": SNOOZED}
            yield patch(REMINDERS, reminder, {**told, **moved})
        case ReminderCancelled():
            over = {"next_at": None, "state": CANCELLED}
            yield patch(REMINDERS, reminder, {**told, **over})
        case ReminderFired(next_at=None):
            last = {"next_at": None, "state": FIRED, "due_at": event.due_at}
            yield patch(REMINDERS, reminder, {**told, **last})
        case ReminderFired():
            moved = {**_due(event.next_at), "state": SCHEDULED}
            yield patch(REMINDERS, reminder, {**told, **moved})
        case ReminderReworded() | ReminderRerouted():
            yield patch(REMINDERS, reminder, told)


def _due(next_at: datetime | None) -> dict[str, Any]:
    return {"due_at": next_at, "next_at": next_at}


PROJECTION = Projection(
    name="reminders",
    version=1,
    tables=(REMINDERS,),
    handles=(
        ReminderScheduled,
        ReminderReworded,
        ReminderRerouted,
        ReminderRescheduled,
        ReminderSnoozed,
        ReminderCancelled,
        ReminderFired,
    ),
    project=project,
)


class ReminderRow(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder; `due_at` is when it fires next, or was to fire last."""

    id: str
    owner: str
    state: str
    due_at: datetime
    next_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class PendingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder that is going to fire."""

    id: str
    next_at: datetime


async def find_reminders(
    rows: Rows,
    *,
    owner: str | None = None,
    state: str | None = None,
    due_from: datetime | None = None,
    due_to: datetime | None = None,
    after: tuple[datetime | None, str] = (None, ""),
    limit: int = 50,
) -> list[ReminderRow]:
    """Reminders by their time, from one to before another, behind a (time, id)."""
    at, id_ = after
    sql = """
        SELECT id, owner, state, due_at, next_at, created_at, updated_at, version
        FROM {reminders}
        WHERE ($1::text IS NULL OR owner = $1)
          AND ($2::text IS NULL OR state = $2)
          AND ($3::timestamptz IS NULL OR due_at >= $3)
          AND ($4::timestamptz IS NULL OR due_at < $4)
          AND ($5::timestamptz IS NULL OR (due_at, id) > ($5, $6::text))
        ORDER BY due_at, id LIMIT $7
    """
    return await rows.find(ReminderRow, sql, owner, state, due_from, due_to, at, id_, limit)


async def find_pending(rows: Rows, *, after: str = "", limit: int = 1000) -> list[PendingRow]:
    """What is going to fire, by id, behind an id."""
    sql = """
        SELECT id, next_at FROM {reminders}
        WHERE id > $1 AND next_at IS NOT NULL ORDER BY id LIMIT $2
    """
    return await rows.find(PendingRow, sql, after, limit)
