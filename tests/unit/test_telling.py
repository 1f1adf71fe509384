"""The projector's words: seldom while nobody waits for them, at once for who does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.postgres.checkpoints import Mark
from adapters.postgres.telling import Telling
from application.progress import LocalProgress, Reached
from application.tail import Tail

JOBS, FLAGS = Mark("jobs", 1), Mark("flags", 2)


class Told:
    """A projector's words, and somebody who hears them."""

    def __init__(self) -> None:
        self.progress = LocalProgress()
        self.tail = Tail(MemoryEventStore())
        self.telling = Telling(self.progress, self.tail, unasked=3600.0)
        self.heard: asyncio.Queue[Reached] = asyncio.Queue()

    async def listen(self) -> None:
        async for word in self.progress.subscribe():
            self.heard.put_nowait(word)

    async def next(self) -> tuple[str, int]:
        word = await self.heard.get()
        return word.name, word.position


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    one = Told()
    work = [one.tail.run(), one.listen(), one.telling.run()]
    tasks = [asyncio.create_task(each) for each in work]
    await one.tail.started()
    yield one
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_is_overtaken_before_anybody_asks_is_never_told(told: Told) -> None:
    told.telling.moved(JOBS, 1)
    assert await told.next() == ("jobs", 1)
    await asyncio.sleep(0.01)
    for position in (2, 3):
        told.telling.moved(JOBS, position)
        await asyncio.sleep(0.01)
    assert told.heard.empty()
    told.progress.wish(3)
    assert await told.next() == ("jobs", 3)


async def test_who_waits_is_told_of_every_step(told: Told) -> None:
    told.progress.wish(2)
    await asyncio.sleep(0)
    for position in (1, 2):
        told.telling.moved(FLAGS, position)
        assert await told.next() == ("flags", position)
