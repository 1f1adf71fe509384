"""How a session store comes back from the log, whichever it is."""

import asyncio
import random
from collections.abc import Awaitable

import pytest

from adapters.redis.client import RedisClient
from adapters.redis.session_store import RedisSessionStore
from application.event_store import Outage
from application.session_store import (
    Rebuilds,
    SessionsLost,
)
from tests.support.session_bench import IDLE, Bench
from tests.support.session_log import SessionLog


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
