import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from adapters.crypto.master import KeyedHash
from adapters.memory.lockout import MemoryLockout
from adapters.redis.client import RedisClient
from adapters.redis.lockout import RedisLockout
from application.lockout import (
    Attempt,
    Busy,
    Failure,
    Locked,
    LockoutCounters,
    LockoutPolicies,
    LockoutPolicy,
    address_range,
)
from application.patient_lockout import PatientLockout

MINUTE = 60_000
NOON = 30_000_000 * MINUTE
POLICIES = LockoutPolicies(
    near=LockoutPolicy(threshold=3, delay=10.0, longest=60.0, forget=3600.0),
    account=LockoutPolicy(threshold=7, delay=10.0, longest=60.0, forget=3600.0),
    range=LockoutPolicy(threshold=6, delay=10.0, longest=60.0, forget=3600.0),
    orphan=30.0,
    known=86_400.0,
)
HOME, AWAY = "192.0.2.1", "198.51.100.1"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
async def counters(
    request: pytest.FixtureRequest, clock: Clock, redis_url: str
) -> AsyncIterator[LockoutCounters]:
    if request.param == "memory":
        yield MemoryLockout(policies=POLICIES, clock=clock)
        return
    client = await RedisClient.open(redis_url)
    yield RedisLockout(client, KeyedHash(uuid.uuid4().bytes), policies=POLICIES, clock=clock)
    await client.aclose()


async def reserve(counters: LockoutCounters, account: str = "ada", address: str = HOME) -> Attempt:
    attempt = await counters.reserve(account, address)
    assert isinstance(attempt, Attempt), attempt
    return attempt


async def fail(counters: LockoutCounters, account: str = "ada", address: str = HOME) -> Failure:
    return await counters.failed(await reserve(counters, account, address))


async def succeed(counters: LockoutCounters, account: str = "ada", address: str = HOME) -> None:
    await counters.succeeded(await reserve(counters, account, address))


def elsewhere(n: int) -> str:
    return f"203.0.{n}.1"


async def test_failures_below_the_threshold_are_free(counters: LockoutCounters) -> None:
    for _ in range(2):
        failure = await fail(counters)
        assert (failure.onset, failure.locked_for) == ("", 0)


async def test_the_pauses_double_up_to_the_longest_and_the_onset_is_told_once(
    counters: LockoutCounters, clock: Clock
) -> None:
    await fail(counters)
    await fail(counters)
    onsets, pauses = [], []
    for _ in range(5):
        failure = await fail(counters)
        onsets.append(failure.onset)
        pauses.append(failure.locked_for)
        assert await counters.reserve("ada", HOME) == Locked(retry_after=failure.locked_for)
        clock.now += round(failure.locked_for * 1000)
        if pauses == [10, 20, 40]:
            break
    assert onsets == ["near", "", ""]


async def test_what_was_right_and_not_enough_is_no_failure(
    counters: LockoutCounters, clock: Clock
) -> None:
    for _ in range(10):
        await counters.withdrawn(await reserve(counters))
    clock.now += round(POLICIES.orphan * 1000) + 1
    assert (await fail(counters)).locked_for == 0


async def test_what_was_right_and_not_enough_takes_no_failure_back(
    counters: LockoutCounters,
) -> None:
    for _ in range(2):
        await fail(counters)
        await counters.withdrawn(await reserve(counters))
    assert (await fail(counters)).onset == "near"


async def test_a_lock_from_one_place_harms_nobody_elsewhere(counters: LockoutCounters) -> None:
    for _ in range(3):
        await fail(counters)
    assert isinstance(await counters.reserve("ada", HOME), Locked)
    await succeed(counters, "ada", AWAY)
    await succeed(counters, "bob", HOME)


async def test_addresses_of_one_range_are_one_place(counters: LockoutCounters) -> None:
    for n in range(3):
        await fail(counters, address=f"2001:db8::{n}")
    assert isinstance(await counters.reserve("ada", "2001:db8::99"), Locked)
    await reserve(counters, address="2001:db8:0:1::99")


