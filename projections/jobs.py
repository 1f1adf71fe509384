"""Jobs as lists show them: by state, newest first; the dead ones are the dead letters."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from domain.jobs import (
    CANCELLED,
    DEAD,
    QUEUED,
    RETRYING,
    RUNNING,
    SUCCEEDED,
    JobAttemptFailed,
    JobCancelled,
    JobDied,
    JobEvent,
    JobQueued,
    JobRequeued,
    JobStarted,
    JobSucceeded,
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

JOBS = Table(
    "jobs",
    key={"id": TEXT},
    columns={
        "queued_at": BIGINT,
        "action": TEXT,
        "requester": TEXT,
        "state": TEXT,
        "attempts": defaulted(INT, 0),
        "error": nullable(TEXT),
        "retry_at": nullable(TIME),
        "created_at": TIME,
        "updated_at": TIME,
        "version": BIGINT,
    },
    indexes=(("queued_at",), ("state", "queued_at"), ("requester", "queued_at")),
)


def project(recorded: Recorded[JobEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    job, event = recorded.stream_id, recorded.event
    told: dict[str, Any] = {"updated_at": recorded.recorded_at, "version": recorded.version}
    match event:
        case JobQueued():
            values = {
                **told,
                "queued_at": recorded.position,
                "action": event.action,
                "requester": event.requester,
                "state": QUEUED,
                "created_at": recorded.recorded_at,
            }
            yield put(JOBS, job, values)
        case JobStarted():
            started = {"state": RUNNING, "attempts": event.attempt, "retry_at": None}
            yield patch(JOBS, job, {**told, **started})
        case JobAttemptFailed():
            failed = {"state": RETRYING, "error": event.error, "retry_at": event.retry_at}
            yield patch(JOBS, job, {**told, **failed})
        case JobSucceeded():
            yield patch(JOBS, job, {**told, "state": SUCCEEDED, "error": None})
        case JobDied():
            yield patch(JOBS, job, {**told, "state": DEAD})
        case JobRequeued():
            yield patch(JOBS, job, {**told, "state": QUEUED})
        case JobCancelled():
            yield patch(JOBS, job, {**told, "state": CANCELLED, "retry_at": None})


PROJECTION = Projection(
    name="jobs",
    version=1,
    tables=(JOBS,),
    handles=(
        JobQueued,
        JobStarted,
        JobAttemptFailed,
        JobSucceeded,
        JobDied,
        JobRequeued,
        JobCancelled,
    ),
    project=project,
)


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """A job; `queued_at` is the position at which it was queued."""

    id: str
    queued_at: int
    action: str
    requester: str
    state: str
    attempts: int
    error: str | None
    retry_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


_COLUMNS = (
    "id, queued_at, action, requester, state, attempts, error, retry_at,"
    " created_at, updated_at, version"
)


async def find_jobs(
    rows: Rows,
    *,
    state: str | None = None,
    action: str | None = None,
    requester: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[JobRow]:
    """Jobs, newest first, queued before a position."""
    sql = f"""
        SELECT {_COLUMNS} FROM {{jobs}}
        WHERE ($1::text IS NULL OR state = $1)
          AND ($2::text IS NULL OR action = $2)
          AND ($3::text IS NULL OR requester = $3)
          AND queued_at < coalesce($4::bigint, 9223372036854775807)
        ORDER BY queued_at DESC LIMIT $5
    """  # noqa: S608 - constants
    return await rows.find(JobRow, sql, state, action, requester, before, limit)
