"""Jobs over HTTP: how runs of actions go, and what to do with those that died.

Who may read jobs sees all of the tenant's; everybody else sees only what they have triggered, and
is told of any other job that there is no such thing.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import Name, known_id
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Cursor, Limit, Page, read_cursor
from domain.access import MissingPermission
from domain.jobs import DEAD, JOB, CancelJob, Job, NoJob, NoSuchJob, RequeueJob
from projections import jobs as projection

ALL, OWN = "jobs:read", "own-jobs:read"

JobState = Literal["queued", "running", "retrying", "succeeded", "dead", "cancelled"]


class JobsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which jobs."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    state: JobState | None = None
    action: Name | None = None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job; `attempts` counts over its whole life, `retry_at` is when the next one is due."""

    id: str
    action: str
    state: JobState
    attempts: int
    requester: str
    retry_at: datetime | None
    version: int


class JobItem(JobView, frozen=True, kw_only=True):
    """A job in a list; `error` is how its last attempt failed."""

    error: str | None
    created_at: datetime
    updated_at: datetime


class JobList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of jobs, newest first."""

    items: list[JobItem]
    next: str | None


def _missing(_job: str) -> NoSuchJob:
    return NoSuchJob()


def _sees_all(call: Call) -> bool:
    """Whether the caller reads every job of the tenant.

    Raises:
        MissingPermission: when the caller does not even read its own.
    """
    if ALL in call.principal.permissions:
        return True
    try:
        call.require(OWN)
    except MissingPermission:
        call.require(ALL)
    return False


async def _visible(call: Call, moment: Moment) -> tuple[str, Job, int]:
    """A job that the caller may see, and its version.

    Raises:
        NoSuchJob: when there is none, or it is somebody else's.
    """
    sees_all = _sees_all(call)
    id_ = known_id(call.params["id"], _missing)
    job, version = await fold(call, JOB, id_, moment)
    if isinstance(job, NoJob) or not (sees_all or job.requester == call.principal.id):
        raise NoSuchJob
    return id_, job, version


def _show(id_: str, status: int = 200) -> Render:
    def render(job: NoJob | Job, version: int) -> Answer:
        if isinstance(job, NoJob):
            raise NoSuchJob
        view = JobView(
            id=id_,
            action=job.action,
            state=job.phase,  # type: ignore[arg-type]  # phases are these words
            attempts=job.attempts,
            requester=job.requester,
            retry_at=job.retry_at,
            version=version,
        )
        return json_answer(view, status, (etag(version),))

    return render


@operation(
    "GET",
    "/v1/jobs/{id}",
    any_of=(ALL, OWN),
    query=Moment,
    answers={200: JobView},
    consistent=True,
)
async def get_job(call: Call, moment: Moment) -> Answer:
    """One job, now or as it was."""
    id_, job, version = await _visible(call, moment)
    return _show(id_)(job, version)


@operation(
    "GET",
    "/v1/jobs",
    any_of=(ALL, OWN),
    query=JobsQuery,
    answers={200: JobList},
    consistent=True,
)
async def list_jobs(call: Call, query: JobsQuery) -> Answer:
    """Jobs, newest first."""
    requester = None if _sees_all(call) else call.principal.id
    return await _list(call, query, state=query.state, action=query.action, requester=requester)


@operation(
    "GET",
    "/v1/dead-letters",
    needs=ALL,
    query=Page,
    answers={200: JobList},
    consistent=True,
)
async def list_dead_letters(call: Call, page: Page) -> Answer:
    """Jobs that are not tried again unless somebody requeues them, newest first."""
    return await _list(call, page, state=DEAD)


async def _list(call: Call, page: Page | JobsQuery, **which: Any) -> Answer:
    (before,) = read_cursor(page.cursor, int) or (None,)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_jobs(rows, before=before, limit=page.limit + 1, **which)
    shown, following = cut(found, page.limit, lambda row: row.queued_at)
    items = [
        JobItem(
            id=row.id,
            action=row.action,
            state=row.state,  # type: ignore[arg-type]  # states are these words
            attempts=row.attempts,
            requester=row.requester,
            retry_at=row.retry_at,
            version=row.version,
            error=row.error,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in shown
    ]
    return json_answer(JobList(items=items, next=following))


@operation(
    "GET",
    "/v1/jobs/{id}/log",
    any_of=(ALL, OWN),
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def job_log(call: Call, page: HistoryPage) -> Answer:
    """What happened to a job, in order."""
    id_, job, _version = await _visible(call, Moment())
    own = job.requester == call.principal.id
    stream = JOB.stream(id_)
    return await stream_history(call, call.tenant, stream, page, NoSuchJob(), personal=own)


@operation(
    "GET",
    "/v1/jobs/{id}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def job_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a job."""
    id_ = known_id(call.params["id"], _missing)
    return await stream_history(call, call.tenant, JOB.stream(id_), page, NoSuchJob())


@operation(
    "POST",
    "/v1/jobs/{id}/requeue",
    needs="jobs:write",
    answers={202: JobView},
    conditional=True,
)
async def requeue_job(call: Call) -> Answer:
    """Try a dead or cancelled job again, with a fresh budget of attempts."""
    id_ = known_id(call.params["id"], _missing)
    command = RequeueJob(job=id_, at=call.platform.now())
    return await execute(call, command, _show(id_, 202))


@operation(
    "POST",
    "/v1/jobs/{id}/cancel",
    needs="jobs:write",
    answers={200: JobView},
    conditional=True,
)
async def cancel_job(call: Call) -> Answer:
    """Stop wanting a job; an attempt that is under way may still finish."""
    id_ = known_id(call.params["id"], _missing)
    command = CancelJob(job=id_, at=call.platform.now())
    return await execute(call, command, _show(id_))


OPERATIONS = (
    get_job,
    list_jobs,
    list_dead_letters,
    job_log,
    job_history,
    requeue_job,
    cancel_job,
)
