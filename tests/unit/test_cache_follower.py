"""Following the log: what events invalidate, where following begins, and who waits for it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from adapters.memory.entry_store import MemoryEntryStore
from adapters.memory.event_store import MemoryEventStore
from application.cache import Address
from application.cache_invalidations import CacheFollower, invalidated_by
from application.event_store import Append, NewEvent, Stored, StoredEvent, Write
from application.tail import Tail
from tests.support.cache import Clock, entry


class Plant:
    """A log, entries, and a follower between them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.log = MemoryEventStore()
        self.tail = Tail(self.log)
        self.entries = MemoryEntryStore(self.clock)
        self.follower = CacheFollower(self.entries, self.tail)
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.tasks = [asyncio.create_task(each) for each in (self.tail.run(), self.follower.run())]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def record(self, stream: str, type_: str = "flag.defined", data: bytes = b"{}") -> int:
        [version] = await self.log.versions([("acme", stream)])
        event = NewEvent(
            id=uuid4(),
            type=type_,
            schema_version=1,
            data=data,
            actor="anonymous",
            correlation_id=uuid4(),
        )
        write = Write(tenant="acme", stream=stream, expected=version, events=(event,))
        outcome = await self.log.append(Append(writes=(write,)))
        assert isinstance(outcome, Stored)
        return outcome.last

    async def put(self, key: str, *tags: str) -> None:
        address = Address("acme", "people", key)
        await self.entries.put(address, entry(self.clock, b"v", *tags), self.entries.ticket())

    async def kept(self, *keys: str) -> list[str]:
        found = [key for key in keys if await self.entries.find(Address("acme", "people", key))]
        return list(found)


@pytest.fixture
async def plant() -> AsyncIterator[Plant]:
    plant = Plant()
    yield plant
    await plant.stop()


def event(stream: str, type_: str, data: bytes = b"{}") -> StoredEvent:
    return StoredEvent(
        position=1,
        tenant="acme",
        stream=stream,
        version=1,
        id=uuid4(),
        type=type_,
        schema_version=1,
        data=data,
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
        actor="anonymous",
        correlation_id=uuid4(),
        causation_id=None,
        meta=b"{}",
    )


def test_an_event_invalidates_the_thing_and_its_kind() -> None:
    assert list(invalidated_by(event("flag/a", "flag.enabled"))) == [
        ("acme", "flag:a"),
        ("acme", "flag:*"),
    ]


def test_who_is_erased_is_so_in_every_tenant() -> None:
    erased = event("account/a1", "account.erased", b'{"keys":["a1"],"tenants":["default","shop"]}')
    assert {("default", "account:a1"), ("shop", "account:a1")} <= set(invalidated_by(erased))


def test_an_invalidation_names_its_tags_or_means_everything() -> None:
    named = event("cache/all", "cache.invalidated", b'{"tags":["a","b"]}')
    everything = event("cache/all", "cache.invalidated", b'{"tags":[]}')
    assert list(invalidated_by(named)) == [("acme", "a"), ("acme", "b")]
    assert list(invalidated_by(everything)) == [("acme", "")]


async def test_events_drop_what_was_made_of_their_things(plant: Plant) -> None:
    plant.start()
    await plant.follower.reached(await plant.record("flag/a"))
    await plant.put("1", "flag:a")
    await plant.put("2", "flag:b")
    await plant.put("3", "flag:*")
    await plant.follower.reached(await plant.record("flag/a"))
    assert await plant.kept("1", "2", "3") == ["2"]
    await plant.record("cache/all", "cache.invalidated", b'{"tags":["flag:b"]}')
    await plant.put("4")
    await plant.follower.reached(await plant.record("limit/x"))
    assert await plant.kept("2", "4") == ["4"]
    position = await plant.record("cache/all", "cache.invalidated", b'{"tags":[]}')
    await plant.follower.reached(position)
    assert await plant.kept("4") == []


async def test_what_happened_while_nobody_followed_is_made_up_for(plant: Plant) -> None:
    plant.start()
    await plant.follower.reached(await plant.record("flag/a"))
    await plant.stop()
    await plant.put("1", "flag:a")
    await plant.put("2", "flag:b")
    position = await plant.record("flag/a")
    plant.tail = Tail(plant.log)
    plant.follower = CacheFollower(plant.entries, plant.tail)
    plant.start()
    await plant.tail.started()
    await asyncio.sleep(0)  # the follower begins
    await plant.follower.reached(position)
    assert await plant.kept("1", "2") == ["2"]


async def test_what_is_too_far_behind_begins_anew(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.cache_invalidations.FARTHEST", 2)
    incarnation = (await plant.log.tail()).incarnation
    plant.entries.follow_from(incarnation, 0)
    await plant.put("1", "flag:b")
    for _ in range(3):
        await plant.record("flag/a")
    plant.start()
    await plant.tail.started()
    await asyncio.sleep(0)
    await plant.follower.reached(await plant.record("flag/a"))
    assert await plant.kept("1") == []
    assert plant.entries.followed(incarnation) == 4


async def test_a_directory_that_knew_another_log_begins_anew(plant: Plant) -> None:
    plant.entries.follow_from(uuid4(), 7)
    await plant.put("1")
    plant.start()
    await plant.tail.started()
    await asyncio.sleep(0)
    await plant.follower.reached(await plant.record("flag/a"))
    assert await plant.kept("1") == []
