"""What every store of cache entries promises."""

import asyncio
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.cache.entry_store import FileEntryStore
from adapters.memory.entry_store import MemoryEntryStore
from application.cache import Address, Entry, EntryStore
from tests.support.cache import Clock, at, entry, file_store, sweep
from tests.support.services import quick_place

Store = FileEntryStore | MemoryEntryStore


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryEntryStore(clock)
    else:
        files = file_store(tmp_path, clock)
        yield files
        files.close()


def names_in(root: str) -> list[str]:
    return [each.name for each in Path(root).iterdir()]


async def put(store: Store, address: Address, entry: Entry) -> bool:
    return await store.put(address, entry, store.ticket())


async def value(store: EntryStore, address: Address) -> bytes | None:
    found = await store.find(address)
    return None if found is None else found.value


async def test_what_was_put_is_found_whole(store: Store, clock: Clock) -> None:
    kept = Entry(
        value=bytes(range(256)) * 1000,
        media_type="text/plain; charset=é",
        tags=("a", "flag:b", "ü"),
        written_at=clock(),
        expires_at=clock() + 60,
        stale_until=clock() + 90,
    )
    assert await put(store, at("k"), kept) is True
    assert await store.find(at("k")) == kept
    assert await put(store, at("k"), kept) is False


async def test_an_empty_value_is_a_value(store: Store, clock: Clock) -> None:
    await put(store, at("k"), entry(clock, b""))
    assert await value(store, at("k")) == b""


@given(key=st.text(min_size=1, max_size=200), other=st.text(min_size=1, max_size=200))
@settings(max_examples=50)
def test_every_text_is_a_key_of_its_own(key: str, other: str) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory(dir=quick_place()) as root:
            clock = Clock()
            store = file_store(Path(root), clock)
            for place in (at(key), at(other)):
                await put(store, place, entry(clock, place.key.encode()))
            assert await value(store, at(key)) == key.encode()
            assert await value(store, at(other)) == other.encode()
            assert names_in(root) == ["v1"]
            store.close()

    asyncio.run(check())


async def test_tenants_and_rooms_never_meet(store: Store, clock: Clock) -> None:
    places = [
        at("k"),
        at("k", "other"),
        at("k", room="platform"),
        at("people\0k", "acme"),
        at("\0k"),
    ]
    for number, place in enumerate(places):
        assert await put(store, place, entry(clock, b"%d" % number, "t")) is True
    assert [await value(store, place) for place in places] == [b"0", b"1", b"2", b"3", b"4"]
    assert await store.invalidate("other", None) == 1
    assert await store.invalidate("other", ["t"]) == 0
    assert await value(store, at("k")) == b"0"
    assert await value(store, at("k", "other")) is None


async def test_an_entry_ends_on_time(store: Store, clock: Clock) -> None:
    await put(store, at("k"), entry(clock, ttl=10))
    clock.at += 9.99
    assert await value(store, at("k")) == b"v"
    clock.at += 0.01
    assert await value(store, at("k")) is None
    assert await put(store, at("k"), entry(clock)) is True


async def test_a_stale_entry_serves_only_in_need(store: Store, clock: Clock) -> None:
    kept = Entry(value=b"v", written_at=clock(), expires_at=clock() + 10, stale_until=clock() + 20)
    await put(store, at("k"), kept)
    clock.at += 15
    assert await store.find(at("k")) is None
    assert await store.find(at("k"), stale=True) == kept
    clock.at += 5
    assert await store.find(at("k"), stale=True) is None


async def test_an_invalidated_entry_is_not_stale_but_wrong(store: Store, clock: Clock) -> None:
    kept = Entry(
        value=b"v", tags=("t",), written_at=clock(), expires_at=math.inf, stale_until=math.inf
    )
    await put(store, at("k"), kept)
    await store.invalidate("acme", ["t"])
    assert await store.find(at("k"), stale=True) is None


async def test_a_tag_drops_what_has_it_and_says_how_many(store: Store, clock: Clock) -> None:
    await put(store, at("1"), entry(clock, b"1", "a", "b"))
    await put(store, at("2"), entry(clock, b"2", "b"))
    await put(store, at("3"), entry(clock, b"3", "c"))
    await put(store, at("4"), entry(clock, b"4", "b", ttl=1))
    clock.at += 2
    assert await store.invalidate("acme", ["a", "b"]) == 2
    assert await store.invalidate("acme", ["a", "b"]) == 0
    assert [await value(store, at(key)) for key in "123"] == [None, None, b"3"]
    assert await put(store, at("1"), entry(clock, b"new", "b")) is True
    assert await value(store, at("1")) == b"new"
    assert await store.invalidate("acme", None) == 2
    assert await store.invalidate("acme", None) == 0


async def test_an_entry_keeps_the_tags_that_it_was_put_with_last(
    store: Store, clock: Clock
) -> None:
    await put(store, at("k"), entry(clock, b"1", "old"))
    await put(store, at("k"), entry(clock, b"2", "new"))
    assert await store.invalidate("acme", ["old"]) == 0
    assert await value(store, at("k")) == b"2"
    assert await store.invalidate("acme", ["new"]) == 1


async def test_what_began_before_an_invalidation_does_not_survive_it(
    store: Store, clock: Clock
) -> None:
    before = store.ticket()
    assert store.fresh("acme", ["t"], before)
    await store.invalidate("acme", ["t"])
    assert not store.fresh("acme", ["t"], before)
    assert store.fresh("acme", ["other"], before)
    assert store.fresh("other", ["t"], before)
    await store.put(at("k"), entry(clock, b"old", "t"), before)
    assert await store.find(at("k")) is None
    await put(store, at("k"), entry(clock, b"new", "t"))
    assert await value(store, at("k")) == b"new"


