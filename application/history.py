"""Looking back: events by what they are, and the place in the log that belongs to a moment."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.event_store import StoredEvent


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: of these tenants, and of the type, stream and correlation that are named.

    `naming`: those alone in whose actor, stream or data one of these ids stands.
    """

    tenants: Sequence[str]
    type: str | None = None
    stream: str | None = None
    correlation: UUID | None = None
    naming: Sequence[str] = ()

    def takes(self, event: StoredEvent) -> bool:
        """Whether an event belongs to the selection."""
        return (
            event.tenant in self.tenants
            and self.type in {None, event.type}
            and self.stream in {None, event.stream}
            and self.correlation in {None, event.correlation_id}
            and (not self.naming or any(_names(event, id_) for id_ in self.naming))
        )


def _names(event: StoredEvent, id_: str) -> bool:
    return id_ in event.actor or id_ in event.stream or id_.encode() in event.data


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Events in order; up to position `through` there are no others of the selection."""

    events: list[StoredEvent]
    through: int
    is_end: bool


class History(Protocol):
    """The log, searched. Methods raise `Outage` when it does not answer."""

    async def find(self, selection: Selection, *, after: int, limit: int) -> Found:
        """The first events of a selection behind a position.

        Fewer than `limit` come at the end of the log, or (`is_end` False) when a long stretch
        without any was gone through: then there may be more behind `through`.
        """
        ...

    async def position_at(self, moment: datetime) -> int:
        """The last position that was recorded at or before a moment, 0 before the first."""
        ...
