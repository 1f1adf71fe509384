import asyncio
import math
import uuid
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.crypto.master import KeyedHash
from adapters.memory.rate_counter import MemoryRateCounter
from adapters.redis.client import RedisClient
from adapters.redis.rate_counter import RedisRateCounter
from application.event_store import Outage
from application.rate_counter import LimitPolicy, RateCounter
from domain.limits import ALGORITHMS

SECOND = 1_000_000
NOON = 1_800_000_000 * SECOND


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[RedisClient]:
    client = await RedisClient.open(redis_url)
    yield client
    await client.aclose()


@pytest.fixture(params=["memory", "redis"])
def counter(request: pytest.FixtureRequest, clock: Clock) -> RateCounter:
    if request.param == "memory":
        return MemoryRateCounter(clock)
    return RedisRateCounter(request.getfixturevalue("redis"), KeyedHash(b"k" * 32), clock)


def policy(algorithm: str = "fixed_window", limit: int = 3, window: float = 60.0) -> LimitPolicy:
    return LimitPolicy(
        name=f"n{uuid.uuid4()}", tenant="t", algorithm=algorithm, limit=limit, window=window
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_it_allows_the_limit_and_then_refuses(counter: RateCounter, algorithm: str) -> None:
    limit = policy(algorithm)
    remaining = [(await counter.check(limit, "ada")).remaining for _ in range(3)]
    assert remaining == [2, 1, 0]
    refused = await counter.check(limit, "ada")
    assert not refused.allowed
    assert refused.retry_after > 0
    assert (await counter.check(limit, "bob")).allowed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_what_is_refused_is_allowed_after_retry_after(
    counter: RateCounter, clock: Clock, algorithm: str
) -> None:
    limit = policy(algorithm)
    clock.now += 17 * SECOND
    while (verdict := await counter.check(limit, "ada")).allowed:
        pass
    clock.now += math.ceil(verdict.retry_after * SECOND)
    assert (await counter.check(limit, "ada")).allowed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_all_is_back_after_reset_after(
    counter: RateCounter, clock: Clock, algorithm: str
) -> None:
    limit = policy(algorithm)
    clock.now += 7 * SECOND
    verdict = await counter.check(limit, "ada", 2)
    clock.now += math.ceil(verdict.reset_after * SECOND)
    full = await counter.peek(limit, "ada")
    assert (full.remaining, full.reset_after) == (3, 0)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_cost_beyond_the_limit_is_never_allowed(
    counter: RateCounter, algorithm: str
) -> None:
    verdict = await counter.check(policy(algorithm), "ada", 4)
    assert (verdict.allowed, verdict.retry_after, verdict.remaining) == (False, math.inf, 3)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_peeking_uses_nothing_up_and_reset_gives_all_back(
    counter: RateCounter, algorithm: str
) -> None:
    limit = policy(algorithm)
    await counter.check(limit, "ada", 3)
    assert not (await counter.peek(limit, "ada")).allowed
    await counter.reset(limit, "ada")
    for _ in range(2):
        seen = await counter.peek(limit, "ada")
        assert (seen.allowed, seen.remaining) == (True, 3)


async def test_a_changed_limit_keeps_its_counts_and_a_changed_window_does_not(
    counter: RateCounter,
) -> None:
    name = f"n{uuid.uuid4()}"

    def shaped(algorithm: str, limit: int, window: float) -> LimitPolicy:
        return LimitPolicy(name=name, tenant="t", algorithm=algorithm, limit=limit, window=window)

    for algorithm in ALGORITHMS:
        await counter.check(shaped(algorithm, 3, 60.0), "ada", 3)
        assert (await counter.check(shaped(algorithm, 4, 60.0), "ada")).remaining == 0
        assert (await counter.check(shaped(algorithm, 3, 61.0), "ada")).remaining == 2


async def test_a_bucket_holds_its_burst(counter: RateCounter, clock: Clock) -> None:
    limit = LimitPolicy(
        name=f"n{uuid.uuid4()}",
        tenant="t",
        algorithm="token_bucket",
        limit=60,
        window=60.0,
        burst=2,
    )
    clock.now += 3600 * SECOND
    assert [(await counter.check(limit, "a")).allowed for _ in range(3)] == [True, True, False]
    clock.now += SECOND
    assert [(await counter.check(limit, "a")).allowed for _ in range(2)] == [True, False]


async def test_a_cost_below_one_is_a_mistake(counter: RateCounter) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        await counter.check(policy(), "ada", 0)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    algorithm=st.sampled_from(ALGORITHMS),
    limit=st.integers(1, 1000),
    burst=st.none() | st.integers(1, 20),
    window=st.sampled_from([30.0, 61.7, 3600.0, 86_400.0 * 31]),
    steps=st.lists(st.tuples(st.floats(-0.3, 3.0), st.integers(1, 12), st.booleans()), max_size=25),
)
async def test_redis_answers_as_the_model_does(
    redis: RedisClient,
    algorithm: str,
    limit: int,
    burst: int | None,
    window: float,
    steps: list[tuple[float, int, bool]],
) -> None:
    clock = Clock()
    model = MemoryRateCounter(clock)
    real = RedisRateCounter(redis, KeyedHash(b"k" * 32), clock)
    shape = LimitPolicy(
        name=f"n{uuid.uuid4()}",
        tenant="t",
        algorithm=algorithm,
        limit=limit,
        window=window,
        burst=burst,
    )
    used: list[tuple[int, int]] = []
    for passed, cost, peek in steps:
        clock.now += round(passed * passed * abs(passed) * window * SECOND / 9)
        expected, got = (
            [await each.peek(shape, "s") for each in (model, real)]
            if peek
            else [await each.check(shape, "s", cost) for each in (model, real)]
        )
        assert got == expected
        if got.allowed and not peek:
            used.append((clock.now, cost))
    if algorithm == "fixed_window":
        windows: dict[int, int] = {}
        for at, cost in used:
            index = at // round(window * SECOND)
            windows[index] = windows.get(index, 0) + cost
        assert all(count <= limit for count in windows.values())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_racing_checks_never_allow_more_than_the_limit(
    redis_url: str, algorithm: str
) -> None:
    clients = [await RedisClient.open(redis_url) for _ in range(4)]
    counters = [RedisRateCounter(each, KeyedHash(b"k" * 32)) for each in clients]
    limit = policy(algorithm, limit=37, window=3600.0)
    verdicts = await asyncio.gather(
        *(counters[n % 4].check(limit, "ada", 1 + n % 3) for n in range(200))
    )
    assert 35 <= sum(1 + n % 3 for n, v in enumerate(verdicts) if v.allowed) <= 37
    for each in clients:
        await each.aclose()


async def test_no_subject_can_be_read_in_redis(redis: RedisClient) -> None:
    counter = RedisRateCounter(redis, KeyedHash(b"k" * 32))
    await counter.check(policy(), "198.51.100.77")
    keys = await redis.execute("KEYS", "*")
    assert keys
    assert not any(b"198.51.100.77" in key for key in keys)


async def test_a_counter_that_is_away_says_so() -> None:
    nobody = RedisClient("redis://127.0.0.1:1")  # never opened
    counter = RedisRateCounter(nobody, KeyedHash(b"k" * 32))
    for ask in (counter.check, counter.peek, counter.reset):
        with pytest.raises(Outage):
            await ask(policy(), "ada")
