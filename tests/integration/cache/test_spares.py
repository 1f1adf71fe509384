"""The files of replaced entries are written again, and nobody reads what was not meant for him."""

import asyncio
import time
from pathlib import Path

from adapters.cache.entry_store import FileEntryStore
from tests.support.cache import at, entry, file_store, value_of

KEYS = ("a", "b", "c")
WRITES = 1500


def write(store: FileEntryStore, key: str, value: bytes) -> None:
    address = at(key)
    place = store.files.directory.place(address)
    store.files.write(address, place, entry(time.time, value), store.ticket())


def inodes(root: Path) -> set[int]:
    files = [*root.rglob("entries/*/*"), *spares_in(root)]
    return {path.stat().st_ino for path in files}


def spares_in(root: Path) -> list[Path]:
    return [*root.rglob("drafts/*/*"), *root.rglob("spares/*")]


def take_spares(root: Path) -> None:
    for spare in spares_in(root):
        spare.unlink()


async def test_who_reads_while_files_are_written_again_misses_nothing(tmp_path: Path) -> None:
    writer, reader = file_store(tmp_path), file_store(tmp_path)
    for key in KEYS:
        write(writer, key, value_of(key, 0))

    def overwrite() -> None:
        for number in range(WRITES):
            key = KEYS[number % len(KEYS)]
            write(writer, key, value_of(key, number))

    writing = asyncio.create_task(asyncio.to_thread(overwrite))
    reads = 0
    while not writing.done() or not reads:
        for key in KEYS:
            found = await reader.find(at(key))
            assert found is not None
            generation = int(found.value.split(b"\n", 1)[0].split()[1])
            assert found.value == value_of(key, generation)
            reads += 1
        await asyncio.sleep(0)
    await writing
    writer.close()
    reader.close()


def test_a_replaced_file_is_the_next_draft_and_goes_at_the_end(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    for _ in range(3):
        write(store, "a", b"v")
    before = inodes(tmp_path)
    assert len(before) == 2  # the entry, and one that waits to be written
    write(store, "a", b"longer than before")
    write(store, "a", b"s")
    assert inodes(tmp_path) == before
    write(store, "b", b"elsewhere")
    assert inodes(tmp_path) == before
    store.close()
    assert len(inodes(tmp_path)) == 2


async def test_a_spare_that_somebody_took_away_is_not_missed(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    for _ in range(2):
        write(store, "a", b"v")
    take_spares(tmp_path)
    write(store, "a", b"w")
    found = await store.find(at("a"))
    assert found is not None
    assert found.value == b"w"
    store.close()
