"""What is due: in memory and in Redis, by one contract."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from adapters.memory.due_set import MemoryDueSet
from adapters.redis.client import RedisClient
from adapters.redis.due_set import RedisDueSet
from application.due_set import DueLost, DueSet, Name, Taken
from application.event_store import ForeignIncarnation
from tests.support.due_log import DueLog

DATABASE = 11  # of its own: these tests flush it
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=10)
SECOND = timedelta(seconds=1)


class Bench:
    """A set, the log it is derived from, and a way to lose the set."""

    def __init__(self) -> None:
        self.log = DueLog()
        self.lose: Callable[[], Awaitable[None]]
        self.due: DueSet

    async def take(self, now: datetime = NOW, limit: int = 100) -> list[str]:
        return [name.reminder for name in (await self.taken(now, limit)).names]

    async def taken(self, now: datetime = NOW, limit: int = 100) -> Taken:
        return await self.due.take(now, limit=limit, lease=LEASE)

    async def follow(self) -> None:
        after = await self.due.applied()
        assert after is not None
        if after < self.log.tail:
            page = self.log.page(after, self.log.tail)
            assert await self.due.follow(page, after=after, upto=self.log.tail) == self.log.tail


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[RedisClient]:
    client = await RedisClient.open(redis_url)
    await client.execute("SELECT", DATABASE)
    await client.execute("FLUSHDB")
    yield client
    await client.aclose()


@pytest.fixture(params=["memory", "redis"])
def lost(request: pytest.FixtureRequest) -> Bench:
    bench = Bench()
    if request.param == "memory":
        memory = MemoryDueSet(position=None)

        async def forget() -> None:
            memory.lose()

        bench.due, bench.lose = memory, forget
        return bench
    redis: RedisClient = request.getfixturevalue("redis")

    async def flush() -> None:
        await redis.execute("FLUSHDB")

    bench.lose = flush
    bench.due = RedisDueSet(redis, incarnation=lambda: bench.log.incarnation)
    return bench


@pytest.fixture
async def bench(lost: Bench) -> Bench:
    await lost.due.rebuild(lost.log)
    return lost


async def test_what_is_due_is_taken_the_longest_due_first(bench: Bench) -> None:
    bench.log.say("second", NOW - SECOND)
    bench.log.say("third", NOW)
    bench.log.say("first", NOW - 2 * SECOND)
    bench.log.say("later", NOW + SECOND)
    await bench.follow()
    assert await bench.take() == ["first", "second", "third"]


async def test_at_most_as_many_as_asked_for(bench: Bench) -> None:
    for number in range(5):
        bench.log.say(f"r{number}", NOW - (5 - number) * SECOND)
    await bench.follow()
    assert await bench.take(limit=3) == ["r0", "r1", "r2"]
    assert await bench.take(limit=3) == ["r3", "r4"]


async def test_who_takes_hears_when_something_is_due_next(bench: Bench) -> None:
    assert (await bench.taken()).next_at is None
    bench.log.say("soon", NOW + 3 * SECOND)
    bench.log.say("due", NOW)
    await bench.follow()
    taken = await bench.taken()
    assert taken.next_at == NOW + 3 * SECOND
    assert taken.lease_until == NOW + LEASE


async def test_nothing_is_taken_a_microsecond_early(bench: Bench) -> None:
    due = NOW + timedelta(microseconds=1)
    bench.log.say("r", due)
    await bench.follow()
    assert await bench.take(NOW) == []
    assert await bench.take(due + timedelta(milliseconds=1)) == ["r"]


async def test_what_was_taken_comes_back_after_the_lease(bench: Bench) -> None:
    bench.log.say("r", NOW)
    await bench.follow()
    assert await bench.take() == ["r"]
    assert await bench.take(NOW + LEASE - SECOND) == []
    assert await bench.take(NOW + LEASE) == ["r"]


async def test_the_log_goes_before_the_lease(bench: Bench) -> None:
    for name in ("fired", "moved", "kept"):
        bench.log.say(name, NOW)
    await bench.follow()
    assert sorted(await bench.take()) == ["fired", "kept", "moved"]
    bench.log.say("fired", None)
    bench.log.say("moved", NOW + 2 * SECOND)
    await bench.follow()
    assert await bench.take(NOW + 2 * SECOND) == ["moved"]
    assert await bench.take(NOW + LEASE) == ["kept"]


async def test_what_is_given_back_is_due_when_it_was_said_to_be(bench: Bench) -> None:
    for name in ("early", "over"):
        bench.log.say(name, NOW)
    await bench.follow()
    taken = await bench.taken()
    back = [(Name("default", "early"), NOW + SECOND), (Name("default", "over"), None)]
    await bench.due.give_back(taken, back)
    assert await bench.take(NOW + SECOND) == ["early"]
    assert await bench.take(NOW + 2 * LEASE) == ["early"]


async def test_what_the_log_has_moved_is_not_given_back(bench: Bench) -> None:
    bench.log.say("r", NOW)
    await bench.follow()
    taken = await bench.taken()
    bench.log.say("r", NOW + SECOND)
    await bench.follow()
    await bench.due.give_back(taken, [(Name("default", "r"), NOW + 5 * SECOND)])
    assert await bench.take(NOW + SECOND) == ["r"]


async def test_two_who_take_at_once_never_share(bench: Bench) -> None:
    names = [f"r{number}" for number in range(50)]
    for name in names:
        bench.log.say(name, NOW)
    await bench.follow()
    taken = await asyncio.gather(*(bench.take(limit=7) for _ in range(10)))
    assert sorted(name for each in taken for name in each) == sorted(names)


async def test_tenants_are_told_apart(bench: Bench) -> None:
    bench.log.say("r", NOW, "one")
    bench.log.say("r", NOW, "two")
    bench.log.say("r", None, "one")
    await bench.follow()
    assert (await bench.taken()).names == [Name("two", "r")]


async def test_a_page_that_was_applied_is_not_applied_again(bench: Bench) -> None:
    bench.log.say("r", NOW)
    bench.log.say("r", None)
    await bench.follow()
    assert await bench.due.follow(bench.log.page(0, 1), after=0, upto=1) == 2
    assert await bench.take() == []


async def test_of_a_page_that_was_applied_in_part_the_rest_is(bench: Bench) -> None:
    bench.log.say("old", NOW)
    bench.log.say("old", None)
    await bench.follow()
    bench.log.say("new", NOW)
    assert await bench.due.follow(bench.log.page(0, 3), after=0, upto=3) == 3
    assert await bench.take() == ["new"]


async def test_a_page_behind_a_gap_is_not_applied(bench: Bench) -> None:
    bench.log.say("missed", NOW)
    bench.log.say("r", NOW)
    assert await bench.due.follow(bench.log.page(1, 2), after=1, upto=2) == 0
    assert await bench.take() == []
    assert await bench.due.applied() == 0


async def test_what_is_lost_says_so(bench: Bench) -> None:
    bench.log.say("r", NOW)
    await bench.follow()
    taken = await bench.taken()
    await bench.lose()
    assert await bench.due.applied() is None
    with pytest.raises(DueLost):
        await bench.taken()
    with pytest.raises(DueLost):
        await bench.due.follow([], after=1, upto=2)
    with pytest.raises(DueLost):
        await bench.due.give_back(taken, [(Name("default", "r"), None)])


@pytest.mark.parametrize("behind", [0, 3, 100])
async def test_it_is_rebuilt_from_rows_and_the_log_behind_them(lost: Bench, behind: int) -> None:
    for number in range(20):
        lost.log.say(f"r{number}", NOW + number * SECOND)
    lost.log.say("r0", None)
    lost.log.say("r19", NOW - SECOND)
    lost.log.rows_behind = behind
    await lost.due.rebuild(lost.log)
    assert await lost.due.applied() == lost.log.tail
    assert await lost.take(NOW + SECOND) == ["r19", "r1"]


async def test_what_happens_while_it_is_rebuilt_is_in_it(lost: Bench) -> None:
    for number in range(4):
        lost.log.say(f"r{number}", NOW)

    async def more() -> None:
        lost.log.say("r0", None)
        lost.log.say("r1", NOW + 5 * SECOND)
        lost.log.say("new", NOW)

    lost.log.between = more
    await lost.due.rebuild(lost.log)
    assert sorted(await lost.take()) == ["new", "r2", "r3"]


async def test_one_builds_and_the_others_wait(lost: Bench) -> None:
    lost.log.say("r", NOW)
    await asyncio.gather(*(lost.due.rebuild(lost.log) for _ in range(4)))
    assert await lost.take() == ["r"]


async def test_a_loss_while_it_is_rebuilt_is_noticed(lost: Bench) -> None:
    losses = iter([True])

    async def lose() -> None:
        if next(losses, False):
            await lost.lose()

    for number in range(4):
        lost.log.say(f"r{number}", NOW)
    lost.log.between = lose
    await lost.due.rebuild(lost.log)
    assert len(await lost.take()) == 4
    assert lost.log.loads == 2


async def test_a_log_that_was_replaced_is_not_built_from(lost: Bench) -> None:
    lost.log.say("r", NOW)

    async def replace() -> None:
        lost.log.incarnation = uuid4()

    lost.log.between = replace
    with pytest.raises(ForeignIncarnation):
        await lost.due.rebuild(lost.log)
    assert await lost.due.applied() is None


@pytest.mark.parametrize("seed", range(5))
async def test_however_two_follow_and_take_the_log_is_what_is_left(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    places = [0, 0]
    for _ in range(300):
        due = None if chance.random() < 0.3 else NOW + chance.randrange(-20, 20) * SECOND
        bench.log.say(f"r{chance.randrange(8)}", due)
        if chance.random() < 0.5:
            who = chance.randrange(2)
            upto = chance.randint(places[who], bench.log.tail)
            if upto > places[who]:
                page = bench.log.page(places[who], upto)
                reached = await bench.due.follow(page, after=places[who], upto=upto)
                places[who] = upto if reached >= places[who] else reached
        if chance.random() < 0.3:
            taken = await bench.taken(limit=3)
            now = bench.log.folded()
            await bench.due.give_back(taken, [(name, now.get(name)) for name in taken.names])
        if chance.random() < 0.02:
            await bench.lose()
            await bench.due.rebuild(bench.log)
    await bench.follow()
    left = sorted(name.reminder for name in bench.log.folded())
    assert sorted(await bench.take(NOW + 60 * SECOND)) == left
