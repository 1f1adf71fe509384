"""The processes at a cache: who is alive, and what each has counted.

Each has a file that it keeps locked for as long as it lives, so that the others know whose drafts
nobody will finish; the kernel frees the lock of who was killed. In the file it counts hits and
misses, in memory that outlives it: nobody else writes there, so counting needs no lock. What the
dead have counted is added to the totals.
"""

import contextlib
import fcntl
import itertools
import mmap
import os
import secrets
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

_ROW = struct.Struct("<QQQ")  # a space's number, hits, misses
_ROWS = 4096
_SIZE = _ROWS * _ROW.size


class OwnProcess:
    """This process, as the others see it."""

    def __init__(self, directory: Path) -> None:
        """Become visible.

        Raises:
            OSError: when the file cannot be made.
        """
        self.id = secrets.token_hex(8)
        self._file = directory / self.id
        # Locked before it has its name, so that nobody takes it for a dead one's.
        draft = directory / f".{self.id}"
        self._descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        os.ftruncate(self._descriptor, _SIZE)
        draft.rename(self._file)
        self._map = mmap.mmap(self._descriptor, _SIZE)
        self._view = memoryview(self._map)
        self._numbers = self._view.cast("Q")
        self._rows: dict[str, int] = {}
        self._drafts = itertools.count(1)

    def draft(self) -> str:
        """A name for something that is being written, which nobody else has."""
        return f"{self.id}.{next(self._drafts)}"

    def count(self, space: str, *, hit: bool) -> None:
        """Count an answer; spaces beyond what the file holds are not counted."""
        row = self._rows.get(space)
        if row is None:
            row = self._new_row(space)
        self._numbers[row + 2 - hit] += 1

    def close(self) -> None:
        """Leave; what was counted is left for the totals."""
        self._numbers.release()
        self._view.release()
        self._map.close()
        os.close(self._descriptor)

    def _new_row(self, space: str) -> int:
        """The last row is shared by all that came too late, and belongs to no space."""
        row = 3 * min(len(self._rows), _ROWS - 1)
        self._rows[space] = row
        if len(self._rows) < _ROWS:
            self._numbers[row] = int(space, 16)
        return row


def is_alive(process: Path) -> bool:
    """Whether the process that has this file still runs."""
    try:
        descriptor = os.open(process, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def counted(directory: Path, totals: Path) -> Counter[tuple[str, bool]]:
    """What all processes have counted, by space and whether it was a hit."""
    counts = _read_totals(totals)
    for process in _named(directory):
        with contextlib.suppress(FileNotFoundError):
            counts += _read(process)
    return counts


def retire(directory: Path, totals: Path) -> None:
    """Add what the dead have counted to the totals, and remove their files.

    Two at once would add it twice; the caller sees to it that there is one.
    """
    dead = [each for each in _named(directory) if not is_alive(each)]
    if not dead:
        return
    counts = _read_totals(totals)
    for process in dead:
        counts += _read(process)
    rows = [[space, hit, count] for (space, hit), count in counts.items()]
    draft = totals.with_name(".totals")
    draft.write_bytes(msgspec.json.encode(rows))
    draft.rename(totals)
    for process in dead:
        process.unlink(missing_ok=True)


def _named(directory: Path) -> Iterator[Path]:
    """Files of processes that have become visible."""
    return (each for each in directory.iterdir() if not each.name.startswith("."))


def _read(process: Path) -> Counter[tuple[str, bool]]:
    counts: Counter[tuple[str, bool]] = Counter()
    for space, hits, misses in _rows_of(process.read_bytes()):
        counts[space, True] += hits
        counts[space, False] += misses
    return counts


def _rows_of(data: bytes) -> Iterator[tuple[str, int, int]]:
    whole = len(data) - len(data) % _ROW.size
    for number, hits, misses in _ROW.iter_unpack(data[:whole]):
        if number:
            yield f"{number:016x}", hits, misses


def _read_totals(totals: Path) -> Counter[tuple[str, bool]]:
    """Counters are lost without loss: a file that cannot be read counts nothing."""
    try:
        rows = msgspec.json.decode(totals.read_bytes(), type=list[tuple[str, bool, int]])
    except (FileNotFoundError, msgspec.DecodeError):
        return Counter()
    return Counter({(space, hit): count for space, hit, count in rows})
