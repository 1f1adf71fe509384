"""Whatever happens to a file, no wrong value comes out of it."""

import math
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.cache.entry_store import FileEntryStore
from application.cache import Entry
from tests.support.cache import Clock, at, entry, file_store, program, sweep, value_of

KEPT = Entry(
    value=b"a value of some length",
    media_type="text/plain",
    tags=("t", "u"),
    written_at=1_000_000_000.0,
    expires_at=1_000_000_060.0,
    stale_until=1_000_000_090.0,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[FileEntryStore]:
    store = file_store(tmp_path, clock)
    yield store
    store.close()


def file_of(store: FileEntryStore, key: str) -> Path:
    return Path(store.files.directory.place(at(key)).path)


async def test_a_flipped_bit_anywhere_is_a_miss(store: FileEntryStore) -> None:
    await store.put(at("k"), KEPT, store.ticket())
    file = file_of(store, "k")
    whole = file.read_bytes()
    for index in range(len(whole)):
        damaged = bytearray(whole)
        damaged[index] ^= 1 << (index % 8)
        file.write_bytes(damaged)
        assert await store.find(at("k")) is None, index
        assert await store.find(at("k"), stale=True) is None, index
    file.write_bytes(whole)
    assert await store.find(at("k")) == KEPT


async def test_a_file_that_ends_early_or_late_is_a_miss(store: FileEntryStore) -> None:
    await store.put(at("k"), KEPT, store.ticket())
    file = file_of(store, "k")
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert await store.find(at("k")) is None, length
        assert not file.exists()
    file.write_bytes(whole + b"\0")
    assert await store.find(at("k")) is None


async def test_an_entry_in_anothers_place_is_a_miss(store: FileEntryStore) -> None:
    for key in ("k", "l"):
        await store.put(at(key), KEPT, store.ticket())
    file_of(store, "l").write_bytes(file_of(store, "k").read_bytes())
    assert await store.find(at("l")) is None
    assert not file_of(store, "l").exists()
    assert await store.find(at("k")) == KEPT


async def test_an_entry_of_another_directory_is_a_miss(
    store: FileEntryStore, tmp_path: Path, clock: Clock
) -> None:
    other = file_store(tmp_path / "other", clock)
    await other.put(at("k"), KEPT, other.ticket())
    file = file_of(store, "k")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(file_of(other, "k").read_bytes())
    other.close()
    assert await store.find(at("k")) is None


async def test_an_entry_from_the_future_is_a_miss(store: FileEntryStore, clock: Clock) -> None:
    await store.put(at("k"), entry(clock), store.ticket())
    clock.at -= 3600
    assert await store.find(at("k")) is None


async def test_what_is_no_file_is_a_miss(store: FileEntryStore) -> None:
    place = file_of(store, "k")
    place.mkdir(parents=True)
    assert await store.find(at("k")) is None


async def test_a_new_boot_of_the_machine_begins_empty(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file_store(tmp_path, clock)
    await before.put(at("k"), entry(clock), before.ticket())
    old = before.ticket()
    before.close()
    boot = tmp_path / "boot_id"
    boot.write_text("11111111-2222-3333-4444-555555555555\n")
    monkeypatch.setattr("adapters.cache.shared._BOOT_ID", boot)
    after = file_store(tmp_path, clock)
    assert await after.find(at("k")) is None
    await after.put(at("l"), entry(clock), old)
    assert await after.find(at("l")) is None
    await after.put(at("m"), entry(clock), after.ticket())
    assert await after.find(at("m")) is not None
    after.close()


async def test_a_damaged_state_begins_empty(tmp_path: Path, clock: Clock) -> None:
    before = file_store(tmp_path, clock)
    await before.put(at("k"), entry(clock), before.ticket())
    before.close()
    state = before.files.directory.state
    state.write_bytes(os.urandom(100_000))
    after = file_store(tmp_path, clock)
    assert await after.find(at("k")) is None
    await after.put(at("k"), entry(clock, b"new"), after.ticket())
    found = await after.find(at("k"))
    assert found is not None
    assert found.value == b"new"
    after.close()


async def test_processes_stay_together_when_the_directory_is_removed(
    tmp_path: Path, clock: Clock
) -> None:
    first = file_store(tmp_path, clock)
    await first.put(at("k"), entry(clock), first.ticket())
    first.files.directory.root.rename(tmp_path / "gone")
    second = file_store(tmp_path, clock)
    await second.put(at("k"), entry(clock, b"1", "t"), second.ticket())
    assert await first.find(at("k")) is None  # a stranger's, to whom it moves
    await first.put(at("k"), entry(clock, b"2", "t"), first.ticket())
    found = await second.find(at("k"))
    assert found is not None
    assert found.value == b"2"
    assert await first.invalidate("acme", ["t"]) == 1
    assert await second.find(at("k")) is None
    first.close()
    second.close()


async def test_a_writer_that_is_killed_leaves_no_wrong_value(tmp_path: Path) -> None:
    rng = random.Random(7)
    store = file_store(tmp_path)
    for _ in range(5):
        with program("write", tmp_path) as writer:
            await keep_reading(store, reads=rng.randrange(40))
            writer.kill()
        await keep_reading(store, reads=8)
    sweep(store)
    assert drafts_in(tmp_path) == []
    assert (await store.usage("acme", "people")).entries == 8
    assert len(list(store.files.directory.processes.iterdir())) == 1
    store.close()


def drafts_in(root: Path) -> list[Path]:
    return [each for each in root.rglob(".*") if each.is_file()]


async def keep_reading(store: FileEntryStore, reads: int) -> None:
    """Read all keys so often; every one is there, whole."""
    for number in range(8 * reads + 8):
        key = f"key {number % 8}"
        kept = await store.find(at(key))
        assert kept is not None
        generation = int(kept.value.partition(b"\n")[0].rpartition(b" ")[2])
        assert kept.value == value_of(key, generation)
        assert math.isinf(kept.expires_at)
        assert kept.written_at <= time.time()
