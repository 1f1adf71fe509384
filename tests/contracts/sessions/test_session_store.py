"""What a session store tells of sessions, whichever it is."""

import random
from datetime import timedelta

import pytest

from adapters.redis.client import RedisClient
from adapters.redis.session_store import RedisSessionStore
from application.session_store import (
    AllEnded,
    Ended,
    SessionsLost,
    Started,
)
from tests.support.session_bench import IDLE, Bench
from tests.support.session_log import SessionLog


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
