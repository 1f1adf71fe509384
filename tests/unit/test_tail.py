"""The tail reader: everybody gets every event once, in order, or is told why not."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.memory.event_store import MemoryEventStore
from application.codec import EventCodec
from application.event_store import (
    Append,
    ForeignIncarnation,
    NewEvent,
    Outage,
    StoredEvent,
    Write,
)
from application.event_store import (
    Tail as End,
)
from application.feed import Feed
from application.tail import Lagged, Ring, Tail
from tests.support.readings import CODEC, NOISE, NoVault


class Store(MemoryEventStore):
    """A log that can be away, and that counts how often it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.reads: list[int] = []

    async def read_log(self, *, after: int, limit: int) -> list[StoredEvent]:
        if self.away:
            raise Outage("away")
        self.reads.append(after)
        return await super().read_log(after=after, limit=limit)

    async def tail(self) -> End:
        if self.away:
            raise Outage("away")
        return await super().tail()


async def append(store: MemoryEventStore, number: int = 1, type_: str = "thing.gone") -> int:
    stream = f"thing/{uuid4()}"
    events = tuple(
        NewEvent(
            id=uuid4(),
            type=type_,
            schema_version=1,
            data=b"{}",
            actor="anonymous",
            correlation_id=UUID(int=0),
        )
        for _ in range(number)
    )
    write = Write(tenant="default", stream=stream, expected=0, events=events)
    outcome: Any = await store.append(Append(writes=(write,)))
    return int(outcome.last)


@pytest.fixture
def store() -> Store:
    return Store()


