import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from adapters.crypto.master import KeyedHash
from adapters.memory.lockout import MemoryLockout
from adapters.redis.client import RedisClient
from adapters.redis.lockout import RedisLockout
from application.lockout import Attempt, Failure, Locked, Lockout, LockoutPolicy

MINUTE = 60_000
NOON = 30_000_000 * MINUTE
ACCOUNT = LockoutPolicy(threshold=3, delay=10.0, longest=60.0, forget=3600.0)
ADDRESS = LockoutPolicy(threshold=6, delay=10.0, longest=60.0, forget=3600.0)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
async def lockout(request: pytest.FixtureRequest, clock: Clock, redis_url: str):  # noqa: ANN201 - a fixture
    if request.param == "memory":
        yield MemoryLockout(account=ACCOUNT, address=ADDRESS, clock=clock)
        return
    client = await RedisClient.open(redis_url)
    yield RedisLockout(
        client,
        KeyedHash(uuid.uuid4().bytes),
        account=ACCOUNT,
        address=ADDRESS,
        clock=clock,
    )
    await client.aclose()


async def fail(lockout: Lockout, account: str = "ada", address: str = "a1") -> Failure:
    attempt = await lockout.reserve(account, address)
    assert isinstance(attempt, Attempt)
    return await lockout.failed(attempt)


async def test_failures_below_the_threshold_are_free(lockout: Lockout) -> None:
    for _ in range(2):
        failure = await fail(lockout)
        assert (failure.account.onset, failure.account.locked_for) == (False, 0)


async def test_the_pauses_double_up_to_the_longest_and_the_onset_is_told_once(
    lockout: Lockout, clock: Clock
) -> None:
    await fail(lockout)
    await fail(lockout)
    onsets, pauses = [], []
    for n in range(5):
        failure = await fail(lockout, address=f"a{n}")
        onsets.append(failure.account.onset)
        pauses.append(failure.account.locked_for)
        refused = await lockout.reserve("ada", "elsewhere")
        assert refused == Locked(retry_after=failure.account.locked_for)
        clock.now += round(failure.account.locked_for * 1000)
    assert onsets == [True, False, False, False, False]
    assert pauses == [10, 20, 40, 60, 60]


async def test_what_is_refused_counts_nothing(lockout: Lockout, clock: Clock) -> None:
    for _ in range(3):
        await fail(lockout)
    for _ in range(20):
        assert isinstance(await lockout.reserve("ada", "a1"), Locked)
    clock.now += 10_000
    assert (await fail(lockout)).account.locked_for == 20
    assert (await fail(lockout, "bob")).address.locked_for == 0


async def test_a_right_password_forgets_the_accounts_failures(lockout: Lockout) -> None:
    await fail(lockout)
    await fail(lockout)
    attempt = await lockout.reserve("ada", "a1")
    assert isinstance(attempt, Attempt)
    await lockout.succeeded(attempt)
    for _ in range(2):
        assert not (await fail(lockout)).account.onset
    assert (await fail(lockout)).account.onset


async def test_a_right_password_leaves_the_address_its_other_failures(lockout: Lockout) -> None:
    for n in range(5):
        await fail(lockout, f"person{n}")
    own = await lockout.reserve("mallory", "a1")
    assert isinstance(own, Attempt)
    await lockout.succeeded(own)
    failure = await fail(lockout, "person9")
    assert (failure.address.onset, failure.address.locked_for) == (True, 10)
    assert isinstance(await lockout.reserve("anybody", "a1"), Locked)


async def test_guesses_sent_at_once_get_no_further(lockout: Lockout) -> None:
    attempts = await asyncio.gather(*(lockout.reserve("ada", f"a{n}") for n in range(50)))
    assert sum(isinstance(each, Attempt) for each in attempts) == 3


async def test_an_attempt_that_is_never_finished_counts(lockout: Lockout) -> None:
    for n in range(3):
        await lockout.reserve("ada", f"a{n}")
    assert isinstance(await lockout.reserve("ada", "a9"), Locked)


async def test_what_is_long_ago_is_forgotten(lockout: Lockout, clock: Clock) -> None:
    for _ in range(3):
        await fail(lockout)
    clock.now += 3_600_001
    failure = await fail(lockout)
    assert (failure.account.onset, failure.account.locked_for) == (False, 0)


async def test_one_failure_in_a_minute_tells_of_the_minute_before(
    lockout: Lockout, clock: Clock
) -> None:
    first, second = await fail(lockout), await fail(lockout, address="a2")
    assert (first.account.first_in_minute, first.account.earlier_failures) == (True, 0)
    assert first.account.earlier_minute is None
    assert (second.account.first_in_minute, second.account.earlier_failures) == (False, 0)
    clock.now += 3 * MINUTE
    third = await fail(lockout, address="a3")
    assert (third.account.first_in_minute, third.account.earlier_failures) == (True, 2)
    assert third.account.earlier_minute == datetime.fromtimestamp(NOON / 1000, UTC)
    assert third.address.earlier_failures == 0


async def test_no_name_can_be_read_in_redis(redis_url: str) -> None:
    client = await RedisClient.open(redis_url)
    lockout = RedisLockout(client, KeyedHash(b"k" * 32))
    await fail(lockout, "grace@example.org", "203.0.113.99")
    keys = b" ".join(await client.execute("KEYS", "*"))
    assert b"lockout:account:" in keys
    assert b"grace" not in keys
    assert b"203.0.113.99" not in keys
    await client.aclose()
