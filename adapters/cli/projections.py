"""`annals projections`: how far read models and reactions are, and what to do when one stands.

The projector does the work; these commands look at it, and record what a person has decided.
"""

from collections.abc import Sequence
from typing import Any

import click

from adapters.capabilities import PROJECTIONS
from adapters.cli.builds import COLUMNS, finish, row_of, statuses
from adapters.cli.opening import OpenLog, open_as_owner, open_log
from adapters.cli.output import state
from adapters.cli.running import Failed, Invocation, runs
from adapters.postgres import generations
from adapters.postgres.connect import outages
from adapters.postgres.status import FollowerStatus
from application.event_store import Outage
from domain.projections import (
    PauseProjection,
    ResumeProjection,
    RetryProjection,
    SkipEvent,
)
from projections.projection import BUILDS, Projection

wait_option = click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Stay until queries are served by it."
)
reason_option = click.option("--reason", default="", help="Why; recorded with who did it and when.")


@click.group
def projections() -> None:
    """See after read models and reactions."""


@projections.command("list")
@runs
async def list_(invocation: Invocation) -> None:
    """List every build of every read model, and every reaction."""
    async with open_log(invocation) as log:
        rows = [row_of(each) for each in await statuses(log)]
    if invocation.output.as_json:
        invocation.output.document(rows)
    else:
        invocation.output.table(rows, COLUMNS, empty="There are none: run `annals migrate`.")


@projections.command
@wait_option
@runs
async def build(invocation: Invocation, wait: bool) -> None:  # noqa: FBT001 - by name
    """Build the read models whose version has no tables yet, beside those that serve."""
    async with open_log(invocation) as log:
        async with open_as_owner(log) as connection, outages():
            made = await generations.prepare(connection, PROJECTIONS)
            there = await generations.generations(connection)
        ours = {each.name: each.version for each in PROJECTIONS}
        due = [
            each for each in there if not each.active and ours.get(each.projection) == each.version
        ]
        if not due and not made:
            invocation.output.note("Every read model is built.")
        await finish(invocation, log, due, wait=wait)


@projections.command
@click.argument("name")
@wait_option
@runs
async def rebuild(invocation: Invocation, name: str, wait: bool) -> None:  # noqa: FBT001
    """Build NAME anew beside the build that serves; queries turn to it once it has caught up."""
    projection = _projection(name)
    async with open_log(invocation) as log:
        async with open_as_owner(log) as connection, outages():
            begun = await generations.rebuild(connection, projection)
        await finish(invocation, log, [begun], wait=wait)


@projections.command
@click.argument("name")
@click.argument("generation", type=click.IntRange(1))
@runs
async def retire(invocation: Invocation, name: str, generation: int) -> None:
    """Stop feeding a GENERATION of NAME that serves no more, and drop its tables."""
    async with open_log(invocation) as log, open_as_owner(log) as connection:
        try:
            await generations.retire(connection, name, generation)
        except Outage as outage:
            raise Failed(f"{outage.detail}: repeat this later") from None
    _done(invocation, {"name": name, "generation": generation, "state": "retired"})


@projections.command
@click.argument("name")
@reason_option
@runs
async def pause(invocation: Invocation, name: str, reason: str) -> None:
    """Apply nothing more to NAME until it is resumed."""
    async with open_log(invocation) as log:
        await _known(log, name)
        command = PauseProjection(projection=name, reason=reason, at=log.now())
        await log.bus.execute(command, log.context())
    _done(invocation, {"name": name, "state": "paused"})


@projections.command
@click.argument("name")
@reason_option
@runs
async def resume(invocation: Invocation, name: str, reason: str) -> None:
    """Let NAME go on where it was paused."""
    async with open_log(invocation) as log:
        await _known(log, name)
        command = ResumeProjection(projection=name, reason=reason, at=log.now())
        await log.bus.execute(command, log.context())
    _done(invocation, {"name": name, "state": "resumed"})


@projections.command
@click.argument("name")
@reason_option
@runs
async def retry(invocation: Invocation, name: str, reason: str) -> None:
    """Let NAME try the event again on which it failed."""
    async with open_log(invocation) as log:
        failed = _failed(await _known(log, name))
        if failed is None:
            raise Failed(f"{name} has not failed: see `annals projections list`")
        command = RetryProjection(
            projection=name, position=failed.failed_at, reason=reason, at=log.now()
        )
        await log.bus.execute(command, log.context())
    _done(invocation, {"name": name, "state": "retried", "position": failed.failed_at})


@projections.command
@click.argument("name")
@click.argument("position", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why; recorded with who did it and when.")
@runs
async def skip(invocation: Invocation, name: str, position: int, reason: str) -> None:
    """Leave out of NAME the event at POSITION, on which it failed, for good."""
    async with open_log(invocation) as log:
        failed = _failed(await _known(log, name), position)
        if failed is None or failed.failed_at != position:
            where = f"it stands at {failed.failed_at}" if failed else "it has not failed"
            raise Failed(f"{name} does not stand at {position}: {where}")
        command = SkipEvent(
            projection=name,
            version=failed.generation // BUILDS,
            position=position,
            failed_at=failed.failed_at,
            reason=reason,
            at=log.now(),
        )
        await log.bus.execute(command, log.context())
    _done(invocation, {"name": name, "state": "skipped", "position": position})


async def _known(log: OpenLog, name: str) -> list[FollowerStatus]:
    """What there is of this name.

    Raises:
        Failed: when there is nothing; it tells what there is.
    """
    found = await statuses(log)
    mine = [each for each in found if each.name == name]
    if not mine:
        raise Failed(f"there is no projection {name}: there are {_names(found, 'name')}")
    return mine


def _projection(name: str) -> Projection:
    for each in PROJECTIONS:
        if each.name == name:
            return each
    raise Failed(f"there is no read model {name}: there are {_names(PROJECTIONS, 'name')}")


def _names(things: Sequence[Any], attribute: str) -> str:
    return ", ".join(sorted({getattr(each, attribute) for each in things})) or "none"


def _failed(rows: Sequence[FollowerStatus], position: int | None = None) -> FollowerStatus | None:
    """The build that stands at this position, or else any that stands."""
    standing = [each for each in rows if each.failed_at is not None]
    exact = [each for each in standing if each.failed_at == position]
    return next(iter(exact or standing), None)


def _done(invocation: Invocation, told: dict[str, Any]) -> None:
    if invocation.output.as_json:
        invocation.output.document(told)
        return
    at = f" at {told['position']}" if "position" in told else ""
    number = f" {told['generation']}" if "generation" in told else ""
    invocation.output.text(f"{told['name']}{number} is", state(told["state"]) + at)
