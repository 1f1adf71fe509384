"""The log that a restore would replace: what would go of it, and how it is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.codec import EventCodec
from application.event_store import EventStore
from application.history import History


class TypeCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many events of one type would go."""

    type: str
    count: int


class ThingCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many things of one kind (accounts, jobs, flags) the events that would go belong to."""

    kind: str
    count: int


class ActorCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the events that would go somebody has caused."""

    actor: str
    count: int


class Newest(msgspec.Struct, frozen=True, kw_only=True):
    """One of the newest events that would go."""

    position: int
    type: str
    stream: str
    actor: str
    recorded_at: datetime


class Discarded(msgspec.Struct, frozen=True, kw_only=True):
    """What would go: every event behind the restored end; the newest and most active of many."""

    events: int
    first: int | None
    last: int | None
    types: list[TypeCount]
    things: list[ThingCount]
    actors: list[ActorCount]
    newest: list[Newest]


class LogMoved(Exception):  # noqa: N818 - a fact about the log
    """The log does not end where it did."""


class Closing(Protocol):
    """Makes a store whose one append closes the log behind itself, for a restore."""

    def __call__(self, restore: str, *, tail: int | None) -> EventStore:
        """Its append raises `LogMoved` when the log does not end at `tail` (None: anywhere)."""
        ...


class Ground(Protocol):
    """The database that a restore would replace. Methods raise `Outage`."""

    async def missing_rights(self) -> Sequence[str]:
        """What keeps a restore from being made here, in sentences; nothing, when it may be."""
        ...

    async def lineage(self) -> Sequence[tuple[UUID, int]]:
        """Which logs the live one goes on from: (incarnation, up to which position)."""
        ...

    async def discarded(self, after: int) -> Discarded:
        """What lies behind a position."""
        ...


@dataclass(frozen=True, kw_only=True)
class LiveLog:
    """The log that a restore would replace: its events, and the database that it lies in."""

    store: EventStore
    history: History
    ground: Ground
    closing: Closing
    codec: EventCodec
