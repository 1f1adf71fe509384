"""Cache entries for tests: a clock to move, and programs that share a directory with a test."""

import asyncio
import itertools
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from adapters.cache.entry_store import FileEntryStore
from application.cache import Address, Entry
from application.loading_cache import LoadingCache

LARGE = 1 << 30


class Clock:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000_000_000.0

    def __call__(self) -> float:
        return self.at


def file_store(
    root: Path, clock: Callable[[], float] = time.time, limit: int = LARGE, lease: float = 60.0
) -> FileEntryStore:
    store = FileEntryStore(root, limit, lease=lease)
    store.files.now = clock
    return store


def at(key: str, tenant: str = "acme", room: str = "people") -> Address:
    return Address(tenant, room, key)  # type: ignore[arg-type]


def entry(
    clock: Callable[[], float], value: bytes = b"v", *tags: str, ttl: float = math.inf
) -> Entry:
    return Entry(value=value, tags=tags, written_at=clock(), expires_at=clock() + ttl)


def sweep(store: FileEntryStore) -> None:
    """One round."""
    for shard in range(256):
        store.sweeper.sweep_shard(f"{shard:02x}")
    store.sweeper.finish_round()


def value_of(key: str, generation: int) -> bytes:
    """A value that tells whose it is, and that is torn nowhere."""
    line = f"{key} {generation}\n".encode()
    return line * (1 + generation % 400)


@contextmanager
def program(*arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """One of the programs below in a process of its own, once it has said `ready`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.cache", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


def ready() -> None:
    os.write(1, b"ready\n")


async def write(root: Path) -> None:
    """Overwrite a few keys for ever, each time newer; ready when all are there."""
    store = file_store(root)
    keys = [f"key {number}" for number in range(8)]
    for generation in itertools.count():
        for key in keys:
            kept = entry(time.time, value_of(key, generation), "tag")
            await store.put(at(key), kept, store.ticket())
        if generation == 0:
            ready()


async def fill(root: Path) -> None:
    """Write keys and delete them for ever, and fill up between; ready when all were there."""
    store = file_store(root)
    for generation in itertools.count():
        for key in (f"key {number}" for number in range(100)):
            kept = entry(time.time, value_of(key, generation))
            store.files.write(at(key), store.files.directory.place(at(key)), kept, store.ticket())
            if generation % 2:
                await store.delete(at(key))
            store.files.spares.fill()
        if generation == 0:
            ready()


async def reload(root: Path) -> None:
    """Load what a source says for ever, dropping it from here at times."""
    store, source = file_store(root / "cache"), root / "source"
    cache = LoadingCache(store, nowhere)

    async def look() -> bytes:
        value = source.read_bytes()
        await asyncio.sleep(0)
        return value

    ready()
    while True:
        await cache.load("k", look, tenant="acme", ttl=timedelta(hours=1), tags=["t"])
        await store.delete(at("k", room="platform"))


async def load(root: Path, callers: int) -> None:
    """Wait to be told, then let so many load at once; the loader writes into a ledger."""
    store, ledger = file_store(root / "cache"), root / "ledger"
    cache = LoadingCache(store, nowhere)

    async def find_out() -> bytes:
        with ledger.open("ab") as file:
            file.write(b"%d\n" % os.getpid())
        await asyncio.sleep(0.05)  # what takes time
        return b"found out"

    async def ask() -> bytes:
        return await cache.load("k", find_out, tenant="acme", ttl=timedelta(hours=1))

    ready()
    sys.stdin.read()
    assert set(await asyncio.gather(*(ask() for _ in range(callers)))) == {b"found out"}


async def hang(root: Path) -> None:
    """Begin to load, and never end; ready when the loader runs."""
    store = file_store(root / "cache")
    cache = LoadingCache(store, nowhere)

    async def never() -> bytes:
        ready()
        return await asyncio.Future()

    await cache.load("k", never, tenant="acme", ttl=timedelta(hours=1))


async def nowhere(_position: int) -> None:
    """Nobody follows a log here."""


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[3:]]
    asyncio.run(globals()[sys.argv[1]](Path(sys.argv[2]), *numbers))
