"""Every history tells the same of the same log."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.memory.history import ScanningHistory
from adapters.postgres import history as postgres
from adapters.postgres.connect import open_pool
from adapters.postgres.event_store import opened
from application.event_store import Append, EventStore, NewEvent, StoredEvent, Write
from application.history import History, Selection

CORRELATION = UUID(int=42)
ALL = Selection(tenants=("default", "system"))


@pytest.fixture(params=["memory", "postgres"])
async def log(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[EventStore, History]]:
    if request.param == "memory":
        store = MemoryEventStore()
        yield store, ScanningHistory(store)
        return
    monkeypatch.setattr(postgres, "STRETCH", 3)  # several reads to one search
    url = request.getfixturevalue("database_url")
    pool = await open_pool(url, role="annals_reader")
    async with opened(url) as on_postgres:
        yield on_postgres, postgres.PostgresHistory(pool)
    pool.terminate()


async def fill(store: EventStore, count: int = 12) -> list[StoredEvent]:
    for number in range(count):
        tenant = ("default", "system", "other")[number % 3]
        event = NewEvent(
            id=uuid4(),
            type=f"thing.{number % 4}",
            schema_version=1,
            data=b'{"by":"p%d_"}' % number,
            actor=f"account/a{number}",
            correlation_id=CORRELATION if number % 5 == 0 else uuid4(),
        )
        write = Write(tenant=tenant, stream=f"thing/{number}", expected=0, events=(event,))
        await store.append(Append(writes=(write,)))
    return await store.read_log(after=0, limit=100)


@pytest.mark.parametrize(
    "selection",
    [
        ALL,
        Selection(tenants=("default",)),
        Selection(tenants=("default", "system"), type="thing.1"),
        Selection(tenants=("default", "system"), stream="thing/4"),
        Selection(tenants=("default",), stream="thing/4"),
        Selection(tenants=("default", "system"), correlation=CORRELATION),
        Selection(tenants=("nobody",)),
        Selection(tenants=("default", "system"), naming=("a1", "p3_")),
        Selection(tenants=("default", "system"), naming=("thing/4",), type="thing.0"),
        Selection(tenants=("default", "system"), naming=("p3_",), stream="thing/3"),
        Selection(tenants=("default", "system"), naming=("a_", "p%", "\\")),
    ],
)
async def test_a_search_finds_all_and_nothing_else(
    log: tuple[EventStore, History], selection: Selection
) -> None:
    store, history = log
    events = await fill(store)
    expected = [each for each in events if selection.takes(each)]

    for limit in (1, 2, 100):
        found: list[StoredEvent] = []
        after, is_end = 0, False
        while not is_end:
            page = await history.find(selection, after=after, limit=limit)
            assert len(page.events) <= limit
            assert page.through >= after
            found, after, is_end = [*found, *page.events], page.through, page.is_end
        assert found == expected
        assert after == events[-1].position


async def test_the_end_of_the_log_can_be_polled(log: tuple[EventStore, History]) -> None:
    store, history = log
    empty = await history.find(ALL, after=0, limit=10)
    assert (empty.events, empty.through, empty.is_end) == ([], 0, True)
    await fill(store, 1)
    assert len((await history.find(ALL, after=empty.through, limit=10)).events) == 1
    beyond = await history.find(ALL, after=1000, limit=10)
    assert (beyond.events, beyond.through) == ([], 1000)


async def test_a_moment_has_a_position(log: tuple[EventStore, History]) -> None:
    store, history = log
    assert await history.position_at((await store.tail()).recorded_at) == 0
    events = await fill(store)
    moment = timedelta(microseconds=1)

    for event in events:
        same = [each.position for each in events if each.recorded_at <= event.recorded_at]
        before = [each.position for each in events if each.recorded_at < event.recorded_at]
        assert await history.position_at(event.recorded_at) == same[-1]
        assert await history.position_at(event.recorded_at - moment) == max([0, *before])
    assert await history.position_at(events[-1].recorded_at + timedelta(days=1)) == 12
