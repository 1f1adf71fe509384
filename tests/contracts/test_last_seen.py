import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.memory.last_seen import MemoryLastSeen
from adapters.postgres.connect import Pool, open_pool
from adapters.postgres.last_seen import PostgresLastSeen
from adapters.sight_keeper import forget_sights
from application.event_store import Outage
from application.last_seen import LastSeen

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def writers(postgres_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(postgres_url, role="annals_appender")
    yield pool
    await pool.close()


@pytest.fixture
async def readers(postgres_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(postgres_url, role="annals_reader")
    yield pool
    await pool.close()


@pytest.fixture
def postgres(writers: Pool, readers: Pool, clock: Clock) -> PostgresLastSeen:
    return PostgresLastSeen(writers, readers, now=clock, interval=0.01)


@pytest.fixture(params=["memory", "postgres"])
def last_seen(request: pytest.FixtureRequest, clock: Clock) -> LastSeen:
    if request.param == "memory":
        return MemoryLastSeen(clock)
    postgres: PostgresLastSeen = request.getfixturevalue("postgres")
    return postgres


async def test_the_last_time_counts(last_seen: LastSeen, clock: Clock) -> None:
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    last_seen.saw("session", one)
    clock.now += timedelta(minutes=1)
    last_seen.saw("session", one)
    last_seen.saw("api-key", other)
    assert await last_seen.seen("session", [one, other]) == {one: NOON + timedelta(minutes=1)}
    assert await last_seen.seen("session", []) == {}


async def test_others_see_it_once_it_is_written(
    postgres: PostgresLastSeen, writers: Pool, readers: Pool, clock: Clock
) -> None:
    other = PostgresLastSeen(writers, readers, now=clock, interval=1.0)
    ids = [str(uuid.uuid4()) for _ in range(3)]
    for id_ in ids[:2]:
        postgres.saw("session", id_)
    assert await other.seen("session", ids) == {}
    await postgres.write()
    assert await other.seen("session", ids) == dict.fromkeys(ids[:2], NOON)
    clock.now += timedelta(seconds=30)
    other.saw("session", ids[0])
    assert (await other.seen("session", ids))[ids[0]] == clock.now
    await other.aclose()
    assert (await postgres.seen("session", ids))[ids[0]] == clock.now


async def test_who_writes_late_sets_nothing_back(
    postgres: PostgresLastSeen, writers: Pool, readers: Pool, clock: Clock
) -> None:
    id_ = str(uuid.uuid4())
    postgres.saw("session", id_)
    clock.now += timedelta(hours=1)
    other = PostgresLastSeen(writers, readers, now=clock, interval=1.0)
    other.saw("session", id_)
    await other.write()
    await postgres.write()
    assert await postgres.seen("session", [id_]) == {id_: clock.now}


async def test_sessions_of_long_ago_are_forgotten(
    postgres: PostgresLastSeen, postgres_url: str, clock: Clock
) -> None:
    old, new = str(uuid.uuid4()), str(uuid.uuid4())
    for kind in ("session", "api-key"):
        postgres.saw(kind, old)
    clock.now += timedelta(days=1)
    postgres.saw("session", new)
    await postgres.write()
    await forget_sights(postgres_url, clock.now)
    assert await postgres.seen("session", [old, new]) == {new: clock.now}
    assert await postgres.seen("api-key", [old]) == {old: NOON}


async def test_what_cannot_be_written_is_kept(
    readers: Pool, postgres_url: str, clock: Clock
) -> None:
    pool = await open_pool(postgres_url, role="annals_appender")
    last_seen = PostgresLastSeen(pool, readers, now=clock, interval=1.0)
    id_ = str(uuid.uuid4())
    last_seen.saw("session", id_)
    pool.terminate()
    with pytest.raises(Outage):
        await last_seen.write()
    assert await last_seen.seen("session", [id_]) == {id_: NOON}
    await last_seen.aclose()
