"""`annals backup old`: the logs that restores have replaced, kept until somebody lets them go."""

from datetime import datetime

import click
import msgspec

from adapters.backups.switch import OLD, Marked, drop, maintaining, marked, name_of
from adapters.cli.backing import Opened
from adapters.cli.output import Column
from adapters.cli.restores import restoring
from adapters.cli.running import Failed, Invocation, runs
from adapters.cli.standing import standing
from adapters.clock import now
from application.unit import Unit
from domain.restores import RESTORE, DropOld, Restore


@click.group
def old() -> None:
    """See after the logs that restores have replaced."""


class OldLog(msgspec.Struct, frozen=True, kw_only=True):
    """A database that was the log's."""

    database: str
    restore: str
    replaced_at: datetime
    bytes: int


@old.command("list")
@runs
async def list_(invocation: Invocation) -> None:
    """List them."""
    async with standing(invocation.settings, invocation.output) as settings:
        found = [_old(each) for each in await _olds(settings.database_url)]
    if invocation.output.as_json:
        invocation.output.document(found)
        return
    invocation.output.table(found, _OLDS, empty="There are none.")


@old.command("drop")
@click.argument("database")
@runs
async def drop_(invocation: Invocation, database: str) -> None:
    """Remove DATABASE for good; which restore it belonged to is remembered."""
    async with restoring(invocation) as it:
        url = it.log.settings.database_url
        found = [each for each in await _olds(url) if each.name == database]
        if not found:
            raise Failed(f"there is no old log {database}: see `annals backup old list`")
        async with maintaining(url) as connection:
            await drop(connection, database)
        await _record_drop(it, found[0])
    if it.invocation.output.as_json:
        it.invocation.output.document({"database": database, "state": "dropped"})
    else:
        it.invocation.output.text(f"{database} is gone.")


async def _record_drop(it: Opened, gone: Marked) -> None:
    """Say so in the log, where it knows of that restore: a later one may have taken that away."""
    id_ = gone.mark.restore

    async def decide(unit: Unit) -> None:
        state = await unit.load(RESTORE, id_)
        if isinstance(state, Restore) and state.kept:
            await unit.decide(RESTORE, id_, DropOld(restore=id_, at=now()))

    await it.log.pipeline.run(decide, it.log.context())


async def _olds(url: str) -> list[Marked]:
    async with maintaining(url) as connection:
        found = await marked(connection, name_of(url))
    return [each for each in found if each.mark.kind == OLD]


def _old(found: Marked) -> OldLog:
    return OldLog(
        database=found.name,
        restore=found.mark.restore,
        replaced_at=found.mark.at,
        bytes=found.bytes,
    )


_OLDS = (
    Column[OldLog]("database", lambda row: row.database),
    Column[OldLog]("replaced at", lambda row: row.replaced_at),
    Column[OldLog]("MB", lambda row: row.bytes >> 20, right=True),
    Column[OldLog]("by restore", lambda row: row.restore),
)
