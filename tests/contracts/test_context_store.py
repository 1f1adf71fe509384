"""Where recorded contexts lie, over every adapter."""

import uuid
from collections.abc import AsyncIterator

import pytest

from adapters.crypto.fields import ByteCipher
from adapters.crypto.master import KeyedHash
from adapters.memory.context_store import MemoryContextStore
from adapters.redis.client import RedisClient
from adapters.redis.context_store import RedisContextStore
from application.flags import recorded_contexts
from application.flags.recorded_contexts import KEPT, KEPT_FOR, ContextStore, Sampled

PLACE = ("default", "live")
NOW = 1_800_000_000.25


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[ContextStore]:
    if request.param == "memory":
        yield MemoryContextStore()
        return
    client = await RedisClient.open(redis_url)
    yield over(client)
    await client.aclose()


def over(client: RedisClient) -> RedisContextStore:
    return RedisContextStore(client, KeyedHash(uuid.uuid4().bytes), ByteCipher(b"c" * 32))


def sampled(subject: str, at: float = NOW, context: str = "") -> Sampled:
    return Sampled(subject, (context or subject).encode(), at)


async def test_contexts_come_back_the_latest_first(store: ContextStore) -> None:
    assert await store.add(PLACE, [sampled("a", NOW - 2), sampled("b", NOW - 1)], NOW) == 0
    await store.add(PLACE, [sampled("c", NOW), sampled("\ud800é", NOW - 3, "x")], NOW)
    assert await store.read(PLACE, NOW) == [b"c", b"b", b"a", b"x"]


async def test_each_subject_has_its_newest_context(store: ContextStore) -> None:
    await store.add(PLACE, [sampled("a", NOW - 2, "old"), sampled("b", NOW - 1)], NOW)
    await store.add(PLACE, [sampled("a", NOW, "new")], NOW)
    assert await store.read(PLACE, NOW) == [b"new", b"b"]


async def test_the_latest_are_kept(store: ContextStore) -> None:
    for begin in range(0, KEPT + 300, 100):
        some = [sampled(str(number), NOW + number) for number in range(begin, begin + 100)]
        await store.add(PLACE, some, NOW)
    kept = await store.read(PLACE, NOW)
    assert kept == [str(number).encode() for number in range(KEPT + 299, 299, -1)]


async def test_they_are_forgotten_after_a_week(store: ContextStore) -> None:
    await store.add(PLACE, [sampled("old", NOW - KEPT_FOR + 10), sampled("new", NOW)], NOW)
    assert await store.read(PLACE, NOW) == [b"new", b"old"]
    assert await store.read(PLACE, NOW + 10) == [b"new"]
    await store.add(PLACE, [], NOW + 10)
    assert await store.read(PLACE, NOW) == [b"new"]


async def test_what_was_erased_does_not_come_back(store: ContextStore) -> None:
    await store.add(PLACE, [sampled("a", NOW)], NOW)
    await store.erase(PLACE, NOW + 1)
    assert await store.read(PLACE, NOW + 1) == []
    late = [sampled("a", NOW + 0.5), sampled("b", NOW + 1), sampled("c", NOW + 1.5)]
    assert await store.add(PLACE, late, NOW + 2) == NOW + 1
    assert await store.read(PLACE, NOW + 2) == [b"c"]


async def test_tenants_and_environments_do_not_meet(store: ContextStore) -> None:
    await store.add(PLACE, [sampled("a")], NOW)
    for place in (("acme", "live"), ("default", "test"), ("default/live", "")):
        assert await store.read(place, NOW) == []
        await store.erase(place, NOW + 1)
    assert await store.read(PLACE, NOW) == [b"a"]


async def test_nothing_of_them_can_be_read_in_redis_and_all_of_it_goes(redis_url: str) -> None:
    client = await RedisClient.open(redis_url)
    store = over(client)
    await store.add(("a-tenant", "an-environment"), [sampled("ada-who", NOW, "ada-what")], NOW)
    await store.erase(("a-tenant", "another"), NOW)
    readers = {"hash": "HGETALL {}", "zset": "ZRANGE {} 0 -1", "string": "GET {}"}
    seen = []
    for key in map(bytes.decode, await client.execute("KEYS", "contexts:*")):
        kind = str(await client.execute("TYPE", key)).strip("b'")
        seen.append(repr((key, await client.execute(*readers[kind].format(key).split()))))
        assert 0 < await client.execute("TTL", key) <= recorded_contexts.KEPT_FOR
    assert seen
    for secret in ("ada-who", "ada-what", "a-tenant", "an-environment"):
        assert secret not in "".join(seen)
    await client.aclose()
