"""What a worker does about somebody who was erased over HTTP, in memory."""

from typing import Any
from uuid import uuid4

from adapters.capabilities import effects
from application.context import Context
from application.effects import Broken, Due
from application.erasures import ERASE, REACTION, CarryOutErasure
from application.event_store import EffectId, Outage
from application.unit import Unit
from domain.accounts import AccountErased
from domain.recorded import SYSTEM_TENANT, Recorded
from tests.support.http_platform import MemoryPlatform


async def erased_events(platform: MemoryPlatform) -> list[Recorded[AccountErased]]:
    events = await platform.store.read_log(after=0, limit=10_000)
    return await platform.codec.decode([each for each in events if each.type == "account.erased"])


async def erased_event(platform: MemoryPlatform) -> Recorded[AccountErased]:
    [recorded] = await erased_events(platform)
    return recorded


async def carry_out(platform: MemoryPlatform, handler: CarryOutErasure, attempt: int = 1) -> Any:
    """What a worker and the reactor do about an erasure; when to try again."""
    recorded = await erased_event(platform)
    commands, effect = REACTION.follow(recorded)
    assert effect is not None
    for do in commands:
        context = Context(tenant=do.tenant, correlation_id=uuid4(), deadline=1e12)
        await platform.bus.execute(do.command, context)
    due = Due(
        effect=EffectId(tenant=SYSTEM_TENANT, reaction="personal-data", position=0),
        kind=effect.kind,
        event=recorded,
        attempt=attempt,
        previous="first",
        at=platform.now(),
    )
    context = Context(tenant=SYSTEM_TENANT, correlation_id=uuid4(), deadline=1e12)
    begun = (await platform.pipeline.run(lambda unit: handler.begin(unit, due), context)).result
    if begun is None:
        return "done before"
    try:
        result = await handler.carry_out(begun, due)
    except Outage:
        result = Broken(error="Outage")

    async def finish(unit: Unit) -> Any:
        return await handler.finish(unit, due, begun, result, platform.now(), 0.5)

    return (await platform.pipeline.run(finish, context)).result


def handler_of(platform: MemoryPlatform) -> CarryOutErasure:
    handler = effects(platform.services)[ERASE]
    assert isinstance(handler, CarryOutErasure)
    return handler
