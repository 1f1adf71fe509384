"""The file cache beside diskcache and plain files, and a thousand clients on a cold key.

All three keep the same values of one kilobyte under the same keys, on the same disk and in the
same minute: short turns of each follow each other, so that whatever else the machine does hits all
of them. Ours has expiry, tags, counters and last use; diskcache has its defaults (no counters, no
eviction by use); a plain file is written aside and renamed, and knows nothing but its bytes.

Ours makes files ahead, in a thread. Here that is done by the thread that measures: in the turn that
used them up, so that nobody else pays for it, or between turns, which shows what a burst takes.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import diskcache
import msgspec
import uvloop

from adapters.cache.entry_store import FileEntryStore
from application.cache import Address, Entry
from application.loading_cache import LoadingCache
from benchmarks.report import Row, Section

TURNS = 40
AT_ONCE = 50  # operations of one turn
NEW = TURNS * AT_ONCE  # keys that are written for the first time in one round of turns
KEYS = 1000  # those that are written again, and read
VALUE = os.urandom(1024)
TTL = 600.0
CLIENTS = 1000
ADDRESSES = [Address("default", "people", f"price/{number}") for number in range(2 * NEW)]

Turn = Callable[[range], Any]


class Paces(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds per operation, the median over the turns, and the ratios turn by turn."""

    ours: float
    diskcache: float
    plain: float
    to_diskcache: float
    to_plain: float


class Cached(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: paces, and how often the loader ran for all clients."""

    reads: Paces
    writes: Paces
    bursts: Paces
    overwrites: Paces
    loads: int
    clients_ms: float


def measure() -> Cached:
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as directory:
        return uvloop.run(_measure(Path(directory)))


class Ours:
    """What the platform does for an entry, without handing writes to a thread."""

    def __init__(self, root: Path) -> None:
        self.store = FileEntryStore(root / "ours", 1 << 30)

    def put(self, turn: range) -> None:
        """As long as it lasts: with the making of files for the turn after it."""
        self.put_now(turn)
        self.make_ahead()

    def make_ahead(self) -> None:
        self.store.files.spares.fill()

    def put_now(self, turn: range) -> None:
        files = self.store.files
        for number in turn:
            address, now = ADDRESSES[number], time.time()
            entry = Entry(value=VALUE, written_at=now, expires_at=now + TTL)
            files.write(address, files.directory.place(address), entry, self.store.ticket())

    async def find(self, turn: range) -> None:
        for number in turn:
            assert await self.store.find(ADDRESSES[number]) is not None


class Theirs:
    """diskcache."""

    def __init__(self, root: Path) -> None:
        self.cache = diskcache.Cache(str(root / "diskcache"))

    def put(self, turn: range) -> None:
        for number in turn:
            self.cache.set(ADDRESSES[number].key, VALUE, expire=TTL)

    def find(self, turn: range) -> None:
        for number in turn:
            assert self.cache.get(ADDRESSES[number].key) is not None


class Plain:
    """Files without anything."""

    def __init__(self, root: Path) -> None:
        self.root = root / "plain"
        self.root.mkdir()

    def put(self, turn: range) -> None:
        for number in turn:
            draft, place = f"{self.root}/{number}.draft", f"{self.root}/{number}"
            with open(draft, "wb") as file:  # noqa: PTH123 - as plain as it gets
                file.write(VALUE)
            os.rename(draft, place)  # noqa: PTH104 - as above

    def find(self, turn: range) -> None:
        for number in turn:
            with open(f"{self.root}/{number}", "rb") as file:  # noqa: PTH123 - as above
                assert file.read()


async def _measure(root: Path) -> Cached:
    ours, theirs, plain = Ours(root), Theirs(root), Plain(root)
    writes = await _paced(ours.put, theirs.put, plain.put)
    bursts = await _paced(ours.put_now, theirs.put, plain.put, first=NEW, between=ours.make_ahead)
    overwrites = await _paced(ours.put, theirs.put, plain.put, keys=KEYS)
    reads = await _paced(ours.find, theirs.find, plain.find, keys=KEYS)
    loads, took = await _thundering(ours.store)
    theirs.cache.close()
    ours.store.close()
    return Cached(
        reads=reads,
        writes=writes,
        bursts=bursts,
        overwrites=overwrites,
        loads=loads,
        clients_ms=took * 1000,
    )


async def _paced(
    ours: Turn,
    other: Turn,
    plain: Turn,
    *,
    first: int = 0,
    keys: int = NEW,
    between: Callable[[], object] = lambda: None,
) -> Paces:
    """Turns of each after the other, each time over the next keys; `between` is not counted."""
    took: list[list[float]] = [[], [], []]
    for turn in range(TURNS):
        start = first + turn * AT_ONCE % keys
        between()
        for which, work in enumerate((ours, other, plain)):
            began = time.perf_counter()
            waiting = work(range(start, start + AT_ONCE))
            if waiting is not None:
                await waiting
            took[which].append((time.perf_counter() - began) / AT_ONCE * 1e6)
    mine, theirs, files = (statistics.median(each) for each in took)
    return Paces(
        ours=mine,
        diskcache=theirs,
        plain=files,
        to_diskcache=_ratio(took[0], took[1]),
        to_plain=_ratio(took[0], took[2]),
    )


def _ratio(ours: list[float], others: list[float]) -> float:
    return statistics.median(mine / theirs for mine, theirs in zip(ours, others, strict=True))


async def _thundering(store: FileEntryStore) -> tuple[int, float]:
    """How often the loader runs for all who ask at once, and how long they wait for its 50 ms."""
    loads = 0

    async def slowly() -> bytes:
        nonlocal loads
        loads += 1
        await asyncio.sleep(0.05)
        return VALUE

    async def nowhere(_position: int) -> None:
        return

    cache = LoadingCache(store, nowhere)
    began = time.perf_counter()
    await asyncio.gather(
        *(
            cache.load("cold", slowly, tenant="default", ttl=timedelta(minutes=1))
            for _ in range(CLIENTS)
        )
    )
    return loads, time.perf_counter() - began


def section(found: Cached) -> Section:
    """The table's part."""
    rows = []
    for what, paces in (
        ("read of 1 KB", found.reads),
        ("write of 1 KB, new key, as long as it lasts", found.writes),
        ("write of 1 KB, new key, 50 after a pause", found.bursts),
        ("write of 1 KB, over another", found.overwrites),
    ):
        rows.append(
            Row(
                what=what,
                figure=f"{paces.ours:.1f} µs",
                beside=f"diskcache {paces.diskcache:.1f} µs, plain file {paces.plain:.1f} µs",
                ratio=f"{paces.to_diskcache:.2f} of diskcache, {paces.to_plain:.2f} of a file",
                goal="as fast as diskcache",
                met=paces.to_diskcache <= 1,
            )
        )
    rows.append(
        Row(
            what=f"{CLIENTS:,} clients on a cold key, loader of 50 ms",
            figure=f"{found.loads} load, {found.clients_ms:.0f} ms for all",
            goal="one load",
            met=found.loads == 1,
        )
    )
    return Section(title="File cache", rows=rows)
