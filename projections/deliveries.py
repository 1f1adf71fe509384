"""Deliveries as lists show them: by state, newest first; the dead ones are dead letters."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from domain.deliveries import (
    DEAD,
    QUEUED,
    RETRYING,
    RUNNING,
    SUCCEEDED,
    DeliveryAttemptFailed,
    DeliveryDied,
    DeliveryEvent,
    DeliveryQueued,
    DeliveryRequeued,
    DeliveryStarted,
    DeliverySucceeded,
)
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
    BOOLEAN,
    INT,
    TEXT,
    TIME,
    Operation,
    Table,
    defaulted,
    nullable,
    patch,
    put,
)

DELIVERIES = Table(
    "deliveries",
    key={"id": TEXT},
    columns={
        "queued_at": BIGINT,
        "owner": TEXT,
        "reminder": TEXT,
        "occurrence": INT,
        "due_at": TIME,
        "late": BOOLEAN,
        "channel": TEXT,
        "state": TEXT,
        "attempts": defaulted(INT, 0),
        "error": nullable(TEXT),
        "retry_at": nullable(TIME),
        "created_at": TIME,
        "updated_at": TIME,
        "version": BIGINT,
    },
    indexes=(
        ("queued_at",),
        ("state", "queued_at"),
        ("owner", "queued_at"),
        ("reminder", "queued_at"),
    ),
)


def project(recorded: Recorded[DeliveryEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    delivery, event = recorded.stream_id, recorded.event
    told: dict[str, Any] = {"updated_at": recorded.recorded_at, "version": recorded.version}
    match event:
        case DeliveryQueued():
            values = {
                **told,
                "queued_at": recorded.position,
                "owner": event.owner,
                "reminder": event.reminder,
                "occurrence": event.occurrence,
                "due_at": event.due_at,
                "late": event.late,
                "channel": _kind(event),
                "state": QUEUED,
                "created_at": recorded.recorded_at,
            }
            yield put(DELIVERIES, delivery, values)
        case DeliveryStarted():
            started = {"state": RUNNING, "attempts": event.attempt, "retry_at": None}
            yield patch(DELIVERIES, delivery, {**told, **started})
        case DeliveryAttemptFailed():
            failed = {"state": RETRYING, "error": event.error, "retry_at": event.retry_at}
            yield patch(DELIVERIES, delivery, {**told, **failed})
        case DeliverySucceeded():
            yield patch(DELIVERIES, delivery, {**told, "state": SUCCEEDED, "error": None})
        case DeliveryDied():
            yield patch(DELIVERIES, delivery, {**told, "state": DEAD})
        case DeliveryRequeued():
            yield patch(DELIVERIES, delivery, {**told, "state": QUEUED, "channel": _kind(event)})


def _kind(event: DeliveryQueued | DeliveryRequeued) -> str:
    return str(event.channel.__struct_config__.tag)


PROJECTION = Projection(
    name="deliveries",
    version=1,
    tables=(DELIVERIES,),
    handles=(
        DeliveryQueued,
        DeliveryStarted,
        DeliveryAttemptFailed,
        DeliverySucceeded,
        DeliveryDied,
        DeliveryRequeued,
    ),
    project=project,
)


class DeliveryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery; `queued_at` is the position at which it was queued."""

    id: str
    queued_at: int
    owner: str
    reminder: str
    occurrence: int
    due_at: datetime
    late: bool
    channel: str
    state: str
    attempts: int
    error: str | None
    retry_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


_COLUMNS = ", ".join(DeliveryRow.__struct_fields__)


async def find_deliveries(
    rows: Rows,
    *,
    owner: str | None = None,
    state: str | None = None,
    reminder: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[DeliveryRow]:
    """Deliveries, newest first, queued before a position."""
    sql = f"""
        SELECT {_COLUMNS} FROM {{deliveries}}
        WHERE ($1::text IS NULL OR owner = $1)
          AND ($2::text IS NULL OR state = $2)
          AND ($3::text IS NULL OR reminder = $3)
          AND queued_at < coalesce($4::bigint, 9223372036854775807)
        ORDER BY queued_at DESC LIMIT $5
    """  # noqa: S608 - constants
    return await rows.find(DeliveryRow, sql, owner, state, reminder, before, limit)
