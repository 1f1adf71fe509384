"""Builds of read models, listed and watched while they grow."""

import asyncio
from collections.abc import Sequence

import msgspec
from rich.text import Text

from adapters.cli.opening import OpenLog
from adapters.cli.output import Column, printable, span, state
from adapters.cli.running import Failed, Invocation
from adapters.postgres.connect import outages
from adapters.postgres.generations import Generation
from adapters.postgres.status import FollowerStatus, status
from projections.projection import BUILDS

LOOK = 0.2  # seconds between looks at a build
IDLE_LOOKS = 60
"""Looks at a build that nobody works on, before we stop waiting for it."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A build of a read model, or a reaction, as the list shows it."""

    name: str
    version: int
    build: int
    generation: int
    state: str
    serves: bool
    position: int
    events_behind: int
    seconds_behind: float
    holder: str | None
    failed_at: int | None
    error: str | None


async def statuses(log: OpenLog) -> list[FollowerStatus]:
    """How far everything is that follows the log."""
    async with outages(), log.readers.acquire() as connection:
        return await status(connection)


async def finish(
    invocation: Invocation, log: OpenLog, begun: Sequence[Generation], *, wait: bool
) -> None:
    """Show builds grow until they serve, and tell how they stand."""
    if wait:
        for each in begun:
            await _watch(invocation, log, each)
    numbers = {(each.projection, each.number) for each in begun}
    rows = [row_of(each) for each in await statuses(log) if (each.name, each.generation) in numbers]
    if invocation.output.as_json:
        invocation.output.document(rows)
    elif rows:
        invocation.output.table(rows, COLUMNS, empty="")
        if wait:
            invocation.output.note("The builds before are fed until `annals projections retire`.")


async def _watch(invocation: Invocation, log: OpenLog, build: Generation) -> None:
    """Show a bar until queries turn to a build.

    Raises:
        Failed: when it stands at an event, is paused, gone, or nobody works on it.
    """
    idle = 0
    what = f"{build.projection} {build.number}"
    with invocation.output.progress(what, 1) as tell:
        while True:
            mine = await _look(log, build)
            tell(mine.position, mine.tail)
            if mine.serves:
                return
            idle = 0 if mine.holder else idle + 1
            _check(mine, what, idle)
            await asyncio.sleep(LOOK)


async def _look(log: OpenLog, build: Generation) -> FollowerStatus:
    for each in await statuses(log):
        if (each.name, each.generation) == (build.projection, build.number):
            return each
    raise Failed(f"{build.projection} {build.number} was retired while it was built")


def _check(mine: FollowerStatus, what: str, idle: int) -> None:
    if mine.failed_at is not None:
        raise Failed(
            f"{what} stands at {mine.failed_at} ({mine.error}): mend it and "
            f"`annals projections retry {mine.name}`, or `skip` the event with a reason"
        )
    if mine.state == "paused":
        raise Failed(f"{what} is paused: `annals projections resume {mine.name}`")
    if idle >= IDLE_LOOKS:
        raise Failed(f"{what} is begun, but nobody builds it: start `annals projector`")


def row_of(found: FollowerStatus) -> Row:
    """One line of the list."""
    return Row(
        name=found.name,
        version=found.generation // BUILDS,
        build=found.generation % BUILDS,
        generation=found.generation,
        state=found.state,
        serves=found.serves,
        position=found.position,
        events_behind=found.events_behind,
        seconds_behind=found.seconds_behind,
        holder=found.holder,
        failed_at=found.failed_at,
        error=found.error,
    )


def _lag(row: Row) -> str:
    if not row.events_behind:
        return "0"
    return f"{row.events_behind} ({span(row.seconds_behind)})"


def _failure(row: Row) -> Text | str:
    if row.failed_at is None:
        return ""
    return Text(printable(f"at {row.failed_at}: {row.error}"), style="red")


COLUMNS = (
    Column[Row]("name", lambda row: row.name),
    Column[Row]("version", lambda row: row.version),
    Column[Row]("generation", lambda row: row.generation),
    Column[Row]("state", lambda row: state(row.state)),
    Column[Row]("serves", lambda row: "yes" if row.serves else ""),
    Column[Row]("position", lambda row: row.position, right=True),
    Column[Row]("behind", _lag, right=True),
    Column[Row]("failure", _failure, folds=True),
)
