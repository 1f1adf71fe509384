"""The port to the log: one total order of events, appended to in atomic items.

Types here are raw: `data` and `meta` are the exact JSON bytes that are stored, with protected
fields already sealed (see `application.codec`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

StreamName = tuple[str, str]
"""(tenant, `<category>/<id>`)."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event on its way into the log."""

    id: UUID
    type: str
    schema_version: int
    data: bytes
    actor: str
    correlation_id: UUID
    causation_id: UUID | None = None
    meta: bytes = b"{}"


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as it lies in the log."""

    position: int
    tenant: str
    stream: str
    version: int
    id: UUID
    type: str
    schema_version: int
    data: bytes
    recorded_at: datetime
    actor: str
    correlation_id: UUID
    causation_id: UUID | None
    meta: bytes


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """Events for one stream whose version must be `expected` (0: the stream must be new)."""

    tenant: str
    stream: str
    expected: int
    events: tuple[NewEvent, ...]


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """A stream that must still have this version although nothing is written to it."""

    tenant: str
    stream: str
    expected: int


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An idempotency key: `digest` over scope and key, `fingerprint` over the request, both HMACs.

    `response` is sealed so that only who knows the raw key can open it.
    """

    tenant: str
    digest: bytes
    fingerprint: bytes
    response: bytes


class EffectId(msgspec.Struct, frozen=True, kw_only=True):
    """A side effect, named by the reaction that asked for it and the event it follows from."""

    tenant: str
    reaction: str
    position: int


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to carry out one attempt (from 1) of an effect until `lease_until`."""

    effect: EffectId
    attempt: int
    lease_until: datetime


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended: done for good (`retry_at` is None), or to be tried again then."""

    effect: EffectId
    attempt: int
    retry_at: datetime | None


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """One atomic item: everything in it is recorded, or nothing.

    No two of its writes and guards name the same stream. An item may consist of a key alone (an
    answer without events), and an item with an empty `writes` burns no position.
    """

    writes: tuple[Write, ...] = ()
    guards: tuple[Guard, ...] = ()
    key: Key | None = None
    claim: Claim | None = None
    settlement: Settlement | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The item is in the log.

    Its events lie at `first` to `last`, in the order of its writes. For an item without events
    `first` is `last + 1` and `last` the log's tail.
    """

    incarnation: UUID
    first: int
    last: int
    recorded_at: datetime


class VersionMismatch(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was recorded: a stream has another version than was expected."""

    tenant: str
    stream: str
    expected: int
    actual: int


class KeyFound(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was recorded: the key is there already, with this request and this answer."""

    incarnation: UUID
    fingerprint: bytes
    response: bytes
    last: int


class EffectTaken(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was recorded: another process has claimed or settled this attempt."""

    effect: EffectId
    attempt: int


Outcome = Stored | VersionMismatch | KeyFound | EffectTaken


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the log: the last event's position and time (0 and the creation, if empty)."""

    incarnation: UUID
    position: int
    recorded_at: datetime


class Outage(Exception):  # noqa: N818 - the name of the kind
    """Something the platform stands on does not answer; the caller may try again.

    `outcome` is "failed" when surely nothing was recorded, "unknown" when it may have been (the
    same request sent again with its `Idempotency-Key` finds out), "recorded" when it was and only
    its effect could not be confirmed. `retry_after` is in seconds.
    """

    def __init__(self, detail: str, *, outcome: str = "failed", retry_after: float = 1.0) -> None:
        """Say what does not answer."""
        super().__init__(detail)
        self.detail = detail
        self.outcome = outcome
        self.retry_after = retry_after


class ForeignIncarnation(Exception):  # noqa: N818 - a fact about the log, not a fault
    """The log is not the one this process knew: it was restored or replaced.

    Whoever keeps anything derived from it drops that and starts again from `current`.
    """

    def __init__(self, current: UUID | None = None) -> None:
        """Name the incarnation that the log has now, where it is known."""
        super().__init__("the log has another incarnation")
        self.current = current


class EventStore(Protocol):
    """The log.

    Positions are dense from 1, and position order is commit order: a reader that has seen
    position n has seen everything up to n, for ever. A cancelled `append` may still be recorded.
    All methods raise `Outage` when the log does not answer and `ForeignIncarnation` when it was
    replaced since this store was opened.
    """

    async def append(self, item: Append) -> Outcome:
        """Record an item whole, or tell why not.

        The key is looked up before versions are compared. A write whose first event already lies
        at `expected + 1` under the same event id counts as stored: so an append whose answer was
        lost is settled by sending it again.

        Raises:
            Outage: with outcome "unknown" when the answer was lost and could not be settled.
        """
        ...

    async def read_log(self, *, after: int, limit: int) -> list[StoredEvent]:
        """Events behind a position, in order; fewer than `limit` only at the tail."""
        ...

    async def read_stream(
        self, stream: StreamName, *, after: int = 0, limit: int = 1000
    ) -> list[StoredEvent]:
        """Events of one stream behind a version, in order."""
        ...

    async def versions(self, streams: Sequence[StreamName]) -> list[int]:
        """The current version of each stream, 0 where it does not exist."""
        ...

    async def find_key(self, tenant: str, digest: bytes) -> KeyFound | None:
        """The answer kept under an idempotency key."""
        ...

    async def tail(self) -> Tail:
        """The end of the log now."""
        ...
