"""Restores as a list shows them, newest first."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.recorded import Recorded
from domain.restores import (
    COMPLETED,
    FAILED,
    RUNNING,
    RestoreCompleted,
    RestoreEvent,
    RestoreFailed,
    RestoreOldDropped,
    RestoreStarted,
)
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, TEXT, TIME, Operation, Table, nullable, patch, put

RESTORES = Table(
    "restores",
    key={"id": TEXT},
    columns={
        "began": BIGINT,
        "backup": TEXT,
        "position": nullable(BIGINT),
        "state": TEXT,
        "reason": TEXT,
        "error": nullable(TEXT),
        "kept": nullable(TEXT),
        "created_at": TIME,
        "updated_at": TIME,
        "version": BIGINT,
    },
    indexes=(("began",),),
)


def project(recorded: Recorded[RestoreEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    id_, event = recorded.stream_id, recorded.event
    told = {"updated_at": recorded.recorded_at, "version": recorded.version}
    match event:
        case RestoreStarted() | RestoreCompleted():
            ended = isinstance(event, RestoreCompleted)
            values = {
                **told,
                "began": recorded.position,
                "backup": event.version,
                "position": event.position,
                "state": COMPLETED if ended else RUNNING,
                "reason": event.reason,
                "kept": event.kept if isinstance(event, RestoreCompleted) else None,
                "created_at": recorded.recorded_at,
            }
            yield put(RESTORES, id_, values)
        case RestoreFailed():
            yield patch(RESTORES, id_, {**told, "state": FAILED, "error": event.error})
        case RestoreOldDropped():
            yield patch(RESTORES, id_, {**told, "kept": None})
        case _:
            yield patch(RESTORES, id_, told)


PROJECTION = Projection(
    name="restores",
    version=1,
    tables=(RESTORES,),
    handles=RestoreEvent.__args__,
    project=project,
)


class RestoreRow(msgspec.Struct, frozen=True, kw_only=True):
    """A restore; `began` is the position of its first event in this log."""

    id: str
    began: int
    backup: str
    position: int | None
    state: str
    reason: str
    error: str | None
    kept: str | None
    created_at: datetime
    updated_at: datetime
    version: int


async def find_restores(
    rows: Rows, *, before: int | None = None, limit: int = 50
) -> list[RestoreRow]:
    """Restores, newest first, begun before a position."""
    sql = f"""
        SELECT {", ".join(RestoreRow.__struct_fields__)} FROM {{restores}}
        WHERE began < coalesce($1::bigint, 9223372036854775807)
        ORDER BY began DESC LIMIT $2
    """  # noqa: S608 - constants
    return await rows.find(RestoreRow, sql, before, limit)