async def test_deleting_tells_whether_there_was_one(store: Store, clock: Clock) -> None:
    await put(store, at("k"), entry(clock))
    assert await store.delete(at("k")) is True
    assert await store.delete(at("k")) is False
    assert await store.find(at("k")) is None


async def test_use_is_counted_for_each_room(store: Store, clock: Clock) -> None:
    await put(store, at("k"), entry(clock))
    await put(store, at("l"), entry(clock, b"x" * 5000))
    await put(store, at("k", room="platform"), entry(clock))
    for key in ("k", "l", "m"):
        await store.find(at(key))
    await store.find(at("m"), stale=True)
    usage = await store.usage("acme", "people")
    assert (usage.entries, usage.hits, usage.misses) == (2, 2, 1)
    assert usage.bytes > 5000
    platform = await store.usage("acme", "platform")
    assert (platform.entries, platform.hits, platform.misses) == (1, 0, 0)
    assert (await store.usage("other", "people")).entries == 0


async def test_one_at_a_time_is_alone(store: Store) -> None:
    inside = most = 0

    async def enter() -> None:
        nonlocal inside, most
        async with store.alone(at("k")):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async with store.alone(at("other")):
        await asyncio.gather(*(enter() for _ in range(20)))
    assert most == 1


async def test_events_invalidate_once(store: Store, clock: Clock) -> None:
    log = uuid4()
    assert store.followed(log) is None
    store.follow(log, 5, [(5, "acme", "t")])
    assert store.followed(log) is None
    await put(store, at("k"), entry(clock, b"1", "t"))
    store.follow_from(log, 7)
    assert store.followed(log) == 7
    assert await value(store, at("k")) is None
    await put(store, at("k"), entry(clock, b"2", "t"))
    store.follow(log, 7, [(7, "acme", "t")])
    assert await value(store, at("k")) == b"2"
    store.follow(log, 9, [(7, "acme", "t"), (8, "acme", "u"), (9, "other", "t")])
    assert await value(store, at("k")) == b"2"
    store.follow(log, 10, [(10, "acme", "t")])
    assert await value(store, at("k")) is None
    assert store.followed(log) == 10
    assert store.followed(uuid4()) is None


KEYS, TAGS, TENANTS = ["a", "b", "c/.."], ["t", "u"], ["acme", "beta"]


class AgainstTheModel(RuleBasedStateMachine):
    """Files, opened twice as by two processes, against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.root = tempfile.TemporaryDirectory(dir=quick_place())
        self.clock = Clock()
        self.model = MemoryEntryStore(self.clock)
        self.loop = asyncio.new_event_loop()
        self.stores = [file_store(Path(self.root.name), self.clock) for _ in range(2)]
        self.tickets: list[tuple[int, int]] = []

    @initialize()
    def begin(self) -> None:
        self.tickets.append((self.stores[0].ticket(), self.model.ticket()))

    @rule(
        key=st.sampled_from(KEYS),
        tenant=st.sampled_from(TENANTS),
        which=st.integers(0, 1),
        tags=st.sets(st.sampled_from(TAGS)),
        value=st.binary(max_size=20) | st.just(b"x" * 70_000),
        ttl=st.sampled_from([1.0, 5.0, math.inf]),
        ticket=st.integers(0, 30),
    )
    def put(
        self, key: str, tenant: str, which: int, tags: set[str], value: bytes, ttl: float,
        ticket: int,
    ) -> None:  # fmt: skip
        kept = entry(self.clock, value, *sorted(tags), ttl=ttl)
        mine, models = self.tickets[-1 - ticket % len(self.tickets)]
        self.same(
            self.stores[which].put(at(key, tenant), kept, mine),
            self.model.put(at(key, tenant), kept, models),
        )

    @rule(key=st.sampled_from(KEYS), tenant=st.sampled_from(TENANTS), which=st.integers(0, 1))
    def delete(self, key: str, tenant: str, which: int) -> None:
        address = at(key, tenant)
        self.same(self.stores[which].delete(address), self.model.delete(address))

    @rule(
        tenant=st.sampled_from(TENANTS),
        which=st.integers(0, 1),
        tags=st.none() | st.sets(st.sampled_from(TAGS), min_size=1),
    )
    def invalidate(self, tenant: str, which: int, tags: set[str] | None) -> None:
        mine = self.stores[which].invalidate(tenant, tags)
        self.same(mine, self.model.invalidate(tenant, tags))
        self.tickets.append((self.stores[which].ticket(), self.model.ticket()))

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0]))
    def wait(self, seconds: float) -> None:
        self.clock.at += seconds

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.stores[which].close()
        self.stores[which] = file_store(Path(self.root.name), self.clock)

    @rule(which=st.integers(0, 1))
    def sweep_up(self, which: int) -> None:
        sweep(self.stores[which])

    @invariant()
    def every_store_answers_like_the_model(self) -> None:
        for tenant in TENANTS:
            for key in KEYS:
                for store in self.stores:
                    self.same(store.find(at(key, tenant)), self.model.find(at(key, tenant)))

    def same(self, mine: object, models: object) -> None:
        assert self.run(mine) == self.run(models)

    def run(self, work: object) -> object:
        return self.loop.run_until_complete(work)  # type: ignore[arg-type]

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.root.cleanup()


TestAgainstTheModel = AgainstTheModel.TestCase
TestAgainstTheModel.settings = settings(max_examples=30, stateful_step_count=20)
