"""Loading: one at a time, stale in need, and never from before an invalidation."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.entry_store import MemoryEntryStore
from application.cache import Address, Entry
from application.event_store import Outage
from application.loading_cache import LoadingCache
from tests.support.cache import Clock, nowhere

MINUTE = timedelta(minutes=1)


class Source:
    """Something to find out, which answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.value = b"1"
        self.failure: Exception | None = None
        self.held = False
        self.begun = asyncio.Event()
        self._answers = asyncio.Event()

    async def __call__(self) -> bytes:
        self.asked += 1
        value, failure = self.value, self.failure
        self.begun.set()
        if self.held:
            await self._answers.wait()
        if failure is not None:
            raise failure
        return value

    def answer(self) -> None:
        self._answers.set()
        self._answers, self.begun = asyncio.Event(), asyncio.Event()


class Plant:
    def __init__(self) -> None:
        self.clock = Clock()
        self.entries = MemoryEntryStore(self.clock)
        self.cache = LoadingCache(self.entries, nowhere, self.clock)
        self.source = Source()

    async def load(self, tenant: str = "acme", **change: Any) -> bytes:
        given: dict[str, Any] = {"ttl": MINUTE, "tags": ["t"], **change}
        return await self.cache.load("k", self.source, tenant=tenant, **given)


@pytest.fixture
def plant() -> Plant:
    return Plant()


async def test_it_is_found_out_once_until_its_time_has_passed(plant: Plant) -> None:
    assert [await plant.load() for _ in range(3)] == [b"1"] * 3
    assert plant.source.asked == 1
    plant.clock.at += 60
    plant.source.value = b"2"
    assert await plant.load() == b"2"


async def test_a_thousand_callers_wait_for_one_loader(plant: Plant) -> None:
    plant.source.held = True
    callers = [asyncio.create_task(plant.load()) for _ in range(1000)]
    await plant.source.begun.wait()
    plant.source.answer()
    assert set(await asyncio.gather(*callers)) == {b"1"}
    assert plant.source.asked == 1


async def test_tenants_do_not_share(plant: Plant) -> None:
    assert await plant.load() == b"1"
    plant.source.value = b"2"
    assert await plant.load("other") == b"2"
    assert await plant.load() == b"1"


async def test_a_caller_that_goes_away_cancels_nobody(plant: Plant) -> None:
    plant.source.held = True
    first, second = (asyncio.create_task(plant.load()) for _ in range(2))
    await plant.source.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    plant.source.answer()
    assert await second == b"1"
    assert plant.source.asked == 1


async def test_who_asks_after_an_invalidation_gets_nothing_from_before(plant: Plant) -> None:
    plant.source.held = True
    before = asyncio.create_task(plant.load())
    await plant.source.begun.wait()
    plant.source.value = b"2"
    await plant.cache.invalidate(["t"], tenant="acme")
    after = asyncio.create_task(plant.load())
    plant.source.answer()
    assert await before == b"1"
    await plant.source.begun.wait()
    plant.source.answer()
    assert await after == b"2"
    plant.source.value = b"3"
    assert await plant.load() == b"2"


async def test_a_failure_reaches_everybody_who_waits_and_is_not_kept(plant: Plant) -> None:
    plant.source.failure = ConnectionError()
    found = await asyncio.gather(plant.load(), plant.load(), return_exceptions=True)
    assert [type(each) for each in found] == [ConnectionError, ConnectionError]
    plant.source.failure = None
    assert await plant.load() == b"1"
    assert plant.source.asked == 2


async def test_a_stale_value_serves_while_the_loader_fails(plant: Plant) -> None:
    await plant.load(stale_for=MINUTE)
    plant.source.failure = ConnectionError()
    plant.clock.at += 119
    assert await plant.load() == b"1"
    plant.clock.at += 1
    with pytest.raises(ConnectionError):
        await plant.load()


async def test_an_invalid_value_is_never_served_stale(plant: Plant) -> None:
    await plant.load(stale_for=MINUTE)
    plant.clock.at += 61
    await plant.cache.invalidate(["t"], tenant="acme")
    plant.source.failure = ConnectionError()
    with pytest.raises(ConnectionError):
        await plant.load()


async def test_a_value_that_cannot_be_kept_is_a_value(plant: Plant) -> None:
    class Full(MemoryEntryStore):
        async def put(self, address: Address, entry: Entry, ticket: int) -> bool:
            raise Outage(f"no room for {address}, {entry}, {ticket}")

    plant.cache = LoadingCache(Full(plant.clock), nowhere, plant.clock)
    assert await plant.load() == b"1"
    assert await plant.load() == b"1"
    assert plant.source.asked == 2
