import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from adapters.memory.session_store import MemorySessionStore
from adapters.redis.client import RedisClient
from adapters.redis.session_store import RedisSessionStore
from application.event_store import Outage
from application.session_store import (
    AllEnded,
    Ended,
    LiveSession,
    Rebuilds,
    SessionsLost,
    SessionStore,
    Started,
)
from tests.support.session_log import SessionLog

DATABASE = 9  # of its own: these tests flush it
IDLE = timedelta(hours=1)


class Bench:
    """A store, the log it is derived from, and a way to lose the store."""

    def __init__(self) -> None:
        self.log = SessionLog()
        self.asked = 0
        self.seen: list[str] = []
        self.now = datetime.now(UTC)
        self.lose: Callable[[], Awaitable[None]]
        self.store: SessionStore

    def ask(self) -> None:
        self.asked += 1

    async def found(self, session: LiveSession) -> bool:
        found = await self.store.find(session.token_hash)
        assert found in (None, session)
        assert await self.store.find_by_id(session.id) == found
        return found is not None


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


async def test_it_fails_closed_until_it_was_rebuilt(bench: Bench) -> None:
    session = bench.log.start()
    with pytest.raises(SessionsLost):
        await bench.store.find(session.token_hash)
    with pytest.raises(SessionsLost):
        await bench.store.find_by_id(session.id)
    assert bench.asked == 2
    assert await bench.store.applied() is None
    await bench.store.rebuild(bench.log)
    assert await bench.found(session)
    assert await bench.store.applied() == 1


async def test_a_session_counts_until_it_ends(ready: Bench) -> None:
    one, other = ready.log.start(), ready.log.start()
    assert not await ready.found(one)
    await ready.store.put(one)
    await ready.store.put(other)
    assert await ready.found(one)
    await ready.store.end(one.id)
    assert not await ready.found(one)
    assert await ready.found(other)
    assert ready.asked == 0


async def test_a_session_counts_until_it_expires(ready: Bench) -> None:
    session = ready.log.start(lasts=1800)
    await ready.store.put(session)
    ready.now += timedelta(seconds=1799)
    assert await ready.found(session)
    ready.now += timedelta(seconds=2)
    assert not await ready.found(session)


async def test_what_has_expired_is_never_put(ready: Bench) -> None:
    session = ready.log.start(lasts=-1)
    await ready.store.put(session)
    assert not await ready.found(session)


async def test_all_of_an_accounts_sessions_end_and_later_ones_begin(ready: Bench) -> None:
    old = [ready.log.start("ada") for _ in range(3)]
    others = ready.log.start("bob")
    for session in (*old[:2], others):
        await ready.store.put(session)
    cut = ready.log.end_all("ada")
    new = ready.log.start("ada")
    await ready.store.put(new)
    await ready.store.end_all(*cut)
    await ready.store.put(old[2])  # its writer was slow
    assert [await ready.found(each) for each in (*old, others, new)] == [
        *(False, False, False, True, True)
    ]


async def test_one_session_may_be_kept_when_all_others_end(ready: Bench) -> None:
    others, kept = [ready.log.start() for _ in range(2)], ready.log.start()
    for session in (others[0], kept):
        await ready.store.put(session)
    cut = ready.log.end_all("ada", kept=kept.id)
    await ready.store.end_all(*cut)
    await ready.store.put(others[1])  # its writer was slow
    await ready.store.put(kept)
    assert [await ready.found(each) for each in (*others, kept)] == [False, False, True]
    await ready.store.end_all(*ready.log.end_all("ada"))
    await ready.store.put(kept)
    await ready.store.end_all(*cut)
    assert not await ready.found(kept)


async def test_what_the_logs_tail_tells_counts_at_once(ready: Bench) -> None:
    sessions = [ready.log.start(account) for account in ("ada", "bob", "bob", "eve")]
    for session in sessions:
        await ready.store.put(session)
    one, kept, other, _ = sessions
    cut = ready.log.end_all("bob", kept.id)
    ready.store.heard([Ended(ready.log.end(one)), AllEnded(*cut)])
    assert [await ready.found(each) for each in sessions] == [False, True, False, True]
    ready.store.heard([])
    assert [each.session for each in await ready.store.of_account("bob")] == [kept]
    await ready.store.put(other)  # its writer was slow
    assert not await ready.found(other)


async def test_what_is_not_used_for_too_long_expires(ready: Bench) -> None:
    session = ready.log.start(lasts=12 * 3600)
    await ready.store.put(session)
    for _ in range(4):
        ready.now += IDLE * 0.7
        assert await ready.found(session)
    ready.now += IDLE
    assert not await ready.found(session)
    await ready.store.follow([Started(session)], 1)  # what comes late revives nothing
    assert not await ready.found(session)


async def test_that_a_session_was_seen_is_told_now_and_then(ready: Bench) -> None:
    session = ready.log.start(lasts=12 * 3600)
    await ready.store.put(session)
    for _ in range(60):
        ready.now += IDLE / 60
        assert await ready.found(session)
    assert set(ready.seen) == {session.id}
    assert 20 <= len(ready.seen) <= 30
    await ready.store.end(ready.log.end(session))
    ready.now += IDLE / 2
    assert not await ready.found(session)
    assert len(ready.seen) <= 30


