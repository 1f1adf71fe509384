"""The chore that makes up for erasures which a restore has taken back."""

import asyncio

import structlog

from adapters.platform import Platform
from adapters.postgres.unfinished_erasures import PostgresUnfinishedErasures
from application.context import Context
from application.event_store import Outage
from application.unfinished_erasures import FinishErasure

log = structlog.get_logger(__name__)

ACTOR = "scheduler/erasures"
PAUSE = 1.0  # seconds between tries while something does not answer

_PATIENCE = 10.0  # seconds that one may spend on races with others


async def finish_erasures(platform: Platform) -> None:
    """Once in the life of a scheduler, which begins anew with every log that is restored."""
    while True:
        try:
            await _finish_all(platform)
        except Outage as outage:
            log.warning("erasures_wait", detail=outage.detail)
            await asyncio.sleep(PAUSE)
        else:
            await asyncio.Event().wait()


async def _finish_all(platform: Platform) -> None:
    for account in await PostgresUnfinishedErasures(platform.readers)():
        context = Context(
            actor=ACTOR,
            correlation_id=platform.new_id(),
            deadline=asyncio.get_running_loop().time() + _PATIENCE,
        )
        await platform.bus.execute(FinishErasure(account=account), context)
        log.info("erasure_made_up_for", account=account)
