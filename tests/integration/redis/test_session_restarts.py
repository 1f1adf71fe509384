import asyncio
import contextlib
from pathlib import Path

import pytest

from adapters.redis.client import RedisClient
from adapters.redis.session_store import RedisSessionStore
from application.event_store import Outage
from application.session_store import Ended, Rebuilds, SessionsLost
from tests.support.private_valkey import PrivateValkey
from tests.support.session_log import SessionLog


async def test_a_dump_that_comes_back_with_a_restart_resurrects_nobody(
    server: PrivateValkey, client: RedisClient, tmp_path: Path
) -> None:
    """The dump holds a session that was ended after it was written."""
    log = SessionLog()
    store = RedisSessionStore(client, incarnation=lambda: log.incarnation, on_lost=lambda: None)
    await store.rebuild(log)
    session, other = log.start(), log.start()
    await store.put(session)
    await store.put(other)
    await client.execute("SAVE")
    await store.end(log.end(session))
    await server.stop()
    assert (tmp_path / "dump.rdb").exists()
    await server.start()
    await client.wait_up()
    assert await client.execute("GET", "sessions:marker")
    with pytest.raises(SessionsLost):
        await store.find(session.token_hash)
    await store.rebuild(log)
    assert await store.find(session.token_hash) is None
    assert await store.find(other.token_hash) == other


async def test_a_restart_in_the_middle_of_a_rebuild_fails_closed_and_heals(
    server: PrivateValkey, client: RedisClient
) -> None:
    log = SessionLog()
    session = log.start()
    failures: list[Exception] = []

    def ask() -> None:
        rebuilds.ask()

    store = RedisSessionStore(client, incarnation=lambda: log.incarnation, on_lost=ask)
    rebuilds = Rebuilds(store, log, failures.append)
    restarts = iter([True])

    async def restart() -> None:
        if next(restarts, False):
            await client.execute("SAVE")
            await server.stop()
            await server.start()
            await client.wait_up()

    log.between = restart
    rebuilds.ask()
    while True:
        try:
            found = await store.find(session.token_hash)
        except Outage:
            await asyncio.sleep(0.01)
        else:
            break
    assert found == session
    await rebuilds.aclose()


async def test_without_redis_it_is_an_outage_and_no_answer(
    server: PrivateValkey, client: RedisClient
) -> None:
    log = SessionLog()
    store = RedisSessionStore(client, incarnation=lambda: log.incarnation, on_lost=lambda: None)
    await store.rebuild(log)
    session = log.start()
    await server.stop()
    for call in (
        store.find(session.token_hash),
        store.put(session),
        store.end(session.id),
        store.end_all("ada", 1),
        store.follow([], 1),
        store.rebuild(log),
    ):
        with pytest.raises(Outage):
            await call


async def test_what_was_recorded_while_redis_was_away_counts_before_anything_is_found(
    client: RedisClient,
) -> None:
    """The server is the same afterwards: its marker is valid, and what it holds is too old."""
    log = SessionLog()
    asked: list[None] = []
    store = RedisSessionStore(
        client, incarnation=lambda: log.incarnation, on_lost=lambda: asked.append(None)
    )
    session, kept, other = log.start(), log.start("bob"), log.start("bob")
    await store.rebuild(log)
    with contextlib.suppress(Outage):
        while True:
            await client.execute("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
    log.end(session)
    log.end_all("bob", kept=kept.id)
    await client.wait_up()
    asked.clear()
    with pytest.raises(SessionsLost):
        await store.find(session.token_hash)
    assert asked
    await store.rebuild(log)
    assert log.loads == 1, "nothing was lost, so nothing is built anew"
    assert [await store.find(each.token_hash) for each in (session, kept, other)] == [
        *(None, kept, None)
    ]


async def test_a_store_that_stood_still_is_not_believed_about_what_the_log_has_told(
    server: PrivateValkey, client: RedisClient
) -> None:
    """Nothing was lost and no connection broke: it answers as if nothing had happened."""
    log = SessionLog()
    store = RedisSessionStore(client, incarnation=lambda: log.incarnation, on_lost=lambda: None)
    session, other = log.start(), log.start()
    await store.rebuild(log)
    server.freeze()
    asked = [asyncio.create_task(store.find(each.token_hash)) for each in (session, other)]
    await asyncio.sleep(0)
    store.heard([Ended(log.end(session))])
    server.thaw()
    assert await asyncio.gather(*asked) == [None, other]
    while store._heard:
        assert await store.find(session.token_hash) is None
    another = RedisSessionStore(client, incarnation=lambda: log.incarnation, on_lost=lambda: None)
    await another.rebuild(log)
    assert await another.find(session.token_hash) is None
