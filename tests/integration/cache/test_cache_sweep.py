"""Cleaning up: what is dead goes, what is too much goes by its last use, and nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.cache.entry_store import FileEntryStore
from adapters.cache.places import tag_number
from application.cache import Entry
from tests.support.cache import Clock, at, entry, file_store, sweep

LIMIT = 1_000_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[FileEntryStore]:
    store = file_store(tmp_path, clock, limit=LIMIT)
    yield store
    store.close()


async def put(store: FileEntryStore, key: str, kept: Entry) -> None:
    await store.put(at(key), kept, store.ticket())


async def keys_of(store: FileEntryStore, keys: list[str]) -> list[str]:
    return [key for key in keys if await store.find(at(key), stale=True)]


async def entries(store: FileEntryStore) -> int:
    return (await store.usage("acme", "people")).entries


async def test_what_is_dead_goes(store: FileEntryStore, clock: Clock) -> None:
    await put(store, "expired", entry(clock, ttl=5))
    await put(store, "alive", entry(clock, b"v", "other"))
    stale = Entry(value=b"v", written_at=clock(), expires_at=clock() + 5, stale_until=clock() + 20)
    await put(store, "stale", stale)
    await put(store, "invalid", entry(clock, b"v", "t"))
    store.files.state.invalidate([number_of("t")])
    clock.at += 10
    assert await entries(store) == 4
    sweep(store)
    assert await entries(store) == 2
    assert await keys_of(store, ["expired", "alive", "stale", "invalid"]) == ["alive", "stale"]
    clock.at += 10
    sweep(store)
    assert await entries(store) == 1


def number_of(tag: str) -> int:
    return tag_number("acme", tag)


async def test_what_is_no_entry_goes(store: FileEntryStore, clock: Clock) -> None:
    await put(store, "k", entry(clock))
    [file] = files_in(store)
    stranger = file.with_name("f" * len(file.name))
    stranger.write_bytes(b"whatever")
    dead = file.with_name(".0123456789abcdef.7")
    dead.write_bytes(b"a draft")
    mine = file.with_name(f".{store.files.process.id}.9999")
    mine.write_bytes(b"a draft")
    sweep(store)
    assert (stranger.exists(), dead.exists(), mine.exists()) == (False, False, True)
    assert await entries(store) == 1 + mine.name.startswith(file.name[:16])


def files_in(store: FileEntryStore) -> list[Path]:
    return [each for each in (store.files.directory.root / "entries").rglob("*") if each.is_file()]


async def test_tags_go_with_the_last_entry_that_had_them(
    store: FileEntryStore, clock: Clock
) -> None:
    await put(store, "k", entry(clock, b"v", "t", ttl=5))
    tags = store.files.directory.root / "tags"
    clock.at += 10
    sweep(store)
    [note] = notes_in(tags)  # somebody may be about to put an entry with it
    os.utime(note, (1, 1))
    sweep(store)
    sweep(store)
    assert [each for each in tags.rglob("*") if len(each.name) > 2] == []


def notes_in(tags: Path) -> list[Path]:
    return [each for each in tags.rglob("*") if each.is_file()]


def write(store: FileEntryStore, key: str, kept: Entry) -> None:
    """Put it without looking at the size."""
    place = store.files.directory.place(at(key))
    store.files.write(at(key), place, kept, store.ticket())


async def test_too_much_goes_by_its_last_use(store: FileEntryStore, clock: Clock) -> None:
    keys = [f"{number:02}" for number in range(12)]
    for key in keys[:9]:
        clock.at += 1
        write(store, key, entry(clock, b"x" * 100_000))
    clock.at += 1
    assert await store.find(at("00"))
    assert await store.find(at("02"))
    assert store.sweeper.evict() == 0
    for key in keys[9:]:
        clock.at += 1
        write(store, key, entry(clock, b"x" * 100_000))
    store.sweeper.evict()
    assert await keys_of(store, keys) == ["00", "02", "06", "07", "08", "09", "10", "11"]
    assert (await store.usage("acme", "people")).bytes <= 0.9 * LIMIT


async def test_a_burst_does_not_wait_for_the_sweep(store: FileEntryStore, clock: Clock) -> None:
    most = 0
    for number in range(60):
        clock.at += 1
        await put(store, str(number), entry(clock, b"x" * 60_000))
        if store._looking is not None:
            await store._looking
        most = max(most, (await store.usage("acme", "people")).bytes)
    assert most <= LIMIT + LIMIT // 8 + 100_000
    assert await store.find(at("59"))


async def test_what_is_larger_than_the_limit_is_kept_at_most_for_a_moment(
    store: FileEntryStore, clock: Clock
) -> None:
    await put(store, "k", entry(clock, b"x" * 2 * LIMIT))
    assert store._looking is not None
    assert await store._looking == 1
    assert await entries(store) == 0
