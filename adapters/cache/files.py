"""One process at the files of a cache: reads, writes and removes entries; all of it blocks.

A file is believed only when its checksum, its identity and its home are right; whatever else lies
in its place is removed, and is a miss. A writer that is killed leaves a draft behind, which no
reader looks at, or the whole entry.

To make a file takes five times as long as to write it, so the file of an entry that was replaced
is kept as the next draft. Who reads the old entry just then finds it damaged, and looks again.
"""

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import structlog

from adapters.cache.places import Directory, Place, mark_numbers
from adapters.cache.processes import OwnProcess
from adapters.cache.publishing import exchanger
from adapters.cache.records import ENOUGH, Damaged, Life, pack, read_entry, read_life
from adapters.cache.shared import SharedState
from application.cache import Address, Entry

log = structlog.get_logger(__name__)

_READ = os.O_RDONLY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_REWRITE = os.O_WRONLY | os.O_CLOEXEC
_AT_ONCE = 65_536
_MOST_SPARES = 8
_LOOKS = 4
"""At a file that seems damaged, which may be a draft by now."""
_SLACK = 1.0
"""Seconds that clocks may be apart; what was written later than now was written by a wrong one."""


class EntryFiles:
    """The entries, synchronously."""

    def __init__(self, directory: Directory, now: Callable[[], float] = time.time) -> None:
        """Open the directory, which is made where it is missing.

        Raises:
            OSError: when it cannot be used.
        """
        directory.make()
        self.directory = directory
        self.now = now
        self.state = SharedState(directory.state)
        self.process = OwnProcess(directory.processes)
        self._lost: list[SharedState | OwnProcess] = []
        self._buffer = memoryview(bytearray(_AT_ONCE))
        self._exchange = exchanger()
        self._spares: deque[str] = deque()
        self.written = 0
        """Bytes written by this process."""

    def close(self) -> None:
        """Leave the directory to the others."""
        while self._spares:
            self._unlink(self._spares.pop())
        for each in (self.process, self.state, *self._lost):
            each.close()

    def stay(self) -> None:
        """Follow the directory where somebody has removed it, so that all share the same one.

        Raises:
            OSError: when it cannot be made.
        """
        if self.state.is_at(self.directory.state):
            return
        log.warning("cache_directory_was_removed", directory=str(self.directory.root))
        self.directory.make()
        self._lost += [self.state, self.process]
        self.state = SharedState(self.directory.state)
        self.process = OwnProcess(self.directory.processes)

    def read_at_once(self, place: Place) -> memoryview:
        """The file of a small entry, if no disk has to be waited for.

        Not for two threads at once: the next call overwrites what this one gives.

        Raises:
            FileNotFoundError: there is none.
            BlockingIOError: it is larger, or lies on the disk.
            OSError: it cannot be read.
        """
        descriptor = os.open(place.path, _READ)
        try:
            count = os.preadv(descriptor, (self._buffer,), 0, _NOWAIT)
        finally:
            os.close(descriptor)
        if count == _AT_ONCE:
            raise BlockingIOError
        return self._buffer[:count]

    def find(self, place: Place, *, stale: bool) -> Entry | None:
        """The entry in a place, whatever has to be waited for.

        Raises:
            FileNotFoundError: there is none.
            Damaged: when what lies there is not its entry.
            OSError: it cannot be read.
        """
        for _ in range(_LOOKS - 1):
            with contextlib.suppress(Damaged):
                return self._look(place, stale=stale)
        return self._look(place, stale=stale)

    def _look(self, place: Place, *, stale: bool) -> Entry | None:
        with open(place.path, "rb") as file:  # noqa: PTH123 - hot
            return self.entry_of(file.read(), place, stale=stale)

    def entry_of(self, data: bytes | memoryview, place: Place, *, stale: bool) -> Entry | None:
        """The entry in a file's bytes, None unless it may be used.

        Raises:
            Damaged: when it is not the entry of this place.
        """
        entry, home, ticket, marks = read_entry(data, place.identity)
        if home != self.state.home:
            raise Damaged
        end = max(entry.expires_at, entry.stale_until) if stale else entry.expires_at
        if entry.written_at - _SLACK <= self.now() < end and self.state.fresh(ticket, marks):
            return entry
        return None

    def is_alive(self, life: Life, *, stale: bool = False) -> bool:
        """Whether an entry's time has neither passed nor yet to come, and no tag is invalid."""
        end = max(life.expires, life.stale) if stale else life.expires
        return life.written - _SLACK <= self.now() < end and self.state.fresh(
            life.ticket, life.marks
        )

    def write(self, address: Address, place: Place, entry: Entry, ticket: int) -> bool:
        """Put an entry in its place; whether no other was alive there.

        Raises:
            OSError: when it cannot be written; the entry before is still there.
        """
        self.stay()
        marks = mark_numbers(address.tenant, entry.tags)
        data = pack(
            entry, identity=place.identity, home=self.state.home, ticket=ticket, marks=marks
        )
        draft = self._write_draft(place, data)
        try:
            for tag in entry.tags:  # first, so that no entry has a tag that does not lead to it
                self._note_tag(self.directory.tag(address.tenant, tag), place.name)
            new = self._publish(draft, place)
        except OSError:
            self._unlink(draft)
            raise
        self.state.used(place.number, entry.written_at)
        self.written += len(data)
        return new

    def remove(self, name: str) -> None:
        """Remove an entry's file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.directory.entry(name))  # noqa: PTH108 - hot

    def peek(self, path: str) -> Life | None:
        """What a file's first bytes say; None when it is no entry of this directory."""
        try:
            descriptor = os.open(path, _READ)
        except FileNotFoundError:
            return None
        try:
            life = read_life(os.read(descriptor, ENOUGH))
        except (Damaged, IsADirectoryError):
            return None
        finally:
            os.close(descriptor)
        return life if life.home == self.state.home else None

    def _write_draft(self, place: Place, data: bytes) -> str:
        """A file of this process that holds an entry."""
        draft, descriptor = self._open_spare() or self._open_draft(place)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.ftruncate(descriptor, len(data))
        except OSError:
            self._unlink(draft)
            raise
        finally:
            os.close(descriptor)
        return draft

    def _open_spare(self) -> tuple[str, int] | None:
        with contextlib.suppress(IndexError, OSError):
            spare = self._spares.pop()
            return spare, os.open(spare, _REWRITE)
        return None

    def _open_draft(self, place: Place) -> tuple[str, int]:
        draft = self.directory.draft(place.name, self.process.draft())
        try:
            return draft, os.open(draft, _WRITE, 0o600)
        except FileNotFoundError:  # the first of its shard
            Path(draft).parent.mkdir(exist_ok=True)
            return draft, os.open(draft, _WRITE, 0o600)

    def _publish(self, draft: str, place: Place) -> bool:
        """Let a draft take its place; whether nothing alive was there."""
        path = place.path
        if not self._exchange(draft, path):
            before = self.peek(path)
            try:
                os.rename(draft, path)  # noqa: PTH104 - hot
            except FileNotFoundError:  # the first of its shard, in a spare of another one
                Path(path).parent.mkdir(exist_ok=True)
                os.rename(draft, path)  # noqa: PTH104 - hot
        else:
            before = self.peek(draft)  # the old one lies there now
            self._keep(draft)
        return before is None or not self.is_alive(before)

    def _keep(self, draft: str) -> None:
        """Keep a draft to be written again, unless it is large or there are enough."""
        if len(self._spares) < _MOST_SPARES and os.stat(draft).st_size <= _AT_ONCE:  # noqa: PTH116 - hot
            self._spares.append(draft)
        else:
            os.unlink(draft)  # noqa: PTH108 - hot

    @staticmethod
    def _unlink(draft: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(draft)  # noqa: PTH108 - hot

    @staticmethod
    def _note_tag(directory: str, name: str) -> None:
        path = f"{directory}/{name}"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            Path(directory).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.close(descriptor)


_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
