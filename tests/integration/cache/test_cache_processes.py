"""Several processes at one directory."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.cache.entry_store import FileEntryStore
from application.loading_cache import LoadingCache
from tests.support.cache import at, entry, file_store, nowhere, program

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FileEntryStore]:
    store = file_store(tmp_path / "cache", lease=0.2)
    yield store
    store.close()


async def test_nothing_from_before_an_invalidation_is_seen_after_it(
    tmp_path: Path, store: FileEntryStore
) -> None:
    """Two processes load from a source while a third changes it and invalidates."""
    change(tmp_path, 0)
    seen = set()
    with program("reload", tmp_path), program("reload", tmp_path):
        for number in range(1, 41):
            change(tmp_path, number)
            await store.invalidate("acme", ["t"])
            while True:
                found = await store.find(at("k", room="platform"))
                if found is not None:
                    break
                await asyncio.sleep(0)
            assert int(found.value) >= number
            seen.add(int(found.value))
    assert len(seen) == 40  # it was loaded anew each time


def change(root: Path, number: int) -> None:
    """Let the source say another number, at once."""
    draft = root / "draft"
    draft.write_bytes(b"%d" % number)
    draft.rename(root / "source")


async def test_one_load_for_a_thousand_in_several_processes(tmp_path: Path) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(program("load", tmp_path, 334)) for _ in range(3)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        assert [await asyncio.to_thread(each.wait) for each in processes] == [0, 0, 0]
    assert len(lines_of(tmp_path / "ledger")) == 1


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines()


async def test_a_loader_that_dies_holds_nobody_up(tmp_path: Path) -> None:
    store = file_store(tmp_path / "cache", lease=3600)
    with program("hang", tmp_path) as hanging:
        waiting = asyncio.create_task(load(store, b"mine"))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        hanging.kill()
        assert await waiting == b"mine"
    store.close()


async def test_a_loader_that_hangs_loses_its_right(tmp_path: Path, store: FileEntryStore) -> None:
    with program("hang", tmp_path):
        assert await load(store, b"mine") == b"mine"


async def load(store: FileEntryStore, value: bytes) -> bytes:
    async def find_out() -> bytes:
        return value

    return await LoadingCache(store, nowhere).load("k", find_out, tenant="acme", ttl=HOUR)


async def test_counters_are_of_all_processes_and_outlive_them(
    tmp_path: Path, store: FileEntryStore
) -> None:
    other = file_store(tmp_path / "cache")
    await store.put(at("k"), entry(store.files.now), store.ticket())
    for each in (store, other, other):
        await each.find(at("k"))
        await each.find(at("none"))
    other.close()
    usage = await store.usage("acme", "people")
    assert (usage.hits, usage.misses) == (3, 3)
    store.sweeper.finish_round()
    assert len(list(store.files.directory.processes.iterdir())) == 1
    usage = await store.usage("acme", "people")
    assert (usage.hits, usage.misses) == (3, 3)