async def test_guesses_from_many_places_lock_the_account_everywhere(
    counters: LockoutCounters, clock: Clock
) -> None:
    onsets = [(await fail(counters, address=elsewhere(n))).onset for n in range(7)]
    assert onsets == [""] * 6 + ["everywhere"]
    clock.now += 10_000
    prolonged = await fail(counters, address=elsewhere(8))
    assert (prolonged.onset, prolonged.locked_for) == ("everywhere", 20)
    assert isinstance(await counters.reserve("ada", AWAY), Locked)
    await reserve(counters, "bob", AWAY)


async def test_but_not_where_the_account_has_signed_in(
    counters: LockoutCounters, clock: Clock
) -> None:
    await succeed(counters)
    for n in range(7):
        await fail(counters, address=elsewhere(n))
    await succeed(counters, "ada", "192.0.2.77")
    assert (await fail(counters)).onset == "everywhere"
    await succeed(counters)
    assert isinstance(await counters.reserve("ada", AWAY), Locked)
    clock.now += 86_400_001
    for n in range(7):
        await fail(counters, address=elsewhere(n))
    assert isinstance(await counters.reserve("ada", HOME), Locked)


async def test_nor_where_its_person_has_answered_a_mail(counters: LockoutCounters) -> None:
    for _ in range(3):
        await fail(counters)
    for n in range(4):
        await fail(counters, address=elsewhere(n))
    await counters.trust("ada", HOME)
    await succeed(counters)
    assert isinstance(await counters.reserve("ada", AWAY), Locked)


async def test_one_range_guesses_at_many_accounts_so_often(counters: LockoutCounters) -> None:
    for n in range(6):
        await fail(counters, f"person{n}")
    assert await counters.reserve("anybody", HOME) == Locked(retry_after=10)
    await reserve(counters, "anybody", AWAY)


async def test_a_right_password_leaves_the_range_its_other_failures(
    counters: LockoutCounters,
) -> None:
    for n in range(5):
        await fail(counters, f"person{n}")
    await succeed(counters, "mallory")
    await fail(counters, "person9")
    assert isinstance(await counters.reserve("anybody", HOME), Locked)


async def test_what_is_refused_counts_nothing(counters: LockoutCounters, clock: Clock) -> None:
    for _ in range(3):
        await fail(counters)
    for _ in range(20):
        assert isinstance(await counters.reserve("ada", HOME), Locked)
    clock.now += 10_000
    assert (await fail(counters)).locked_for == 20


async def test_a_right_password_forgets_the_failures_from_there(counters: LockoutCounters) -> None:
    for _ in range(2):
        await fail(counters)
    await succeed(counters)
    for _ in range(2):
        assert (await fail(counters)).onset == ""
    assert (await fail(counters)).onset == "near"


async def test_the_failures_of_an_account_are_forgotten_wherever_they_were(
    counters: LockoutCounters,
) -> None:
    assert not await counters.any_of("ada")
    for _ in range(3):
        await fail(counters)
    for n in range(4):
        await fail(counters, address=elsewhere(n))
    assert await counters.any_of("ada")
    await counters.forget("ada")
    assert not await counters.any_of("ada")
    await counters.withdrawn(await reserve(counters))
    assert [(await fail(counters, address=AWAY)).onset for _ in range(3)] == ["", "", "near"]
    assert isinstance(await counters.reserve("ada", AWAY), Locked)
    await counters.forget("ada")
    await reserve(counters, address=AWAY)


async def test_a_lock_everywhere_is_forgotten(counters: LockoutCounters) -> None:
    for n in range(7):
        await fail(counters, address=elsewhere(n))
    assert isinstance(await counters.reserve("ada", AWAY), Locked)
    await counters.forget("ada")
    assert (await fail(counters, address=AWAY)).onset == ""
    assert await counters.any_of("ada")


async def test_what_others_have_failed_at_is_not(counters: LockoutCounters) -> None:
    for _ in range(3):
        await fail(counters, "bob", AWAY)
    for n in range(6):
        await fail(counters, f"person{n}")
    await counters.forget("ada")
    assert isinstance(await counters.reserve("bob", AWAY), Locked)
    assert isinstance(await counters.reserve("ada", HOME), Locked)


