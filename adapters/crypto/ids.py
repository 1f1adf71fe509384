"""The ids of everything that is made."""

import os
import threading
import time
from uuid import UUID

_AT_ONCE = 256  # ids for which random bits are asked for together


class IdMaker:
    """Makes UUIDv7s that only ever rise within this process, from any thread.

    RFC 9562, 6.2, method 3: the 12 bits behind the milliseconds are a fraction of one (244 ns);
    two ids in one such step, or a clock that goes back, count on. The other 62 bits are random, and
    asked of the system for many ids at once; a forked process asks for its own.
    """

    def __init__(self) -> None:
        """Start at the clock's time."""
        self._last = 0
        self._random: list[int] = []
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._random.clear)

    def __call__(self) -> UUID:
        """A new id."""
        millis, nanos = divmod(time.time_ns(), 1_000_000)
        ticks = millis << 12 | (nanos << 12) // 1_000_000
        with self._lock:
            if ticks <= self._last:
                ticks = self._last + 1
            self._last = ticks
            if not self._random:
                self._random.extend(memoryview(os.urandom(8 * _AT_ONCE)).cast("Q"))
            low = self._random.pop() >> 2
        return UUID(int=ticks >> 12 << 80 | 7 << 76 | (ticks & 0xFFF) << 64 | 2 << 62 | low)


new_id = IdMaker()
"""The process's maker of ids."""
