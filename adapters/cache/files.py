"""One process at the files of a cache: reads, writes and removes entries; all of it blocks.

A file is believed only when its checksum, its identity and its home are right; whatever else lies
in its place is removed, and is a miss. A writer that is killed leaves a draft behind, which no
reader looks at, or the whole entry.
"""

import contextlib
import os
import time
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
_AT_ONCE = 65_536
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
        self.written = 0
        """Bytes written by this process."""

    def close(self) -> None:
        """Leave the directory to the others."""
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

    def read(self, place: Place) -> bytes:
        """The file of an entry.

        Raises:
            OSError: as `read_at_once`, but for waiting.
        """
        with open(place.path, "rb") as file:  # noqa: PTH123 - hot
            return file.read()

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
        draft = self.directory.draft(place.name, self.process.draft())
        try:
            self._write_draft(draft, data)
            for tag in entry.tags:  # first, so that no entry has a tag that does not lead to it
                self._note_tag(self.directory.tag(address.tenant, tag), place.name)
            new = self._publish(draft, place)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(draft)  # noqa: PTH108 - hot
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

    def _write_draft(self, draft: str, data: bytes) -> None:
        try:
            descriptor = os.open(draft, _WRITE, 0o600)
        except FileNotFoundError:  # the first of its shard
            Path(draft).parent.mkdir(exist_ok=True)
            descriptor = os.open(draft, _WRITE, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)

    def _publish(self, draft: str, place: Place) -> bool:
        """Let a draft take its place; whether nothing alive was there."""
        path = place.path
        if not self._exchange(draft, path):
            before = self.peek(path)
            os.rename(draft, path)  # noqa: PTH104 - hot
        else:
            before = self.peek(draft)  # the old one lies there now
            os.unlink(draft)  # noqa: PTH108 - hot
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
