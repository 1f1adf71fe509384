"""What an appender knows about streams without asking, and for how long that is true."""

from collections.abc import Mapping, Sequence

from adapters.postgres.batch import Entry
from application.event_store import Outcome, Stored, StreamName

NOWHERE = -1
"""A tail that no log has: look everything up."""

_NOTHING: Mapping[StreamName, int] = {}


class Versions:
    """The versions of the streams written last, true while the log ends where we left it."""

    def __init__(self, capacity: int = 100_000) -> None:
        """Start without knowing where the log ends."""
        self._capacity = capacity
        self._tail = NOWHERE
        self._known: dict[StreamName, int] = {}

    def of(self) -> tuple[int, Mapping[StreamName, int]]:
        """Where the log must end for it to hold, and the versions."""
        return self._tail, self._known

    def forget(self) -> None:
        """Know nothing: somebody else may have written."""
        self._tail = NOWHERE
        self._known.clear()

    def learn(
        self, batch: Sequence[Entry], outcomes: Sequence[Outcome], before: int, after: int
    ) -> None:
        """Take in a batch that found the log ending at `before` and left it ending at `after`."""
        if before != self._tail:
            self._known.clear()
        self._tail = after
        known = self._known
        for entry, outcome in zip(batch, outcomes, strict=True):
            fresh = isinstance(outcome, Stored) and outcome.first > before
            for write in entry.item.writes:
                name = (write.tenant, write.stream)
                known.pop(name, None)  # what is written last is forgotten last
                if fresh:
                    known[name] = write.expected + len(write.events)
        while len(known) > self._capacity:
            del known[next(iter(known))]
