"""Counters of refused webhooks kept in memory, for tests."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from application.webhooks.ports import Tally


class MemoryRefusalCounter:
    """`RefusalCounter` in one process."""

    def __init__(self, *, minute: Callable[[], int] = lambda: int(time.time() // 60)) -> None:
        """`minute` counts since 1970."""
        self._minute = minute
        self._counts: dict[str, tuple[int, int]] = {}

    async def count(self, hook: str) -> Tally | None:
        """See `RefusalCounter.count`."""
        now = self._minute()
        minute, count = self._counts.get(hook, (0, 0))
        if minute == now:
            self._counts[hook] = (now, count + 1)
            return None
        self._counts[hook] = (now, 1)
        return Tally(
            minute=_moment(now),
            earlier_minute=_moment(minute) if count else None,
            earlier_count=count,
        )


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
