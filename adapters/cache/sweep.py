"""Cleaning up: what has died, what dead writers have left, and what is too much.

Shard by shard, a whole round in about a minute, so that nothing ever stops for it. What is too
much goes by its last use, the longest unused first, down to a little below the limit. A process
that writes a lot looks for itself meanwhile, so the directory outgrows its limit by no more than
what the processes write between two looks. Any number of sweepers may run: each file is removed
by one of them.
"""

import contextlib
import fcntl
import os
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

from adapters.cache.files import EntryFiles
from adapters.cache.invalidation import names_in
from adapters.cache.places import SHARDS
from adapters.cache.processes import is_alive, retire
from adapters.cache.spares import remove

ROOM = 0.9
"""The part of the limit that is left after an eviction."""
_LOOKS = 8
"""A process looks at the size after writing this part of the limit."""
_FORGOTTEN = 3600.0
"""Seconds after which a tag or a lock that leads nowhere is removed."""


class Sweeper:
    """Cleans the directory of one cache; every method blocks."""

    def __init__(self, files: EntryFiles, limit: int) -> None:
        """`limit` in bytes of all entries' files."""
        self._files = files
        self._limit = limit
        self._looked = 0

    @property
    def should_look(self) -> bool:
        """Whether this process has written so much that it should look at the size."""
        return self._files.written - self._looked >= self._limit // _LOOKS

    def sweep_shard(self, shard: str) -> None:
        """Remove what is dead in one shard."""
        directory = self._files.directory.shard(shard)
        for name in names_in(directory):
            path = f"{directory}/{name}"
            if name.startswith("."):
                self._sweep_draft(path, name)
                continue
            life = self._files.peek(path)
            if life is None:
                remove(path)
            elif not self._files.is_alive(life, stale=True):
                self._files.spares.recycle(path)
        self._sweep_tags(self._files.directory.tag_shard(shard))

    def finish_round(self) -> None:
        """What concerns the directory as a whole."""
        directory = self._files.directory
        for lock in directory.locks.iterdir():
            _remove_forgotten(str(lock))
        self._sweep_drafts()
        with self._only_one() as we:
            if we:
                retire(directory.processes, directory.totals)
        self.evict()

    def evict(self) -> int:
        """Remove the longest unused if all is too much; how many were removed."""
        self._looked = self._files.written
        with self._only_one() as we:
            if not we:
                return 0
            until = self._last_use_to_go()
            if until is None:
                return 0
            removed = 0
            for path, use, _ in self._entries():
                if use <= until:
                    removed += self._files.spares.recycle(path)
            return removed

    def _last_use_to_go(self) -> float | None:
        """Whatever was used no later than this has to go; None: there is room."""
        uses, sizes = array("d"), array("q")
        for _, use, size in self._entries():
            uses.append(use)
            sizes.append(size)
        excess = sum(sizes) - self._limit
        if excess <= 0:
            return None
        excess += round(self._limit * (1 - ROOM))
        for index in sorted(range(len(uses)), key=uses.__getitem__):
            excess -= sizes[index]
            if excess <= 0:
                return uses[index]
        return max(uses)

    def _entries(self) -> Iterator[tuple[str, float, int]]:
        """All entries: path, last use, size."""
        for shard in SHARDS:
            with contextlib.suppress(FileNotFoundError):
                yield from self._entries_in(self._files.directory.shard(shard))

    def _entries_in(self, directory: str) -> Iterator[tuple[str, float, int]]:
        state = self._files.state
        with os.scandir(directory) as found:
            for each in found:
                if each.name.startswith("."):
                    continue
                with contextlib.suppress(FileNotFoundError, ValueError):
                    size = each.stat().st_size
                    number = int.from_bytes(bytes.fromhex(each.name[-8:]), "little")
                    yield each.path, state.last_use(number), size

    def _sweep_draft(self, path: str, name: str) -> None:
        """A draft of an older version of this program is left alone while its writer lives."""
        writer = name[1:].partition(".")[0]
        if not is_alive(self._files.directory.processes / writer):
            remove(path)

    def _sweep_drafts(self) -> None:
        """Remove the directories of writers that have died."""
        directory = self._files.directory
        for writer in names_in(str(directory.drafts)):
            if is_alive(directory.processes / writer.partition(".")[0]):
                continue
            drafts = directory.drafts_of(writer)
            for name in names_in(drafts):
                remove(f"{drafts}/{name}")
            with contextlib.suppress(OSError):
                Path(drafts).rmdir()

    def _sweep_tags(self, shard: str) -> None:
        """Remove what leads to no entry, and tags that lead nowhere."""
        for tag in names_in(shard):
            directory = f"{shard}/{tag}"
            names = names_in(directory)
            for name in names:
                if not os.path.exists(self._files.directory.entry(name)):  # noqa: PTH110 - hot
                    _remove_forgotten(f"{directory}/{name}")
            if not names:
                with contextlib.suppress(OSError):
                    Path(directory).rmdir()

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[bool]:
        """Whether nobody else is at it; two would remove more than is too much."""
        descriptor = os.open(self._files.directory.root / "sweeping", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(descriptor)


def _remove_forgotten(path: str) -> None:
    """Remove what nobody has touched for long: somebody may just be about to use it."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - os.stat(path).st_mtime > _FORGOTTEN:  # noqa: PTH116 - hot
            os.unlink(path)  # noqa: PTH108 - hot
