"""What all processes share in memory: the order of invalidations, and when entries were used.

One mapped file. A tag has a *mark*: the ticket of its last invalidation. An entry remembers the
ticket that was current before its value began to be found out, and is alive while none of its tags
has a later mark. So an invalidation is one write whatever it kills, and a value that was already
on its way to the directory arrives dead. Tags share marks by their hash: whoever is hit by
another's invalidation is found out once more, which is no fault.

Numbers are eight aligned bytes, which processors write and read whole. Whoever changes more than
one holds the file's lock. The kernel keeps the pages when a process is killed; since nothing is
synced, a machine that went down has a new boot id, and the directory starts empty.
"""

import fcntl
import mmap
import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from adapters.cache.places import tag_number

_MAGIC = b"annals cache 1\0\0"
_BOOT = slice(16, 32)
_INCARNATION = slice(32, 48)
_HOME, _TICKET, _POSITION, _EVERYTHING = 6, 7, 8, 9  # in numbers of eight bytes
_HEAD = 512
_COUNT = 1 << 20  # of marks, and of uses
_MASK = _COUNT - 1
_USES = _HEAD + _COUNT
SIZE = 8 * (_USES + _COUNT)
"""Bytes of the file, of which the disk has those that were written to."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SharedState:
    """The mapped file; every method may be called from any thread."""

    def __init__(self, file: Path) -> None:
        """Open it, or make it anew where it is not of this boot or not ours.

        Raises:
            OSError: when it cannot be opened.
        """
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._thread = threading.Lock()
        with self._exclusive():
            os.ftruncate(self._descriptor, SIZE)
            here = os.fstat(self._descriptor)
            self._file = (here.st_dev, here.st_ino)
            self._map = mmap.mmap(self._descriptor, SIZE)
            self._view = memoryview(self._map)
            self._numbers = self._view.cast("Q")
            self._times = self._view.cast("d")
            boot = _boot_id()
            if self._map[:16] != _MAGIC or self._map[_BOOT] != boot:
                self._begin_anew(boot)

    def close(self) -> None:
        """Let go of the file."""
        self._times.release()
        self._numbers.release()
        self._view.release()
        self._map.close()
        os.close(self._descriptor)

    def is_at(self, file: Path) -> bool:
        """Whether the file that others open at this path is the one that is open here."""
        try:
            there = os.stat(file)  # noqa: PTH116 - hot
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == self._file

    @property
    def home(self) -> int:
        """Which directory this is; another one after everything was lost."""
        return self._numbers[_HOME]

    @property
    def ticket(self) -> int:
        """The current moment in the order of invalidations."""
        return self._numbers[_TICKET]

    def fresh(self, ticket: int, tags: Iterable[int]) -> bool:
        """Whether none of these tags was invalidated after a ticket was taken."""
        numbers = self._numbers
        if numbers[_EVERYTHING] > ticket:
            return False
        for tag in tags:  # noqa: SIM110 - hot: a generator would cost more than the rest
            if numbers[_HEAD + (tag & _MASK)] > ticket:
                return False
        return True

    def invalidate(self, numbers: Collection[int]) -> Callable[[int, Iterable[int]], bool]:
        """Mark these tags; gives what tells whether an entry was alive until this moment."""
        with self._exclusive():
            before = {number & _MASK: self._numbers[_HEAD + (number & _MASK)] for number in numbers}
            moment = self._next_ticket()
            self._mark(moment, numbers)

        def killed(ticket: int, tags: Iterable[int]) -> bool:
            marks = {number & _MASK: self._numbers[_HEAD + (number & _MASK)] for number in tags}
            others = (mark for tag, mark in marks.items() if mark != moment or tag not in before)
            ours = (before[tag] for tag, mark in marks.items() if mark == moment and tag in before)
            return all(mark <= ticket for mark in (self._numbers[_EVERYTHING], *others, *ours))

        return killed

    def used(self, number: int, at: float) -> None:
        """An entry was used just now."""
        self._times[_USES + (number & _MASK)] = at

    def last_use(self, number: int) -> float:
        """When an entry was used last, as far as is known; 0.0 for never."""
        return self._times[_USES + (number & _MASK)]

    def followed(self, incarnation: UUID) -> int | None:
        """Up to where this log has been followed; None: never."""
        if self._map[_INCARNATION] != incarnation.bytes:
            return None
        return self._numbers[_POSITION]

    def follow(
        self, incarnation: UUID, position: int, tags: Iterable[tuple[int, str, str]]
    ) -> None:
        """Invalidate what events brought: (position, tenant, tag). What was applied is skipped."""
        with self._exclusive():
            applied = self.followed(incarnation)
            if applied is None or position <= applied:
                return
            numbers = [tag_number(tenant, tag) for at, tenant, tag in tags if at > applied]
            if numbers:
                self._mark(self._next_ticket(), numbers)
            self._numbers[_POSITION] = position

    def follow_from(self, incarnation: UUID, position: int) -> None:
        """Invalidate everything, and go on behind a position of this log."""
        with self._exclusive():
            ticket = self._next_ticket()
            self._numbers[_EVERYTHING] = ticket
            self._map[_INCARNATION] = incarnation.bytes
            self._numbers[_POSITION] = position

    def _mark(self, ticket: int, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._numbers[_HEAD + (number & _MASK)] = ticket

    def _next_ticket(self) -> int:
        """Whoever takes a ticket from here on has begun after the invalidation that asks."""
        ticket = self._numbers[_TICKET] + 1
        self._numbers[_TICKET] = ticket
        return ticket

    def _begin_anew(self, boot: bytes) -> None:
        """Forget everything; entries of the home before are strangers from here on."""
        if any(self._map[: 8 * _HEAD]):  # a new file is all zeros, and stays small
            self._map[: len(_MAGIC)] = bytes(len(_MAGIC))
            self._map[len(_MAGIC) :] = bytes(SIZE - len(_MAGIC))
        self._numbers[_HOME] = secrets.randbits(63) | 1
        ticket = time.time_ns()  # later than any that somebody still has
        self._numbers[_TICKET] = self._numbers[_EVERYTHING] = ticket
        self._map[_BOOT] = boot
        self._map[: len(_MAGIC)] = _MAGIC

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._thread:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def _boot_id() -> bytes:
    """Which run of the machine this is; where there is no telling, all are one."""
    try:
        return UUID(_BOOT_ID.read_text().strip()).bytes
    except (OSError, ValueError):
        return bytes(16)
