"""The letters that a platform in memory has queued, and what sends them there."""

import re
from typing import Any
from uuid import uuid4

from application.context import Context
from application.effects import Due
from application.event_store import EffectId
from application.mail import SEND, SendMail
from application.unit import Unit
from domain.decider import Erased
from domain.mail import MAIL, Mail, MailKind, MailQueued
from domain.recorded import SYSTEM_TENANT, Recorded
from tests.support.http_platform import MemoryPlatform


async def letters_in(platform: MemoryPlatform) -> list[MailQueued]:
    """Every letter that was queued, the newest last."""
    return [each.event for each in await _recorded(platform, "mail.queued")]


async def invitation_in(platform: MemoryPlatform) -> str:
    """The token in the newest letter, which is an invitation."""
    text = (await letters_in(platform))[-1].text
    found = re.search(r"inv_\S+", str(text).partition("send this token")[2])
    assert found is not None, text
    return found[0]


async def _recorded(platform: MemoryPlatform, type_: str) -> list[Recorded[Any]]:
    events = await platform.store.read_log(after=0, limit=10_000)
    return await platform.codec.decode([each for each in events if each.type == type_])


def context() -> Context:
    return Context(tenant=SYSTEM_TENANT, correlation_id=uuid4(), deadline=1e12)


async def post(
    platform: MemoryPlatform,
    kind: MailKind = "verify-address",
    *,
    person: str = "a1",
    to: str | Erased = "ada@example.org",
    **values: Any,
) -> str:
    """Queue a letter as a decision of its own; its id, or nothing when there is none."""

    async def decide(unit: Unit) -> None:
        platform.services.letters.post(unit, kind=kind, person=person, to=to, **values)

    before = len(await letters_in(platform))
    await platform.pipeline.run(decide, context())
    queued = await _recorded(platform, "mail.queued")
    return queued[-1].stream_id if len(queued) > before else ""


async def attempt(
    platform: MemoryPlatform, handler: SendMail, mail: str, number: int = 1, *, type_: str = ""
) -> Mail | None:
    """One attempt at a letter, as a worker makes it; None when it was not wanted."""
    events = await _recorded(platform, type_ or "mail.queued")
    event = next(each for each in reversed(events) if each.stream_id == mail)
    due = Due(
        effect=EffectId(tenant=SYSTEM_TENANT, reaction="mail", position=event.position),
        kind=SEND,
        event=event,
        attempt=number,
        previous="first",
        at=platform.now(),
    )
    begun = await platform.pipeline.run(lambda unit: handler.begin(unit, due), context())
    if begun.result is None:
        return None
    result = await handler.carry_out(begun.result, due)

    async def finish(unit: Unit) -> Any:
        await handler.finish(unit, due, begun.result, result, platform.now(), 0.5)
        return await unit.load(MAIL, mail)

    return (await platform.pipeline.run(finish, context())).result  # type: ignore[no-any-return]
