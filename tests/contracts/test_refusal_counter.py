"""The counters of refused webhooks, over every adapter."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from adapters.crypto.master import KeyedHash
from adapters.memory.webhook_refusals import MemoryRefusalCounter
from adapters.redis.client import RedisClient
from adapters.redis.webhook_refusals import RedisRefusalCounter
from application.webhooks.ports import RefusalCounter, Tally

NOON = 30_000_000


class Clock:
    def __init__(self) -> None:
        self.minute = NOON

    def __call__(self) -> int:
        return self.minute


def moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
async def counter(
    request: pytest.FixtureRequest, clock: Clock, redis_url: str
) -> AsyncIterator[RefusalCounter]:
    if request.param == "memory":
        yield MemoryRefusalCounter(minute=clock)
        return
    client = await RedisClient.open(redis_url)
    yield RedisRefusalCounter(client, KeyedHash(uuid.uuid4().bytes), minute=clock)
    await client.aclose()


async def test_the_first_in_a_minute_is_told_and_no_other(counter: RefusalCounter) -> None:
    first = await counter.count("hook")
    assert first == Tally(minute=moment(NOON), earlier_minute=None, earlier_count=0)
    assert [await counter.count("hook") for _ in range(20)] == [None] * 20


async def test_it_tells_how_many_the_last_minute_had(counter: RefusalCounter, clock: Clock) -> None:
    for _ in range(21):
        await counter.count("hook")
    clock.minute += 3
    told = await counter.count("hook")
    assert told == Tally(minute=moment(NOON + 3), earlier_minute=moment(NOON), earlier_count=21)
    clock.minute += 1
    told = await counter.count("hook")
    assert told is not None
    assert (told.earlier_minute, told.earlier_count) == (moment(NOON + 3), 1)


async def test_hooks_are_counted_each_on_its_own(counter: RefusalCounter) -> None:
    assert await counter.count("one") is not None
    assert await counter.count("two") is not None
    assert await counter.count("one") is None


async def test_of_many_at_once_one_is_the_first(counter: RefusalCounter) -> None:
    told = await asyncio.gather(*(counter.count("hook") for _ in range(100)))
    assert sum(each is not None for each in told) == 1


async def test_no_address_can_be_read_in_redis_and_none_stays_for_ever(redis_url: str) -> None:
    client = await RedisClient.open(redis_url)
    counter = RedisRefusalCounter(client, KeyedHash(uuid.uuid4().bytes))
    told = await counter.count("an-address-nobody-guesses")
    assert told is not None
    assert abs((told.minute - datetime.now(UTC)).total_seconds()) < 3600
    keys = await client.execute("KEYS", "webhook:refused:*")
    assert keys
    assert b"an-address-nobody-guesses" not in b" ".join(await client.execute("KEYS", "*"))
    lives = [await client.execute("TTL", key) for key in keys]
    assert all(0 < life <= 86_400 for life in lives)
    await client.aclose()
