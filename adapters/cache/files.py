"""One process at the files of a cache: reads, writes and removes entries; all of it blocks.

A file is believed only when its checksum, its identity and its home are right; whatever else lies
in its place is removed, and is a miss. A writer that is killed leaves a draft behind, which no
reader looks at, or the whole entry.

The file of an entry that was replaced, or removed, is written again. Who reads the old entry just
then finds it damaged, and looks again.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from adapters.cache.places import Directory, Place, mark_numbers
from adapters.cache.processes import OwnProcess
from adapters.cache.publishing import moves
from adapters.cache.records import ENOUGH, Damaged, Life, pack, read_entry, read_life
from adapters.cache.shared import SharedState
from adapters.cache.spares import Spares, remove
from application.cache import Address, Entry

log = structlog.get_logger(__name__)

_READ = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOATIME", 0)
_open, _preadv, _close = os.open, os.preadv, os.close  # hot: each look-up would be felt
_AT_ONCE = 65_536
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
        self._buffers = (self._buffer,)
        self._moves = moves()
        self.spares = Spares(directory, self.process)
        self.written = 0
        """Bytes written by this process."""

    def close(self) -> None:
        """Leave the directory to the others."""
        self.spares.close()
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
        self.spares = Spares(self.directory, self.process)

    def read_at_once(self, place: Place) -> memoryview:
        """The file of a small entry, if no disk has to be waited for.

        Not for two threads at once: the next call overwrites what this one gives.

        Raises:
            FileNotFoundError: there is none.
            BlockingIOError: it is larger, or lies on the disk.
            OSError: it cannot be read.
        """
        descriptor = _open(place.raw, _READ)
        try:
            count = _preadv(descriptor, self._buffers, 0, _NOWAIT)
        finally:
            _close(descriptor)
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
        with open(place.raw, "rb") as file:  # noqa: PTH123 - hot
            return self.entry_of(memoryview(file.read()), place, self.now(), stale=stale)

    def entry_of(self, data: memoryview, place: Place, now: float, *, stale: bool) -> Entry | None:
        """The entry in a file's bytes, None unless it may be used now.

        Raises:
            Damaged: when it is not the entry of this place.
        """
        entry, home, ticket, marks = read_entry(data, place.identity)
        if home != self.state.home:
            raise Damaged
        end = max(entry.expires_at, entry.stale_until) if stale else entry.expires_at
        if entry.written_at - _SLACK <= now < end and self.state.fresh(ticket, marks):
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
        draft = self._write_draft(data)
        try:
            for tag in entry.tags:  # first, so that no entry has a tag that does not lead to it
                self._note_tag(self.directory.tag(address.tenant, tag), place.name)
            new = self._publish(draft, place)
        except OSError:
            remove(draft)
            raise
        self.state.used(place.number, entry.written_at)
        self.written += len(data)
        return new

    def remove(self, name: str) -> None:
        """Remove an entry's file, if it is there, to be written again."""
        self.spares.recycle(self.directory.entry(name))

    def peek(self, path: str) -> Life | None:
        """What a file's first bytes say; None when it is no entry of this directory."""
        try:
            return self._peek(path)[0]
        except (FileNotFoundError, IsADirectoryError):
            return None

    def _peek(self, path: str) -> tuple[Life | None, int]:
        """The same, and the file's size."""
        descriptor = os.open(path, _READ)
        try:
            data = os.read(descriptor, ENOUGH)
            size = len(data) if len(data) < ENOUGH else os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        try:
            life = read_life(data)
        except Damaged:
            return None, size
        return life if life.home == self.state.home else None, size

    def _write_draft(self, data: bytes) -> str:
        """A file of this process that holds an entry."""
        draft, descriptor, size = self.spares.take()
        try:
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, data[written:])
            if size > written:
                os.ftruncate(descriptor, written)
        except OSError:
            remove(draft)
            raise
        finally:
            os.close(descriptor)
        return draft

    def _publish(self, draft: str, place: Place) -> bool:
        """Let a draft take its place; whether nothing alive was there."""
        path = place.path
        if not self.state.last_use(place.number) and self._moves.settle(draft, path):
            return True
        if self._moves.exchange(draft, path):
            before, size = self._peek(draft)  # the old one lies there now
            self.spares.keep(draft, size)
        else:
            before = self.peek(path)
            try:
                os.rename(draft, path)  # noqa: PTH104 - hot
            except FileNotFoundError:  # the first of its shard
                Path(path).parent.mkdir(exist_ok=True)
                os.rename(draft, path)  # noqa: PTH104 - hot
        return before is None or not self.is_alive(before)

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