async def test_an_accounts_sessions_are_told_without_being_seen(ready: Bench) -> None:
    old, unused, ended, new = (ready.log.start(lasts=12 * 3600) for _ in range(4))
    for session in (old, unused, ended, new, ready.log.start("bob")):
        await ready.store.put(session)
    await ready.store.end(ready.log.end(ended))
    ready.now += IDLE / 2
    assert await ready.found(old)
    assert await ready.found(new)
    seen = ready.now
    ready.now += IDLE * 0.6
    ready.seen.clear()
    first, second = await ready.store.of_account("ada")
    assert [first.session, second.session] == [new, old]
    assert abs(first.seen_at - seen) < timedelta(milliseconds=2)
    assert (ready.seen, await ready.store.of_account("nobody")) == ([], [])
    await ready.lose()
    with pytest.raises(SessionsLost):
        await ready.store.of_account("ada")


async def test_a_start_that_is_told_again_sets_no_sight_back(ready: Bench) -> None:
    session = ready.log.start(lasts=12 * 3600)
    await ready.store.put(session)
    ready.now += IDLE * 0.9
    assert await ready.found(session)
    await ready.store.follow([Started(session)], 1)
    ready.now += IDLE * 0.9
    assert await ready.found(session)


async def test_what_is_rebuilt_has_been_idle_since_it_was_last_seen(bench: Bench) -> None:
    hour = IDLE.total_seconds()
    young = bench.log.start(ago=hour / 2, lasts=12 * hour)
    used, unused, unknown = (bench.log.start(ago=3 * hour, lasts=12 * hour) for _ in range(3))
    bench.log.seen = {used.id: bench.now - IDLE / 2, unused.id: bench.now - IDLE * 1.5}
    await bench.store.rebuild(bench.log)
    found = [await bench.found(each) for each in (young, used, unused, unknown)]
    assert found == [True, True, False, False]
    bench.now += IDLE * 0.4  # it had been idle for a while when it was rebuilt
    assert await bench.found(used)
    bench.now += IDLE * 1.1
    assert not await bench.found(used)


async def test_a_late_start_does_not_bring_an_ended_session_back(ready: Bench) -> None:
    session = ready.log.start()
    await ready.store.end(session.id)
    await ready.store.put(session)
    assert not await ready.found(session)


async def test_changes_in_any_order_and_number_come_to_the_same(ready: Bench) -> None:
    chance = random.Random(7)
    sessions = [ready.log.start(chance.choice("abc")) for _ in range(30)]
    for session in chance.sample(sessions, 10):
        ready.log.end(session)
    ready.log.end_all("a")
    ready.log.end_all("b", kept=next(each.id for each in sessions if each.account == "b"))
    sessions += [ready.log.start(chance.choice("abc")) for _ in range(10)]
    changes = [*ready.log.changes, *chance.sample(ready.log.changes, 20)]
    chance.shuffle(changes)
    await ready.store.follow(changes, len(ready.log.changes))
    truth = ready.log.open_at(len(ready.log.changes))
    assert [await ready.found(each) for each in sessions] == [each.id in truth for each in sessions]


async def test_following_moves_the_position_forward_only(ready: Bench) -> None:
    session = ready.log.start()
    await ready.store.follow([Started(session)], 5)
    assert await ready.store.applied() == 5
    await ready.store.follow([Ended(session.id)], 3)
    assert await ready.store.applied() == 5
    assert not await ready.found(session)


async def test_what_was_lost_comes_back_from_rows_and_log(ready: Bench) -> None:
    sessions = [ready.log.start() for _ in range(9)]
    for session in sessions[:3]:
        ready.log.end(session)
    ready.log.lag = 5
    await ready.lose()
    with pytest.raises(SessionsLost):
        await ready.found(sessions[8])
    await ready.store.rebuild(ready.log)
    assert [await ready.found(each) for each in sessions] == [*[False] * 3, *[True] * 6]


async def test_changes_while_lost_succeed_and_ask_for_the_rebuild(ready: Bench) -> None:
    await ready.lose()
    session = ready.log.start()
    await ready.store.put(session)
    gone = ready.log.start()
    await ready.store.end(ready.log.end(gone))
    assert ready.asked == 2
    await ready.store.rebuild(ready.log)
    assert await ready.found(session)
    assert not await ready.found(gone)


async def test_a_rebuild_of_what_is_whole_reads_nothing(ready: Bench) -> None:
    await ready.store.rebuild(ready.log)
    assert ready.log.loads == 0


