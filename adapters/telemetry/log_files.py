"""A process's lines in a file of its own, which turns at a size, so that they can be read back.

Each process writes its own file and nothing is shared among them: no other process can hold it up,
and what one that was killed has left half-written is its own. The name is the process's and the
first number that no living process has (`api-1.jsonl`), known by a lock that dies with its holder;
so the files stay few, and a process that is started anew goes on where its predecessor ended.

Lines are written at once, so that the last ones of a process that dies are there. A disk that is
full or a directory that cannot be written to costs lines, never the process: it is tried again
every second, and the first line that fits tells how many are missing.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from threading import RLock
from time import monotonic

import msgspec

ENDING = ".jsonl"
MOST_PROCESSES = 256
PAUSE = 1.0
"""Seconds between two attempts on a file that cannot be written, and between looks for it."""

_NEW_LINE = b"\n"


class LineFile:
    """One process's file; `write` may be called from any thread and never raises."""

    def __init__(self, directory: Path, process: str, *, size: int, count: int) -> None:
        """At most `count` files of `size` bytes each, the current one among them.

        Nothing is opened before the first line. The directory is made, its parent is not.
        """
        self._directory = directory
        self._process = process
        self._most = size
        self._count = count
        self._mutex = RLock()
        self._path = Path()
        self._lock: int | None = None
        self._file: int | None = None
        self._size = 0
        self._torn = False
        self._lost = 0
        self._look_at = 0.0

    def write(self, lines: bytes) -> bool:
        """Write whole lines; False when they are lost."""
        with self._mutex:
            try:
                self._make_ready()
                if self._file is None:
                    self._lost += lines.count(_NEW_LINE)
                    return False
                if self._lost:
                    self._put(self._apology())
                    self._lost = 0
                if self._size and self._size + len(lines) > self._most:
                    self._turn()
                self._put(lines)
            except OSError:
                self._give_up(lines)
                return False
            return True

    def close(self) -> None:
        """Let the file and its name go."""
        with self._mutex:
            self._close_file()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _make_ready(self) -> None:
        """Open the file; once a second also see whether somebody has taken it away.

        Raises:
            OSError: when it cannot be opened.
        """
        now = monotonic()
        if now < self._look_at:
            return
        self._look_at = now + PAUSE
        if self._file is not None and not self._is_ours(self._file):
            self.close()
        if self._file is None:
            self._open()

    def _is_ours(self, file: int) -> bool:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(file)
        return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)

    def _open(self) -> None:
        if self._lock is None:
            self._claim()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        self._file = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._file).st_size
        self._torn = bool(self._size) and os.pread(self._file, 1, self._size - 1) != _NEW_LINE

    def _claim(self) -> None:
        """Take the first name that no living process has."""
        with contextlib.suppress(FileExistsError):
            self._directory.mkdir(mode=0o700)
        for number in range(1, MOST_PROCESSES + 1):
            name = f"{self._process}-{number}"
            lock = os.open(self._directory / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            except OSError:
                os.close(lock)
                raise
            else:
                self._lock = lock
                self._path = self._directory / f"{name}{ENDING}"
                return
        raise BlockingIOError(f"{MOST_PROCESSES} processes log as {self._process}")

    def _turn(self) -> None:
        """Put the full file behind the others, remove the oldest, begin a new one."""
        self._close_file()
        older = list(self._older())
        for path in older[max(self._count - 2, 0) :]:
            path.unlink(missing_ok=True)
        kept = [self._path, *older[: self._count - 1]]
        for newer, path in reversed(list(pairwise(kept))):
            with contextlib.suppress(FileNotFoundError):
                newer.rename(path)
        if self._count == 1:
            self._path.unlink(missing_ok=True)
        self._open()

    def _older(self) -> Iterator[Path]:
        """The places of older files, newest first: those we keep, and what a higher count left."""
        number = 1
        while True:
            path = self._path.with_name(f"{self._path.name}.{number}")
            if number >= self._count and not path.exists():
                return
            yield path
            number += 1

    def _put(self, lines: bytes) -> None:
        if self._file is None:
            raise FileNotFoundError(self._path)
        data = _NEW_LINE + lines if self._torn else lines
        written = os.write(self._file, data)
        self._size += written
        if written < len(data):  # a full disk, or a file that may not grow
            self._torn = True
            raise OSError(f"{written} of {len(data)} bytes were written")
        self._torn = False

    def _give_up(self, lines: bytes) -> None:
        """Count what is lost, and try with a fresh start later."""
        self._lost += lines.count(_NEW_LINE)
        self._close_file()
        self._look_at = monotonic() + PAUSE

    def _close_file(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None

    def _apology(self) -> bytes:
        line = {
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": "warning",
            "event": "log_lines_dropped",
            "process": self._process,
            "count": self._lost,
        }
        return msgspec.json.encode(line) + _NEW_LINE