async def test_what_is_under_way_while_failures_are_forgotten_still_counts(
    counters: LockoutCounters,
) -> None:
    attempts = [await reserve(counters) for _ in range(3)]
    await counters.failed(attempts[0])
    await counters.forget("ada")
    assert isinstance(await counters.reserve("ada", HOME), Attempt)
    assert isinstance(await counters.reserve("ada", HOME), Busy)
    onsets = [(await counters.failed(each)).onset for each in attempts[1:]]
    assert onsets == ["", ""]


async def test_guesses_sent_at_once_get_no_further(counters: LockoutCounters) -> None:
    attempts = await asyncio.gather(*(counters.reserve("ada", HOME) for _ in range(50)))
    assert sum(isinstance(each, Attempt) for each in attempts) == 3
    assert sum(isinstance(each, Busy) for each in attempts) == 47


async def test_behind_a_lock_one_is_tried_at_a_time(
    counters: LockoutCounters, clock: Clock
) -> None:
    for _ in range(3):
        await fail(counters)
    clock.now += 10_000
    attempts = [await counters.reserve("ada", HOME) for _ in range(3)]
    assert [type(each) for each in attempts] == [Attempt, Busy, Busy]


async def test_an_attempt_that_is_never_finished_counts(
    counters: LockoutCounters, clock: Clock
) -> None:
    for _ in range(3):
        await reserve(counters)
    clock.now += 30_001
    assert await counters.reserve("ada", HOME) == Locked(retry_after=10)


async def test_failures_are_forgotten_steadily(counters: LockoutCounters, clock: Clock) -> None:
    for _ in range(20):
        failure = await fail(counters)
        assert (failure.onset, failure.locked_for) == ("", 0)
        clock.now += 1_200_000


async def test_what_is_long_ago_is_forgotten(counters: LockoutCounters, clock: Clock) -> None:
    for _ in range(3):
        await fail(counters)
    clock.now += 3_600_001
    assert (await fail(counters)).locked_for == 0


async def test_one_failure_in_a_minute_tells_of_the_minute_before(
    counters: LockoutCounters, clock: Clock
) -> None:
    first, second = await fail(counters), await fail(counters, address=AWAY)
    assert (first.first_in_minute, first.earlier_failures) == (True, 0)
    assert first.earlier_minute is None
    assert (second.first_in_minute, second.earlier_failures) == (False, 0)
    clock.now += 3 * MINUTE
    third = await fail(counters, address=elsewhere(1))
    assert (third.first_in_minute, third.earlier_failures) == (True, 2)
    assert third.earlier_minute == datetime.fromtimestamp(NOON / 1000, UTC)


async def test_right_passwords_sent_at_once_all_get_in(counters: LockoutCounters) -> None:
    lockout = PatientLockout(counters)
    under_way = most = 0

    async def sign_in() -> None:
        nonlocal under_way, most
        attempt = await lockout.reserve("ada", HOME)
        assert isinstance(attempt, Attempt)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        await lockout.succeeded(attempt)

    await asyncio.gather(*(sign_in() for _ in range(40)))
    assert most <= 3


async def test_wrong_ones_sent_at_once_are_locked_out(counters: LockoutCounters) -> None:
    lockout = PatientLockout(counters)

    async def guess() -> bool:
        attempt = await lockout.reserve("ada", HOME)
        if isinstance(attempt, Attempt):
            await lockout.failed(attempt)
        return isinstance(attempt, Attempt)

    assert sum(await asyncio.gather(*(guess() for _ in range(40)))) == 3


async def test_who_has_waited_long_enough_is_told_to_come_back(counters: LockoutCounters) -> None:
    lockout = PatientLockout(counters, patience=0.05)
    for _ in range(3):
        await reserve(counters)
    assert await lockout.reserve("ada", HOME) == Locked(retry_after=1.0)


async def test_no_name_can_be_read_in_redis(redis_url: str) -> None:
    client = await RedisClient.open(redis_url)
    counters = RedisLockout(client, KeyedHash(b"k" * 32))
    await fail(counters, "grace@example.org", "203.0.113.99")
    await succeed(counters, "grace@example.org", "203.0.113.99")
    keys = b" ".join(await client.execute("KEYS", "*"))
    assert b"lockout:account:" in keys
    assert b"lockout:known:" in keys
    assert b"grace" not in keys
    assert b"203.0.113" not in keys
    await client.aclose()


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_ranges_are_places(address: str, place: str) -> None:
    assert address_range(address) == place
