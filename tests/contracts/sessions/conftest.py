"""The session stores that one contract holds for: in memory and in Redis."""

from collections.abc import AsyncIterator

import pytest

from adapters.memory.session_store import MemorySessionStore
from adapters.redis.client import RedisClient
from adapters.redis.session_store import RedisSessionStore
from tests.support.session_bench import IDLE, Bench

DATABASE = 9  # of its own: these tests flush it


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[RedisClient]:
    client = await RedisClient.open(redis_url)
    await client.execute("SELECT", DATABASE)
    await client.execute("FLUSHDB")
    yield client
    await client.aclose()


@pytest.fixture(params=["memory", "redis"])
def bench(request: pytest.FixtureRequest) -> Bench:
    bench = Bench()
    if request.param == "memory":
        memory = MemorySessionStore(
            on_lost=bench.ask,
            on_seen=bench.seen.append,
            idle=IDLE,
            clock=lambda: bench.now,
            position=None,
        )

        async def forget() -> None:
            memory.lose()

        bench.store, bench.lose = memory, forget
        return bench
    redis: RedisClient = request.getfixturevalue("redis")

    async def flush() -> None:
        await redis.execute("FLUSHDB")

    bench.lose = flush
    bench.store = RedisSessionStore(
        redis,
        incarnation=lambda: bench.log.incarnation,
        on_lost=bench.ask,
        on_seen=bench.seen.append,
        idle=IDLE,
        clock=lambda: bench.now,
    )
    return bench


@pytest.fixture
async def ready(bench: Bench) -> Bench:
    await bench.store.rebuild(bench.log)
    bench.log.loads = 0
    return bench
