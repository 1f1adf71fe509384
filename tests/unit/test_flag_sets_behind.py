"""What a process keeps of flags is not said to be new before it is."""

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

from application.context import Context
from application.flags.changes import EditFlag
from application.flags.flag_set import FlagRows
from application.flags.flag_sets import FlagSets
from domain.flags.edits import Describe, Disable, Edit, Enable
from domain.flags.state import About
from tests.support.http_platform import MemoryPlatform, NoRows


@dataclass
class Gate(NoRows):
    """A read model that may keep whoever reads it waiting."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def load(self, tenant: str) -> FlagRows:
        self.asked.set()
        await self.opened.wait()
        return await super().load(tenant)


async def edit(platform: MemoryPlatform, *edits: Edit) -> int:
    command = EditFlag(flag="beta", edits=edits, at=platform.now())
    return (
        await platform.bus.execute(command, Context(correlation_id=uuid4(), deadline=1e12))
    ).position.number


async def test_a_position_is_reached_once_what_is_kept_was_read_again() -> None:
    there = MemoryPlatform()
    here = MemoryPlatform(store=there.store)
    gate = Gate(there.store)
    sets = FlagSets(gate, here.store, here.codec, here.tail)
    gate.opened.set()
    await edit(there, Describe(about=About(group="")), Enable(environment="default"))
    assert (await sets.of("default")).flags["beta"].setting("default").enabled
    gate.opened.clear()
    gate.asked.clear()
    position = await edit(there, Disable(environment="default"))
    here.tail.listening = True
    work = asyncio.gather(here.tail.run(), sets.run())
    try:
        await gate.asked.wait()
        reached = asyncio.ensure_future(sets.reached(position))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not reached.done()
        gate.opened.set()
        await reached
        assert not (await sets.of("default")).flags["beta"].setting("default").enabled
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
