"""Files to write entries in: made ahead, or left by entries that are gone.

To make a file costs more than to write it, and to remove one makes the next ones dearer: ext4 does
not give a number to another file for minutes, and looks at each that is held back whenever it
seeks a free one. So a file that an entry has left is written again, and what is missing is made
between the writes.

Each process has a directory of its own, in which nobody else writes; where files have become dear
to make, it goes on in a new one, elsewhere on the disk. What a process removes and does not need
lies in one that all take from. Both are bounded: files beyond that are removed. No name in them is
an entry's, so nothing there is read, or counted.
"""

import contextlib
import os
import stat
import threading
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from adapters.cache.places import Directory
from adapters.cache.processes import OwnProcess

OWN = 64
"""Files that wait to be written by one process, at most."""
LARGEST = 65_536
"""Bytes of a file that is kept."""
COMMON = 4096
"""Files that wait for whoever wants them, at most; a little more where several give at once."""
LARGEST_COMMON = 4096
_FIRST = 8
_DEAR = 100e-6
"""Seconds of the processor for a file; where no number is held back, it is a fifth of that."""
_GIFTS = 64
"""Files that are given to all before they are counted again."""
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_REWRITE = os.O_WRONLY | os.O_CLOEXEC


class Draft(NamedTuple):
    """A file to write in, open; what it had in it before is so many bytes."""

    path: str
    descriptor: int
    size: int


class Spares:
    """The spares of one process; every method may be called from any thread."""

    def __init__(self, directory: Directory, process: OwnProcess) -> None:
        """No file is made before it is wanted."""
        self._directory = directory
        self._process = process
        self._own = directory.drafts_of(process.draft())
        self._before: list[str] = []
        self._ready: deque[tuple[str, int]] = deque()
        self._lock = threading.Lock()
        self._filling = threading.Lock()
        self._wanted = 0
        self._taken = 0
        self._shards_made = False
        self._uncounted = 0
        self._may_give = False
        self._closed = False

    def close(self) -> None:
        """Leave nothing behind, and make nothing any more."""
        with self._lock:
            self._closed = True
        with self._filling, contextlib.suppress(OSError):
            while self._ready:
                remove(self._ready.pop()[0])
        self._leave(self._own, *self._before)

    @property
    def low(self) -> bool:
        """Whether it is time to fill up."""
        return len(self._ready) < self._wanted // 2

    def take(self) -> Draft:
        """A file that nobody knows, to be written now.

        Raises:
            OSError: none can be made.
        """
        self._taken += 1
        while self._ready:
            with contextlib.suppress(IndexError, OSError):  # somebody took it away
                path, size = self._ready.pop()
                return Draft(path, os.open(path, _REWRITE), size)
        self._wanted = min(max(2 * self._wanted, _FIRST), OWN)
        return Draft(*self._make(), 0)

    def keep(self, path: str, size: int) -> None:
        """A file of this process is not needed any more."""
        if size > LARGEST or not self._add(path, size):
            remove(path)

    def recycle(self, path: str) -> bool:
        """Take the file of an entry out of its place; whether it was there.

        Raises:
            OSError: it cannot be removed.
        """
        with contextlib.suppress(OSError):
            found = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - hot
            if not stat.S_ISREG(found.st_mode):
                pass
            elif found.st_size <= LARGEST and len(self._ready) < self._wanted:
                self._adopt(path)
                return True
            elif found.st_size <= LARGEST_COMMON and self._is_room():
                os.rename(path, self._directory.spare(self._process.draft()))  # noqa: PTH104 - hot
                return True
        return remove(path)  # also where our directory was missing

    def fill(self) -> None:
        """Take what others have left, and make what is missing; for times between writes.

        Raises:
            OSError: no file can be made.
        """
        with self._filling:
            if self._taken >= OWN and not (self._shards_made or self._closed):
                self._directory.make_shards()
                self._shards_made = True
            self._take_common()
            self._make_missing()

    def _make_missing(self) -> None:
        made, began = 0, time.thread_time()
        while len(self._ready) < self._wanted and not self._closed:
            path, descriptor = self._make()
            os.close(descriptor)
            made += 1
            if not self._add(path, 0):
                remove(path)
        if made >= _FIRST and time.thread_time() - began > made * _DEAR:
            self._go_elsewhere()

    def _go_elsewhere(self) -> None:
        """Make the next files in a new directory, which lies elsewhere."""
        self._before = [*self._leave(*self._before), self._own]
        self._own = self._directory.drafts_of(self._process.draft())

    @staticmethod
    def _leave(*directories: str) -> list[str]:
        """Remove directories; which of them are not empty yet."""
        left = []
        for each in directories:
            try:
                os.rmdir(each)  # noqa: PTH106 - a path is text here
            except FileNotFoundError:
                continue
            except OSError:
                left.append(each)
        return left

    def _take_common(self) -> None:
        with contextlib.suppress(FileNotFoundError), os.scandir(self._directory.spares) as found:
            for each in found:
                if len(self._ready) >= self._wanted or self._closed:
                    return
                with contextlib.suppress(OSError):  # another was faster
                    self._adopt(each.path)

    def _adopt(self, path: str) -> None:
        """Make a file ours; only then its size is certain."""
        mine = self._name()
        os.rename(path, mine)  # noqa: PTH104 - hot
        self.keep(mine, os.stat(mine).st_size)  # noqa: PTH116 - hot

    def _add(self, path: str, size: int) -> bool:
        with self._lock:
            if self._closed or len(self._ready) >= self._wanted:
                return False
            self._ready.append((path, size))
            return True

    def _is_room(self) -> bool:
        """Whether there is room for one more that all may take, as far as was counted."""
        with self._lock:
            if not self._uncounted:
                there = len(os.listdir(self._directory.spares))  # noqa: PTH208 - a number
                self._uncounted, self._may_give = _GIFTS, there < COMMON
            self._uncounted -= 1
            return self._may_give

    def _make(self) -> tuple[str, int]:
        path = self._name()
        try:
            return path, os.open(path, _MAKE, 0o600)
        except FileNotFoundError:  # the first of its directory
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            return path, os.open(path, _MAKE, 0o600)

    def _name(self) -> str:
        return f"{self._own}/{self._process.draft()}"


def remove(path: str) -> bool:
    """Remove a file; whether it was there.

    Raises:
        OSError: it cannot be removed.
    """
    try:
        os.unlink(path)  # noqa: PTH108 - hot
    except FileNotFoundError:
        return False
    return True
