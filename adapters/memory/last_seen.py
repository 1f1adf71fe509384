"""When things were last seen, in memory: for tests."""

from collections.abc import Callable, Sequence
from datetime import datetime

from adapters.clock import now


class MemoryLastSeen:
    """`LastSeen` in one process."""

    def __init__(self, now: Callable[[], datetime] = now) -> None:
        """Start without having seen anything."""
        self._now = now
        self._seen: dict[tuple[str, str], datetime] = {}

    def saw(self, kind: str, id_: str) -> None:
        """See `LastSeen.saw`."""
        self._seen[kind, id_] = self._now()

    async def seen(self, kind: str, ids: Sequence[str]) -> dict[str, datetime]:
        """See `LastSeen.seen`."""
        return {id_: self._seen[kind, id_] for id_ in ids if (kind, id_) in self._seen}
