"""Recorded contexts in memory, for tests."""

from collections.abc import Sequence

from application.event_store import Outage
from application.flags.recorded_contexts import KEPT, KEPT_FOR, Place, Sampled


class MemoryContextStore:
    """`ContextStore` in one process."""

    def __init__(self) -> None:
        """Nothing is kept; `down` makes it an outage."""
        self.down = False
        self._kept: dict[Place, dict[str, Sampled]] = {}
        self._erased: dict[Place, float] = {}

    async def add(self, place: Place, sampled: Sequence[Sampled], now: float) -> float:
        """See `ContextStore`."""
        self._check()
        erased, kept = self._erased.get(place, 0.0), self._kept.setdefault(place, {})
        kept |= {each.subject: each for each in sampled if each.at > erased}
        latest = sorted(kept.values(), key=lambda each: (-each.at, each.subject))[:KEPT]
        oldest = now - KEPT_FOR
        self._kept[place] = {each.subject: each for each in latest if each.at > oldest}
        return erased

    async def read(self, place: Place, now: float) -> list[bytes]:
        """See `ContextStore`."""
        self._check()
        kept = sorted(self._kept.get(place, {}).values(), key=lambda each: -each.at)
        return [each.context for each in kept if each.at > now - KEPT_FOR]

    async def erase(self, place: Place, now: float) -> None:
        """See `ContextStore`."""
        self._check()
        self._kept.pop(place, None)
        self._erased[place] = now

    def _check(self) -> None:
        if self.down:
            raise Outage("the store is down")
