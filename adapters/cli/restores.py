"""`annals backup restore`: the log replaced by a backup, with or without a running platform.

The command does its work itself, so it needs neither the API nor a scheduler. Killed, it may be
called again; or the next scheduler goes on with what it has begun.
"""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import click

from adapters.backups.begun import Asked, Begun
from adapters.backups.carry_out import PAUSE, carry_out
from adapters.backups.fill import Filling, Tells
from adapters.backups.restore import FAULTS, Elsewhere, Replaced, Restorer, sentence
from adapters.backups.switch import name_of
from adapters.cli.backing import LATEST, Opened, opened, version_of
from adapters.cli.output import Column, Output, dim
from adapters.cli.running import Failed, Invocation, actor, runs
from adapters.cli.standing import standing
from adapters.clock import now
from adapters.crypto.ids import new_id
from adapters.crypto.master import load_master_key
from adapters.open_restores import live_log, program
from adapters.postgres.streams import PostgresStreams
from application.bus import Run
from application.event_store import ForeignIncarnation, Outage
from application.positions import parse_position
from application.restores import (
    AskRestore,
    AskRestoreHandler,
    NotAllowedHere,
    PlanRestore,
    RestorePlan,
    WishedEnd,
)
from domain.recorded import SYSTEM_TENANT
from domain.rejections import Invalid
from domain.restores import RESTORE, CompleteRestore, Restore

END = "end"
_LOOK = 0.2  # seconds between two looks at how far it is


@click.command
@click.argument("version", metavar=f"VERSION|{LATEST}")
@click.option("--position", help=f"Where the log is to end: a number, a token, or `{END}`.")
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="Or when: a time.")
@click.option("--confirm", help="The word that a call without it has given.")
@click.option("--discard-later", is_flag=True, help="Let what came since that call go, too.")
@click.option("--reason", default="", help="Why; recorded with who did it and when.")
@click.option(
    "--into",
    metavar="URL",
    help="Fill this empty database and change nothing else: for a role that may not do more.",
)
@runs
async def restore(
    invocation: Invocation,
    version: str,
    position: str | None,
    at: datetime | None,
    confirm: str | None,
    discard_later: bool,  # noqa: FBT001 - click passes options by name
    reason: str,
    into: str | None,
) -> None:
    """Restore a version; without --confirm, only say what would go."""
    async with restoring(invocation) as it:
        name = await version_of(it.backups.repository, version)
        end = _wished(position, at, it)
        if into is not None:
            await _fill(it, name, end, into, reason)
            return
        plan = PlanRestore(it.backups, _live(it))
        try:
            if confirm is None:
                _tell(it.invocation.output, await plan(name, end))
                return
            ask = AskRestore(
                restore=str(new_id()),
                version=name,
                end=end,
                confirm=confirm,
                discard_later=discard_later,
                reason=reason,
                at=now(),
            )
            done = await _carry_out(it, AskRestoreHandler(plan, new_id), ask)
        except NotAllowedHere as refused:
            raise Failed(_instead(it, name, refused)) from None
        _told(it.invocation.output, ask.restore, done)


@asynccontextmanager
async def restoring(invocation: Invocation) -> AsyncIterator[Opened]:
    """The log and the repository, also where the platform is stopped. Raises as `opened`."""
    # a pool whose database has got another name says so in a traceback, and it is no news here
    logging.getLogger("asyncpg.pool").setLevel(logging.CRITICAL)
    async with standing(invocation.settings, invocation.output) as settings:
        found = dataclasses.replace(invocation, settings=settings)
        async with opened(found) as it:
            yield it


def _live(it: Opened) -> Any:
    return live_log(it.log.settings.database_url, it.log.store, it.log.readers, it.log.codec)


def _wished(position: str | None, at: datetime | None, it: Opened) -> WishedEnd:
    if position is not None and at is not None:
        raise click.UsageError("give --position or --at, not both")
    if position == END:
        return WishedEnd(live_end=True)
    if position is None:
        return WishedEnd(at=at)
    try:
        found = parse_position(position, it.log.store.incarnation, pointer="")
    except Invalid as invalid:
        raise click.UsageError(invalid.detail) from None
    if found.incarnation != it.log.store.incarnation:
        raise Failed("this token belongs to the log before a restore: name a number")
    return WishedEnd(position=found.number)


def _restorer(it: Opened) -> Restorer:
    return Restorer(
        url=it.log.settings.database_url,
        repository=it.backups.repository,
        master=load_master_key(it.log.settings.master_key_file, create=False),
        program=program(),
        now=now,
    )


async def _carry_out(it: Opened, handler: AskRestoreHandler, ask: AskRestore) -> Replaced | None:
    """Begin, work, and tell; None where another process did it."""
    restorer = _restorer(it)
    await handler(ask, Run(it.log.pipeline, it.log.context()))
    begun = Begun(it.log.store, it.log.codec, PostgresStreams(it.log.readers))
    asked = await begun.find(ask.restore)
    if asked is None:
        raise Failed("the restore has ended already: see `annals events tail`")
    tells = Tells()
    with it.invocation.output.progress("restore", 1) as bar:
        showing = asyncio.create_task(_show(tells, bar))
        try:
            done = await carry_out(restorer, asked, it.log.pipeline, tells)
        except Elsewhere:
            await _watch(begun, asked)
            return None
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
    if done is None:
        raise Failed(await _why(it, ask.restore))
    return done


