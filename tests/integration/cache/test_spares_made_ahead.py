"""Files that wait to be written: who has them, how many there may be, and what becomes of them."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.cache import spares
from adapters.cache.entry_store import FileEntryStore
from adapters.cache.places import SHARDS
from adapters.cache.publishing import Moves
from tests.support.cache import Clock, at, entry, file_store, program, sweep, value_of

KEYS = [f"key {number}" for number in range(100)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[FileEntryStore]:
    store = file_store(tmp_path, clock)
    yield store
    store.close()


def write(store: FileEntryStore, key: str, value: bytes = b"v", *tags: str) -> None:
    place = store.files.directory.place(at(key))
    kept = entry(store.files.now, value, *tags, ttl=60)
    store.files.write(at(key), place, kept, store.ticket())


def drafts_in(store: FileEntryStore) -> list[Path]:
    return list(store.files.directory.drafts.rglob("*/*"))


def common_in(store: FileEntryStore) -> list[Path]:
    return list(store.files.directory.spares.iterdir())


def inode_of(store: FileEntryStore, key: str) -> int:
    return Path(store.files.directory.place(at(key)).path).stat().st_ino


async def entries(store: FileEntryStore) -> int:
    return (await store.usage("acme", "people")).entries


def fill(store: FileEntryStore) -> None:
    """As many as a process has that writes a lot."""
    for number in range(spares.OWN):
        write(store, f"filler {number}")
    store.files.spares.fill()
    assert len(drafts_in(store)) == spares.OWN


async def test_what_is_made_ahead_is_bounded_and_no_entry(store: FileEntryStore) -> None:
    store.files.spares.fill()
    assert drafts_in(store) == []  # nothing was ever wanted
    fill(store)
    store.files.spares.fill()
    assert len(drafts_in(store)) == spares.OWN
    usage = await store.usage("acme", "people")
    assert usage.entries == spares.OWN
    whole = sum(path.stat().st_size for path in store.files.directory.entries.rglob("*/*"))
    assert usage.bytes == whole


def test_a_write_takes_what_was_made_ahead(store: FileEntryStore) -> None:
    fill(store)
    before = {path.stat().st_ino for path in drafts_in(store)}
    for key in KEYS[: spares.OWN]:
        write(store, key)
    assert {inode_of(store, key) for key in KEYS[: spares.OWN]} == before
    assert drafts_in(store) == []


async def test_a_put_fills_up_beside_itself(store: FileEntryStore) -> None:
    for key in KEYS:
        await store.put(at(key), entry(store.files.now), store.ticket())
        assert store._filling is not None
        await store._filling
        assert not store.files.spares.low
        assert drafts_in(store) != []
    assert {path.name for path in store.files.directory.entries.iterdir()} == set(SHARDS)


async def test_a_removed_file_is_written_again(store: FileEntryStore, clock: Clock) -> None:
    write(store, "deleted")
    write(store, "invalidated", b"v", "t")
    write(store, "expired")
    gone = {inode_of(store, key) for key in ("deleted", "invalidated", "expired")}
    await store.delete(at("deleted"))
    await store.invalidate("acme", ["t"])
    clock.at += 100
    sweep(store)
    assert await entries(store) == 0
    for key in KEYS[:3]:
        write(store, key, value_of(key, 3))
    assert {inode_of(store, key) for key in KEYS[:3]} == gone
    for key in KEYS[:3]:
        found = await store.find(at(key))
        assert found is not None
        assert found.value == value_of(key, 3)


def test_an_evicted_file_is_written_again(tmp_path: Path, clock: Clock) -> None:
    store = file_store(tmp_path, clock, limit=100_000)
    for key in KEYS[:12]:
        clock.at += 1
        write(store, key, b"x" * 10_000)
    before = [inode_of(store, key) for key in KEYS[:12]]
    assert store.sweeper.evict() == 4
    assert len(drafts_in(store)) == 4
    write(store, "another")
    assert inode_of(store, "another") in before[:4]
    store.close()


async def test_what_one_removes_another_writes(
    store: FileEntryStore, tmp_path: Path, clock: Clock
) -> None:
    cleaner = file_store(tmp_path, clock)
    fill(store)
    before = {inode_of(store, f"filler {number}") for number in range(spares.OWN)}
    clock.at += 100
    sweep(cleaner)
    assert {path.stat().st_ino for path in common_in(store)} == before
    assert await entries(store) == 0
    for key in KEYS[: spares.OWN]:
        write(store, key)
    store.files.spares.fill()
    assert {path.stat().st_ino for path in drafts_in(store)} == before
    assert common_in(store) == []
    cleaner.close()


async def test_what_all_may_take_is_bounded(
    store: FileEntryStore, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spares, "COMMON", 10)
    monkeypatch.setattr(spares, "_GIFTS", 1)
    cleaner = file_store(tmp_path, clock)
    for key in KEYS[:30]:
        write(store, key)
    write(store, "large", b"x" * spares.LARGEST_COMMON)
    clock.at += 100
    sweep(cleaner)
    assert len(common_in(store)) == 10
    assert await entries(store) == 0
    assert max(path.stat().st_size for path in common_in(store)) <= spares.LARGEST_COMMON
    cleaner.close()


def test_a_large_file_is_not_kept(store: FileEntryStore) -> None:
    write(store, "k", b"x" * spares.LARGEST)
    write(store, "k", b"x" * spares.LARGEST)
    assert drafts_in(store) == []


def test_nothing_is_left_at_the_end_or_made_after_it(tmp_path: Path, clock: Clock) -> None:
    store = file_store(tmp_path, clock)
    fill(store)
    store.close()
    assert list(store.files.directory.drafts.iterdir()) == []
    store.files.spares.fill()
    assert list(store.files.directory.drafts.iterdir()) == []


def test_where_files_are_dear_the_next_lie_elsewhere(
    store: FileEntryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spares, "_DEAR", 0.0)
    fill(store)
    homes = {path.parent for path in drafts_in(store)}
    for key in KEYS[: spares.OWN]:
        write(store, key)
    store.files.spares.fill()
    assert homes.isdisjoint(path.parent for path in drafts_in(store))
    for key in KEYS[: spares.OWN]:
        write(store, key, b"again")
    store.files.spares.fill()
    assert len(list(store.files.directory.drafts.iterdir())) <= 2  # empty ones are gone


async def test_without_renames_of_linux_all_goes_on(store: FileEntryStore) -> None:
    store.files._moves = Moves(lambda _draft, _place: False, lambda _draft, _place: False)
    for generation in range(3):
        write(store, "k", value_of("k", generation))
        found = await store.find(at("k"))
        assert found is not None
        assert found.value == value_of("k", generation)
    assert drafts_in(store) == []


async def test_a_directory_that_was_removed_is_filled_anew(
    store: FileEntryStore, tmp_path: Path
) -> None:
    fill(store)
    store.files.directory.root.rename(tmp_path / "gone")
    store.files.stay()
    write(store, "k")
    store.files.spares.fill()
    assert await store.find(at("k")) is not None
    assert drafts_in(store) != []
    assert list((tmp_path / "gone").rglob(f"drafts/*/{store.files.process.id}.*")) == []


async def test_who_is_killed_while_filling_leaves_no_wrong_value(tmp_path: Path) -> None:
    rng = random.Random(11)
    store = file_store(tmp_path)
    write(store, "mine")
    write(store, "mine")  # a spare of the living
    mine = set(drafts_in(store))
    assert mine
    for _ in range(5):
        with program("fill", tmp_path) as filling:
            await read_all(store, rounds=rng.randrange(1, 30))
            filling.kill()
        await read_all(store, rounds=1)
    assert set(drafts_in(store)) > mine  # of the dead
    sweep(store)
    assert set(drafts_in(store)) == mine
    assert [each.name.split(".")[0] for each in store.files.directory.drafts.iterdir()] == [
        store.files.process.id
    ]
    assert await entries(store) <= len(KEYS) + 1
    store.close()


async def read_all(store: FileEntryStore, rounds: int) -> None:
    """Whatever is there is whole and its own."""
    for _ in range(rounds):
        for key in KEYS:
            kept = await store.find(at(key))
            if kept is not None:
                generation = int(kept.value.partition(b"\n")[0].rpartition(b" ")[2])
                assert kept.value == value_of(key, generation)
                assert kept.written_at <= time.time()
