"""Planned changes of flags as lists show them, newest first, and as schedulers begin with them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from domain.flags.planned import (
    CANCELLED,
    COMPLETED,
    FAILED,
    PAUSED,
    PROPOSED,
    REJECTED,
    FlagChangeApproved,
    FlagChangeCancelled,
    FlagChangeCompleted,
    FlagChangeEvent,
    FlagChangeFailed,
    FlagChangePaused,
    FlagChangeProposed,
    FlagChangeRejected,
    FlagChangeResumed,
    FlagChangeState,
    FlagChangeStepCarriedOut,
    waiting,
)
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
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

FLAG_CHANGES = Table(
    "flag_changes",
    key={"id": TEXT},
    columns={
        "flag": TEXT,
        "state": TEXT,
        "next_at": nullable(TIME),
        "steps": INT,
        "done": defaulted(INT, 0),
        "reason": TEXT,
        "proposer": TEXT,
        "approver": nullable(TEXT),
        "created_at": TIME,
        "updated_at": TIME,
        "version": BIGINT,
    },
    indexes=(("state", "next_at"), ("flag", "id desc"), ("state", "id desc")),
)


def project(recorded: Recorded[FlagChangeEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    id_, event = recorded.stream_id, recorded.event
    told: dict[str, Any] = {"updated_at": recorded.recorded_at, "version": recorded.version}
    if isinstance(event, FlagChangeProposed):
        values = {
            "flag": event.flag,
            "state": PROPOSED if event.needs_approval else waiting(event.next_at),
            "next_at": event.next_at,
            "steps": len(event.steps),
            "reason": event.reason,
            "proposer": event.proposer,
            "created_at": recorded.recorded_at,
        }
        yield put(FLAG_CHANGES, id_, {**values, **told})
        return
    yield patch(FLAG_CHANGES, id_, {**told, **_changes(event)})


def _changes(event: FlagChangeEvent) -> dict[str, Any]:
    match event:
        case FlagChangeApproved():
            return {**_running(event.next_at), "approver": event.approver}
        case FlagChangeStepCarriedOut():
            return {**_running(event.next_at), "done": event.step}
        case FlagChangeResumed():
            return _running(event.next_at)
        case _:
            return {"state": _STATES[type(event)], "next_at": None}


def _running(next_at: datetime | None) -> dict[str, Any]:
    return {"state": waiting(next_at), "next_at": next_at}


_STATES: dict[type[Any], FlagChangeState] = {
    FlagChangePaused: PAUSED,
    FlagChangeRejected: REJECTED,
    FlagChangeCancelled: CANCELLED,
    FlagChangeFailed: FAILED,
    FlagChangeCompleted: COMPLETED,
}

PROJECTION = Projection(
    name="flag_changes",
    version=1,
    tables=(FLAG_CHANGES,),
    handles=FlagChangeEvent.__args__,
    project=project,
)


class FlagChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A planned change, without what it changes."""

    id: str
    flag: str
    state: FlagChangeState
    next_at: datetime | None
    steps: int
    done: int
    reason: str
    proposer: str
    approver: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class ScheduledRow(msgspec.Struct, frozen=True, kw_only=True):
    """A change of which a step is due at a time."""

    id: str
    next_at: datetime


async def find_flag_changes(
    rows: Rows,
    *,
    flag: str | None = None,
    state: FlagChangeState | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[FlagChangeRow]:
    """Changes, newest first, behind an id: of a flag, in a state."""
    sql = f"""
        SELECT {", ".join(FlagChangeRow.__struct_fields__)} FROM {{flag_changes}}
        WHERE ($1::text IS NULL OR flag = $1)
          AND ($2::text IS NULL OR state = $2)
          AND ($3::text IS NULL OR id < $3)
        ORDER BY id DESC LIMIT $4
    """  # noqa: S608 - constants
    return await rows.find(FlagChangeRow, sql, flag, state, before, limit)


async def find_scheduled(
    rows: Rows, *, after: tuple[datetime | None, str] = (None, ""), limit: int = 1000
) -> list[ScheduledRow]:
    """What is due at a time, the longest due first, behind a (time, id)."""
    at, id_ = after
    sql = """
        SELECT id, next_at FROM {flag_changes}
        WHERE state = 'scheduled' AND next_at IS NOT NULL
          AND ($1::timestamptz IS NULL OR (next_at, id) > ($1, $2::text))
        ORDER BY next_at, id LIMIT $3
    """
    return await rows.find(ScheduledRow, sql, at, id_, limit)