async def _show(tells: Tells, bar: Any) -> None:
    while True:
        bar(tells.done, max(tells.total, 1))
        await asyncio.sleep(_LOOK)


async def _watch(begun: Begun, asked: Asked) -> None:
    """Another process works on it: stay until it has ended."""
    while True:
        try:
            if await begun.find(asked.restore) is None:
                raise Failed("the restore was given up: see `annals events tail`")
        except ForeignIncarnation:
            return
        except Outage:
            pass
        await asyncio.sleep(PAUSE)


async def _why(it: Opened, restore_id: str) -> str:
    folded = await it.log.pipeline.fold(RESTORE, (SYSTEM_TENANT, RESTORE.stream(restore_id)))
    state = folded.state
    assert isinstance(state, Restore)  # noqa: S101 - it has begun
    return f"the restore was given up ({state.step}): {state.error}; the log is as it was"


async def _fill(it: Opened, version: str, end: WishedEnd, into: str, reason: str) -> None:
    """Restore into a database that somebody has made, and say how to turn to it."""
    if end.live_end or end.at is not None:
        raise click.UsageError("--into takes a --position that is a number")
    tail = await it.log.store.tail()
    filling = Filling(
        live=it.log.settings.database_url,
        new=into,
        repository=it.backups.repository,
        version=version,
        master=load_master_key(it.log.settings.master_key_file, create=False),
        program=program(),
    )
    with it.invocation.output.progress("restore", 1) as bar:
        showing = asyncio.create_task(_show(filling.tells, bar))
        try:
            await filling.load()
            await filling.replay(filling.position if end.position is None else end.position)
            command = CompleteRestore(
                restore=str(new_id()),
                version=version,
                source=str(filling.manifest.incarnation),
                base=filling.manifest.position,
                position=filling.position,
                replaced=str(tail.incarnation),
                replaced_position=tail.position,
                kept="",
                parked=(),
                asked_by=actor(),
                asked_at=now(),
                reason=reason,
                at=now(),
            )
            made = await filling.finish(command, actor())
        except FAULTS as error:
            raise Failed(sentence(error)) from error
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
    if it.invocation.output.as_json:
        it.invocation.output.document(made)
        return
    it.invocation.output.text(f"Restored up to {filling.position}. Now set")
    it.invocation.output.text("  DATABASE_URL=", dim("(the URL that you gave)"))
    it.invocation.output.text(
        "and restart every process; what was recorded meanwhile stays behind."
    )


def _instead(it: Opened, version: str, refused: NotAllowedHere) -> str:
    """What to do where the role may not do it: every line for a terminal."""
    log = name_of(it.log.settings.database_url)
    missing = refused.facts.get("missing")
    reasons = missing if isinstance(missing, list) else [refused.detail]
    return "\n".join(
        [
            *reasons,
            "nothing was touched. Give the role what it lacks; or, as somebody who may:",
            "  1. stop every process of the platform",
            f'  2. CREATE DATABASE "{log}_restored" OWNER (the role) TEMPLATE template0',
            f"  3. annals backup restore {version} --into URL-OF-THAT-DATABASE",
            "  4. set DATABASE_URL to it, and start the processes",
        ]
    )


def _tell(output: Output, plan: RestorePlan) -> None:
    if output.as_json:
        output.document(plan)
        return
    gone = plan.discarded
    where = "the end of the log" if plan.position is None else f"position {plan.position}"
    output.text(f"Backup {plan.version} ends at {plan.base}; the log would end at {where}.")
    if not plan.same_log:
        output.text("The log that serves now does not go on from it: all of it would go.")
    output.text(f"{gone.events} events would go:")
    output.table(gone.types, _TYPES, empty="  none")
    output.table(gone.things, _THINGS, empty="")
    output.table(gone.newest, _NEWEST, empty="")
    output.text("Nothing has changed. To do it, repeat this with")
    output.text(f"  --confirm {plan.confirm}")


_TYPES = (
    Column[Any]("type", lambda row: row.type),
    Column[Any]("events", lambda row: row.count, right=True),
)
_THINGS = (
    Column[Any]("of", lambda row: row.kind),
    Column[Any]("things", lambda row: row.count, right=True),
)
_NEWEST = (
    Column[Any]("position", lambda row: row.position, right=True),
    Column[Any]("newest", lambda row: row.recorded_at),
    Column[Any]("type", lambda row: row.type),
    Column[Any]("stream", lambda row: row.stream, folds=True),
)


def _told(output: Output, restore_id: str, done: Replaced | None) -> None:
    kept = None if done is None else done.kept
    if output.as_json:
        output.document({"id": restore_id, "state": "completed", "kept": kept})
        return
    output.text(f"Restored. The log begins its new life with restore {restore_id}.")
    if kept:
        output.text(f"The old one is kept as {kept}, until `annals backup old drop {kept}`.")