@pytest.mark.parametrize("seed", range(25))
async def test_nothing_is_lost_or_resurrected_while_a_rebuild_runs(bench: Bench, seed: int) -> None:
    """At every step of the rebuild somebody signs in, signs out, or finishes a slow write."""
    chance = random.Random(seed)
    log, store = bench.log, bench.store
    log.lag = chance.randrange(6)
    sessions = [log.start(chance.choice("ab")) for _ in range(8)]
    slow: list[Awaitable[None]] = []

    async def meddle() -> None:
        for _ in range(chance.randrange(3)):
            match chance.randrange(4):
                case 0:
                    sessions.append(log.start(chance.choice("ab")))
                    write = store.put(sessions[-1])
                case 1:
                    write = store.end(log.end(chance.choice(sessions)))
                case 2:
                    kept = chance.choice(["", *(each.id for each in sessions)])
                    write = store.end_all(*log.end_all(chance.choice("ab"), kept))
                case _:
                    chance.shuffle(slow)
                    while slow:
                        await slow.pop()
                    return
            if chance.random() < 0.5:
                await write
            else:
                slow.append(write)

    log.between = meddle
    await meddle()
    await store.rebuild(log)
    for write in slow:
        await write
    truth = log.open_at(len(log.changes))
    assert [await bench.found(each) for each in sessions] == [each.id in truth for each in sessions]


@pytest.mark.parametrize("step", range(8))
async def test_a_loss_in_the_middle_of_a_rebuild_fails_closed_and_heals(
    bench: Bench, step: int
) -> None:
    session, ended = bench.log.start(), bench.log.start()
    bench.log.end(ended)
    steps = iter(range(100))

    async def lose() -> None:
        if next(steps) == step:
            await bench.lose()

    bench.log.between = lose
    await bench.store.rebuild(bench.log)
    assert await bench.found(session)
    assert not await bench.found(ended)


async def test_it_heals_by_itself(bench: Bench) -> None:
    session = bench.log.start()
    failures: list[Exception] = []
    rebuilds = Rebuilds(bench.store, bench.log, failures.append)
    with pytest.raises(SessionsLost):
        await bench.found(session)
    rebuilds.ask()
    rebuilds.ask()
    assert rebuilds._task is not None
    await rebuilds._task
    assert await bench.found(session)
    assert (failures, bench.log.loads) == ([], 1)
    await rebuilds.aclose()


async def test_a_rebuild_that_fails_is_tried_again(bench: Bench) -> None:
    session = bench.log.start()
    failing = iter([True, True])

    async def fail() -> None:
        if next(failing, False):
            raise Outage("the log does not answer")

    bench.log.between = fail
    failures: list[Exception] = []
    rebuilds = Rebuilds(bench.store, bench.log, failures.append)
    rebuilds.ask()
    assert rebuilds._task is not None
    await rebuilds._task
    assert len(failures) == 2
    assert await bench.found(session)


async def test_one_process_builds_and_the_others_wait(redis: RedisClient) -> None:
    log = SessionLog()
    session = log.start()
    stores = [
        RedisSessionStore(redis, incarnation=lambda: log.incarnation, on_lost=lambda: None)
        for _ in range(5)
    ]
    await asyncio.gather(*(store.rebuild(log) for store in stores))
    assert log.loads == 1
    assert [await store.find(session.token_hash) for store in stores] == [session] * 5


async def test_another_incarnation_of_the_log_makes_the_marker_foreign(
    redis: RedisClient,
) -> None:
    old, new = SessionLog(), SessionLog()
    current = [old]
    store = RedisSessionStore(
        redis, incarnation=lambda: current[0].incarnation, on_lost=lambda: None
    )
    session = old.start()
    await store.rebuild(old)
    current[0] = new
    with pytest.raises(SessionsLost):
        await store.find(session.token_hash)
    await store.rebuild(new)
    assert await store.find(session.token_hash) is None


async def test_a_builder_whose_lease_was_lost_cannot_finish(redis: RedisClient) -> None:
    log = SessionLog()
    session = log.start()
    store = RedisSessionStore(redis, incarnation=lambda: log.incarnation, on_lost=lambda: None)
    other = RedisSessionStore(redis, incarnation=lambda: log.incarnation, on_lost=lambda: None)
    stalled = iter([True])

    async def stall() -> None:
        if next(stalled, False):
            await redis.execute("DEL", "sessions:building")  # as if the lease had run out
            quick = SessionLog()
            quick.changes, quick.incarnation = log.changes, log.incarnation
            await other.rebuild(quick)
            await other.end(log.end(session))

    log.between = stall
    await store.rebuild(log)
    assert await store.find(session.token_hash) is None


async def test_nothing_in_redis_outlives_its_use(redis: RedisClient) -> None:
    log = SessionLog()
    store = RedisSessionStore(redis, incarnation=lambda: log.incarnation, on_lost=lambda: None)
    await store.rebuild(log)
    session = log.start()
    await store.put(session)
    await store.put(log.start())
    await store.put(log.start("eve"))
    await store.end(session.id)
    await store.end_all("bob", 3)
    lasting = [
        key for key in await redis.execute("KEYS", "*") if await redis.execute("PTTL", key) == -1
    ]
    assert len(lasting) == 2
    assert b"sessions:marker" in lasting
