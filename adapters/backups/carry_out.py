"""Restores that the log says have begun are carried out, by whoever comes first.

Every scheduler looks; one works. A restore that was interrupted, by whatever, is still "begun" in
the log, so the next look goes on with it. When it is done this process finds another log under its
database's name, and ends, as all others do.
"""

import asyncio

import structlog

from adapters.backups.begun import Asked, Begun
from adapters.backups.fill import Tells
from adapters.backups.restore import Elsewhere, GivenUp, Replaced, Restorer
from application.context import Context
from application.event_store import ForeignIncarnation, Outage, StoredEvent
from application.pipeline import Pipeline
from application.tail import Lagged, Tail
from application.unit import Unit
from domain.restores import RESTORE, FailRestore, RestoreStarted

PAUSE = 1.0
"""Seconds before another look, where another process works on it, or the server is away."""

_PATIENCE = 30.0  # seconds for the one command that a failure is recorded with
_PAGE = 500
_TAG = str(RestoreStarted.__struct_config__.tag)

log = structlog.get_logger(__name__)


async def carry_out(
    restorer: Restorer, asked: Asked, pipeline: Pipeline, tells: Tells | None = None
) -> Replaced | None:
    """Carry one restore out; None: it was given up, which the log says then.

    Raises:
        Elsewhere: another process is at it.
        Outage: something went away; to be called again.
    """
    try:
        return await restorer(asked, tells)
    except GivenUp as given_up:
        await record_failure(pipeline, asked, given_up, restorer)
        return None


async def record_failure(
    pipeline: Pipeline, asked: Asked, given_up: GivenUp, restorer: Restorer
) -> None:
    """Say in the log, which goes on, that the restore was given up."""
    command = FailRestore(
        restore=asked.restore, step=given_up.step, error=given_up.error, at=restorer.now()
    )

    async def decide(unit: Unit) -> None:
        await unit.decide(RESTORE, asked.restore, command)

    context = Context(
        actor=asked.actor,
        correlation_id=pipeline.new_id(),
        deadline=asyncio.get_running_loop().time() + _PATIENCE,
    )
    await pipeline.run(decide, context)


async def carry_out_all(begun: Begun, restorer: Restorer, pipeline: Pipeline, tail: Tail) -> None:
    """Look, work, wait for the next that begins; for ever."""
    await tail.started()
    while True:
        position = tail.position
        try:
            waiting = await begun()
            for asked in waiting:
                log.info("restore_carried_out", restore=asked.restore)
                await carry_out(restorer, asked, pipeline)
            await _another(tail, position)
        except Elsewhere:
            await asyncio.sleep(PAUSE)
        except (Outage, ForeignIncarnation, Lagged) as interruption:
            log.warning("restores_interrupted", error=type(interruption).__name__)
            await asyncio.sleep(PAUSE)


async def _another(tail: Tail, position: int) -> None:
    """Wait until another restore has begun."""
    async for page in tail.follow(position):
        if any(_begins(each) for each in page):
            return


def _begins(event: StoredEvent) -> bool:
    return event.type == _TAG