class Running:
    """A tail at work, for as long as the context lasts."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail

    async def __aenter__(self) -> Tail:
        self.task = asyncio.create_task(self.tail.run())
        await self.tail.started()
        return self.tail

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_every_event_is_told_once_and_in_order(store: Store) -> None:
    await append(store, 3)
    told: list[int] = []
    tail = Tail(store)
    tail.on_events(lambda events: told.extend(each.position for each in events))
    async with Running(tail):
        last = 0
        for number in (1, 5, 2500):
            last = await append(store, number)
            tail.wake()
        await tail.wait_for(last)
    assert told == list(range(4, last + 1))


async def crowd(tail: Tail) -> None:
    """Let there be many calls to look, and the look that finds nothing."""
    for _ in range(20):
        tail.wake()
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_crowds_is_taken_together(store: Store) -> None:
    told: list[list[int]] = []
    tail = Tail(store, gather=0.5)
    tail.on_events(lambda events: told.append([each.position for each in events]))
    async with Running(tail):
        await crowd(tail)
        for _ in range(3):
            await append(store)
            tail.wake()
            await asyncio.sleep(0.001)
        await tail.news(0)
    assert told == [[1, 2, 3]]


async def test_who_waits_for_what_was_recorded_does_not_wait_for_a_crowd(store: Store) -> None:
    told: list[list[int]] = []
    tail = Tail(store, gather=3600.0)
    tail.on_events(lambda events: told.append([each.position for each in events]))
    async with Running(tail):
        await crowd(tail)
        await append(store)
        tail.wake()
        await tail.wait_for(await append(store))
        await crowd(tail)
        last = await append(store)
        tail.wake()
        tail.hurry(last)
        await tail.news(2)
    assert told == [[1, 2], [3]]


async def test_nothing_gathers_for_one_who_goes_step_by_step(store: Store) -> None:
    async with Running(Tail(store, gather=3600.0)) as tail:
        for number in range(50):
            await append(store)
            tail.wake()
            await tail.news(number)
        assert tail.position == 50


async def test_it_polls_when_nobody_wakes_it(store: Store) -> None:
    async with Running(Tail(store)) as tail:
        await tail.wait_for(await append(store))
        assert tail.position == 1


async def test_a_fault_of_one_consumer_is_not_the_others(store: Store) -> None:
    told: list[int] = []

    def broken(_events: Sequence[StoredEvent]) -> None:
        raise RuntimeError

    tail = Tail(store)
    tail.on_events(broken)
    tail.on_events(lambda events: told.extend(each.position for each in events))
    async with Running(tail):
        await tail.wait_for(await append(store, 2))
    assert told == [1, 2]


async def test_it_goes_on_where_it_was_when_the_log_comes_back(store: Store) -> None:
    async with Running(Tail(store)) as tail:
        await tail.wait_for(await append(store))
        store.away = True
        last = await append(store, 4)
        tail.wake()
        waiting = asyncio.create_task(tail.wait_for(last))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        store.away = False
        await waiting
        assert [each.position for each in await tail.read(0)] == [1, 2, 3, 4, 5]


async def test_a_reader_from_the_beginning_gets_the_store_then_the_ring(store: Store) -> None:
    await append(store, 2500)
    async with Running(Tail(store, capacity=10)) as tail:
        seen: list[int] = []
        async for page in tail.follow(0):
            seen += [each.position for each in page]
            if seen[-1] == 2500:
                await append(store, 3)
                tail.wake()
            if seen[-1] == 2503:
                break
    assert seen == list(range(1, 2504))


async def test_a_reader_that_is_too_slow_is_told_so_and_resumes(store: Store) -> None:
    async with Running(Tail(store, capacity=4)) as tail:
        await tail.wait_for(await append(store, 2))
        reader = tail.follow(0)
        first = await anext(reader)
        assert [each.position for each in first] == [1, 2]
        await tail.wait_for(await append(store, 5))
        with pytest.raises(Lagged) as lagged:
            await anext(reader)
        assert lagged.value.position == 2
        resumed = await anext(tail.follow(lagged.value.position))
        assert [each.position for each in resumed] == [3, 4, 5, 6, 7]


async def test_many_readers_cost_one_read(store: Store) -> None:
    async with Running(Tail(store)) as tail:
        readers = [tail.follow(0) for _ in range(50)]
        pages = [asyncio.create_task(anext(each)) for each in readers]  # type: ignore[arg-type]
        last = await append(store, 3)
        await tail.wait_for(last)
        for page in await asyncio.gather(*pages):
            assert [each.position for each in page] == [1, 2, 3]
    assert store.reads.count(0) <= 3


async def test_the_ring_is_bounded_in_bytes(store: Store) -> None:
    await append(store, 30)
    events = await store.read_log(after=0, limit=30)
    ring = Ring(capacity=100, max_bytes=20)
    ring.extend(events)
    assert ring.after(0, 100) is None
    assert ring.after(25, 10) == events[25:]
    assert ring.after(30, 10) == []


async def test_everybody_hears_that_the_log_was_replaced(store: Store) -> None:
    replaced: list[UUID] = []
    tail = Tail(store)
    tail.on_replaced(replaced.append)
    async with Running(tail):
        await tail.wait_for(await append(store))
        reader = tail.follow(1)
        waiting = [
            asyncio.create_task(tail.wait_for(1000)),
            asyncio.create_task(anext(reader)),  # type: ignore[arg-type]
        ]
        await asyncio.sleep(0)
        store.incarnation = uuid4()
        for each in waiting:
            with pytest.raises(ForeignIncarnation):
                await each
        await tail.started()
        assert replaced == [store.incarnation]
        await tail.wait_for(await append(store))


async def test_followers_share_pages_and_their_decoding(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = await append(store, 50)
    decoded: list[int] = []
    original = CODEC.decode

    async def spy(stored: Sequence[StoredEvent]) -> Any:
        decoded.extend(each.position for each in stored)
        return await original(stored)

    monkeypatch.setattr(CODEC, "decode", spy)
    async with Running(Tail(store)) as tail:
        store.reads.clear()
        feed = Feed(tail, CODEC)
        pages = await asyncio.gather(*(feed.next(0) for _ in range(8)))
        for page in pages:
            wanted, fault = await page.wanted({"thing.gone"}, {3})
            assert fault is None
            assert [each.position for each in wanted] == [1, 2, *range(4, last + 1)]
    assert store.reads.count(0) == 1
    assert sorted(decoded) == [1, 2, *range(4, last + 1)]


async def test_a_page_that_was_read_a_moment_ago_may_be_old_already(store: Store) -> None:
    tail = Tail(store)
    last = await append(store)
    await tail._look()
    await append(store)
    feed = Feed(tail, CODEC)
    empty = asyncio.create_task(feed.page(last))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # it was read, in the very turn in which the tail goes on
    await tail._look()
    assert (await feed.next(last)).last == last + 1
    assert (await empty).last == last


async def test_a_page_ends_before_what_this_code_does_not_know(store: Store) -> None:
    await append(store, 2, "noise.heard")
    await append(store, 1, "thing.gone")
    async with Running(Tail(store)) as tail:
        page = await Feed(tail, EventCodec([NOISE], NoVault())).next(0)
        assert (page.last, page.unknown) == (2, 3)


async def test_an_event_that_cannot_be_decoded_is_found_among_others(store: Store) -> None:
    await append(store, 5)
    await append(store, 1, "thing.made")  # its label is missing
    await append(store, 5)
    async with Running(Tail(store)) as tail:
        page = await Feed(tail, CODEC).next(0)
        wanted, fault = await page.wanted({"thing.gone", "thing.made"}, ())
        assert [each.position for each in wanted] == [1, 2, 3, 4, 5]
        assert fault is not None
        assert fault.position == 6
        wanted, fault = await page.wanted({"thing.gone"}, ())
        assert (len(wanted), fault) == (10, None)
