"""`annals jobs`: how runs of actions go, and what to do with those that died."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import click
import msgspec

from adapters.cli.events import personal_option, show_line
from adapters.cli.opening import OpenLog, open_log
from adapters.cli.output import Column, Output, span, state
from adapters.cli.running import Failed, Invocation, runs, sentence
from adapters.clock import now
from adapters.http.event_views import NONE, EventView, view_events
from domain.decider import ERASED
from domain.jobs import DEAD, JOB, PHASES, CancelJob, Job, RequeueJob
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Rejection
from projections import jobs as projection
from projections.jobs import JobRow

PAGE = 500
AT_ONCE = 64
"""Commands under way together: they share the log's appends."""

tenant_option = click.option(
    "--tenant", default=DEFAULT_TENANT, show_default=True, help="Whose jobs."
)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a command did to one job; `refused` tells why it did nothing."""

    id: str
    state: str | None
    refused: str | None = None


@click.group
def jobs() -> None:
    """See after jobs and dead letters."""


@jobs.command("list")
@click.option("--state", "phase", type=click.Choice(PHASES), help="Only jobs in this state.")
@click.option("--action", help="Only runs of this action.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@tenant_option
@runs
async def list_(
    invocation: Invocation, phase: str | None, action: str | None, limit: int, tenant: str
) -> None:
    """List jobs, newest first."""
    async with open_log(invocation) as log:
        found = await _find(log, tenant, limit=limit + 1, state=phase, action=action)
    output, shown = invocation.output, found[:limit]
    if output.as_json:
        output.document({"items": shown, "more": len(found) > limit})
        return
    output.table(shown, _columns(now()), empty="There are no such jobs.")
    if len(found) > limit:
        output.note("There are older ones: name a --state or an --action, or raise --limit.")


@jobs.command
@click.argument("id", type=click.UUID)
@tenant_option
@personal_option
@runs
async def show(invocation: Invocation, id: UUID, tenant: str, personal: bool) -> None:  # noqa: A002, FBT001 - the option's name
    """Show a job and what happened to it, in order."""
    async with open_log(invocation) as log:
        job = await _job(log, tenant, id)
        events = await _log_of(log, tenant, id, personal=personal)
    shown = _fields(id, job, personal=personal)
    if invocation.output.as_json:
        invocation.output.document({**shown, "log": events})
        return
    invocation.output.fields({**shown, "state": state(job.phase)})
    invocation.output.text("")
    for event in events:
        show_line(invocation.output, event)


@jobs.command
@click.argument("ids", metavar="ID...", type=click.UUID, nargs=-1)
@click.option("--all-dead", is_flag=True, help="Every dead letter.")
@click.option("--action", help="With --all-dead: only those of this action.")
@tenant_option
@runs
async def requeue(
    invocation: Invocation,
    ids: Sequence[UUID],
    all_dead: bool,  # noqa: FBT001 - by name
    action: str | None,
    tenant: str,
) -> None:
    """Try dead or cancelled jobs again, each with a fresh budget of attempts."""
    if bool(ids) == all_dead or (action and not all_dead):
        raise click.UsageError("Name jobs, or --all-dead (and with it perhaps an --action).")
    async with open_log(invocation) as log:
        names = [str(each) for each in ids]
        if all_dead:
            names = [each.id async for each in _dead(log, tenant, action)]

        def command(job: str) -> RequeueJob:
            return RequeueJob(job=job, at=log.now())

        results = await _each(log, tenant, names, command, invocation.output)
    _tell(invocation.output, results, "There are no dead letters.")


@jobs.command
@click.argument("ids", metavar="ID...", type=click.UUID, nargs=-1, required=True)
@tenant_option
@runs
async def cancel(invocation: Invocation, ids: Sequence[UUID], tenant: str) -> None:
    """Stop wanting jobs; an attempt that is under way may still finish."""
    async with open_log(invocation) as log:

        def command(job: str) -> CancelJob:
            return CancelJob(job=job, at=log.now())

        names = [str(each) for each in ids]
        results = await _each(log, tenant, names, command, invocation.output)
    _tell(invocation.output, results, "")


async def _find(log: OpenLog, tenant: str, **which: Any) -> list[JobRow]:
    async with log.read_models.rows(projection.PROJECTION, tenant) as rows:
        return await projection.find_jobs(rows, **which)


async def _dead(log: OpenLog, tenant: str, action: str | None) -> AsyncIterator[JobRow]:
    before: int | None = None
    while page := await _find(log, tenant, state=DEAD, action=action, before=before, limit=PAGE):
        for row in page:
            yield row
        before = page[-1].queued_at


async def _job(log: OpenLog, tenant: str, id_: UUID) -> Job:
    job = (await log.pipeline.fold(JOB, (tenant, JOB.stream(str(id_))))).state
    if not isinstance(job, Job):
        raise Failed(f"there is no job {id_} in the tenant {tenant}")
    return job


async def _log_of(log: OpenLog, tenant: str, id_: UUID, *, personal: bool) -> list[EventView]:
    views: list[EventView] = []
    while True:
        after = views[-1].version if views else 0
        page = await log.store.read_stream((tenant, JOB.stream(str(id_))), after=after, limit=PAGE)
        views += await view_events(
            log, page, log.store.incarnation, permissions=NONE, personal=personal
        )
        if len(page) < PAGE:
            return views


async def _each(
    log: OpenLog,
    tenant: str,
    names: Sequence[str],
    command: Callable[[str], object],
    output: Output,
) -> list[Result]:
    """Carry a command out on each job; a refusal of one stops no other."""
    free = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def one(name: str) -> Result:
        nonlocal done
        async with free:
            try:
                answer: Any = await log.bus.execute(command(name), log.context(tenant))
            except Rejection as rejection:
                result = Result(id=name, state=None, refused=sentence(rejection))
            else:
                result = Result(id=name, state=answer.result.phase)
        done += 1
        tell(done, len(names))
        return result

    with output.progress("jobs", len(names)) as tell:
        return list(await asyncio.gather(*(one(name) for name in names)))


def _tell(output: Output, results: Sequence[Result], nothing: str) -> None:
    """Show what was done.

    Raises:
        Failed: when any was refused.
    """
    refused = sum(each.refused is not None for each in results)
    if output.as_json:
        output.document(results)
    else:
        output.table(results, _RESULT_COLUMNS, empty=nothing)
    if refused:
        raise Failed(f"{refused} of {len(results)} refused")


def _fields(id_: UUID, job: Job, *, personal: bool) -> dict[str, Any]:
    shown = {
        "id": str(id_),
        "action": job.action,
        "state": job.phase,
        "attempts": job.attempts,
        "round": job.round,
        "requester": job.requester,
        "retry_at": job.retry_at,
    }
    if personal:
        shown["input"] = {"erased": True} if job.input is ERASED else job.input
    return shown


def _columns(now: datetime) -> Sequence[Column[JobRow]]:
    def retry_in(job: JobRow) -> str:
        return "" if job.retry_at is None else span((job.retry_at - now).total_seconds())

    return (
        Column("id", lambda job: job.id),
        Column("action", lambda job: job.action),
        Column("state", lambda job: state(job.state)),
        Column("attempts", lambda job: job.attempts, right=True),
        Column("age", lambda job: span((now - job.created_at).total_seconds()), right=True),
        Column("retry in", retry_in, folds=True),
        Column("last error", lambda job: job.error, folds=True),
    )


_RESULT_COLUMNS = (
    Column[Result]("id", lambda result: result.id),
    Column[Result]("state", lambda result: state(result.state or "")),
    Column[Result]("refused", lambda result: result.refused, folds=True),
)
