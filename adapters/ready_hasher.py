"""Getting ready to check passwords before the first comes, so that none tells whose hash is whose.

Today's costs are noted in the log, as those of imports are: once they change, hashes of before are
told from others by the time that they take as imported ones are.
"""

import asyncio

import structlog

from adapters.services import Services
from application.bus import Bus
from application.context import Context
from domain.password_costs import (
    INSTALLATION,
    PASSWORD_COSTS,
    NotePasswordCosts,
    TooManyPasswordCosts,
)

ACTOR = "installation"
_PATIENCE = 30.0  # seconds for the command

log = structlog.get_logger(__name__)


async def ready_hasher(bus: Bus, services: Services) -> None:
    """Note today's costs, and find out what hashes of all that the log knows take.

    Raises:
        Outage: the log does not answer.
    """
    hasher = services.hasher
    note = NotePasswordCosts(costs=(hasher.costs,), at=services.now())
    context = Context(
        actor=ACTOR,
        correlation_id=services.new_id(),
        deadline=asyncio.get_running_loop().time() + _PATIENCE,
    )
    try:
        await bus.execute(note, context)
    except TooManyPasswordCosts:
        log.warning("password_costs_not_noted")
    known = await services.current.get(PASSWORD_COSTS, INSTALLATION)
    await hasher.expect(known.costs)
    await hasher.warm_up()
