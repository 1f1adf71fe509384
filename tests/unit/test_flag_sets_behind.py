"""What a process keeps of flags is not said to be new before it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from application.context import Context
from application.flags.changes import EditFlag, RemoveSegment
from application.flags.flag_set import FlagRows
from application.flags.flag_sets import FlagSets
from application.flags.relations import FlagIsNeeded
from domain.flags.conditions import EVERYONE, InSegment
from domain.flags.edits import Archive, Describe, Disable, Edit, Enable, SetRules
from domain.flags.rules import Prerequisite, Rule
from domain.flags.segments import DefineSegment, SegmentInUse
from domain.flags.state import About
from tests.support.http_platform import MemoryPlatform
from tests.support.stand_ins import NoRows


@dataclass
class Gate(NoRows):
    """A read model that may keep whoever reads it waiting."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def load(self, tenant: str) -> FlagRows:
        self.asked.set()
        await self.opened.wait()
        return await super().load(tenant)


async def execute(platform: MemoryPlatform, command: Any) -> int:
    context = Context(correlation_id=uuid4(), deadline=1e12)
    return (await platform.bus.execute(command, context)).position.number


async def edit(platform: MemoryPlatform, *edits: Edit, flag: str = "beta") -> int:
    return await execute(platform, EditFlag(flag=flag, edits=edits, at=platform.now()))


@asynccontextmanager
async def following(platform: MemoryPlatform, sets: FlagSets) -> AsyncIterator[None]:
    """A process whose flags follow the log, at which it looks seldom."""
    platform.tail.listening = True
    work = asyncio.gather(platform.tail.run(), sets.run())
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


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
    async with following(here, sets):
        await gate.asked.wait()
        reached = asyncio.ensure_future(sets.reached(position))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not reached.done()
        gate.opened.set()
        await reached
        assert not (await sets.of("default")).flags["beta"].setting("default").enabled


async def test_what_another_process_has_begun_to_use_is_not_taken_away() -> None:
    there = MemoryPlatform()
    here = MemoryPlatform(store=there.store)
    define = DefineSegment(segment="all", description="", condition=EVERYONE, at=there.now())
    await execute(there, define)
    await edit(there, Describe(about=About(group="")), flag="base")
    await here.flag_sets.of("default")
    async with following(here, here.flag_sets):
        await here.flag_sets.newest("default")
        needs = About(group="", prerequisites=(Prerequisite(flag="base"),))
        rules = (Rule(id="a", condition=InSegment(segment="all")),)
        await edit(there, Describe(about=needs), SetRules(environment="default", rules=rules))
        with pytest.raises(FlagIsNeeded):
            await edit(here, Archive(), flag="base")
        with pytest.raises(SegmentInUse):
            await execute(here, RemoveSegment(segment="all", at=here.now()))
