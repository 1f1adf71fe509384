"""The log in memory: the contract of the one on Postgres, without its durability."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from adapters.clock import now
from application.boundary import check_append
from application.event_store import (
    Append,
    Claim,
    EffectTaken,
    Guard,
    Key,
    KeyFound,
    NewEvent,
    Outcome,
    Settlement,
    Stored,
    StoredEvent,
    StreamName,
    Tail,
    VersionMismatch,
    Write,
)

_Effect = tuple[str, int]


class MemoryEventStore:
    """`EventStore` in a list."""

    def __init__(self, *, clock: Callable[[], datetime] = now) -> None:
        """Start a new log; `clock` gives aware times."""
        self._clock = clock
        self.incarnation: UUID = uuid4()
        self._created_at = clock()
        self._events: list[StoredEvent] = []
        self._streams: dict[StreamName, list[StoredEvent]] = {}
        self._keys: dict[tuple[str, bytes], tuple[Key, int, datetime]] = {}
        self._claims: dict[_Effect, dict[int, Claim]] = {}
        self._settlements: dict[_Effect, dict[int, Settlement]] = {}
        self._appended = asyncio.Event()

    async def append(self, item: Append) -> Outcome:
        """See `EventStore.append`.

        Raises:
            Invalid: when the item could never be stored.
        """
        check_append(item)
        await asyncio.sleep(0)  # others get their turn, as they would with a server
        refused = self._refused(item)
        if refused is None:
            return self._record(item)
        return self._settled(item) or refused

    async def read_log(self, *, after: int, limit: int) -> list[StoredEvent]:
        """See `EventStore.read_log`."""
        return self._events[max(after, 0) : max(after, 0) + limit]

    async def read_stream(
        self, stream: StreamName, *, after: int = 0, limit: int = 1000
    ) -> list[StoredEvent]:
        """See `EventStore.read_stream`."""
        return self._streams.get(stream, [])[max(after, 0) : max(after, 0) + limit]

    async def versions(self, streams: Sequence[StreamName]) -> list[int]:
        """See `EventStore.versions`."""
        return [self._version(stream) for stream in streams]

    async def find_key(self, tenant: str, digest: bytes) -> KeyFound | None:
        """See `EventStore.find_key`."""
        found = self._keys.get((tenant, digest))
        return None if found is None else self._key_found(found[0], found[1])

    async def tail(self) -> Tail:
        """See `EventStore.tail`."""
        return Tail(
            incarnation=self.incarnation,
            position=len(self._events),
            recorded_at=self._events[-1].recorded_at if self._events else self._created_at,
        )

    async def wait(self, *, after: int) -> None:
        """Return once the log ends behind `after`; for tests that follow the tail."""
        while len(self._events) <= after:
            await self._appended.wait()

    def _refused(self, item: Append) -> Outcome | None:
        """Why an item cannot be recorded: its key first, then effects, then versions."""
        if item.key is not None:
            found = self._keys.get((item.key.tenant, item.key.digest))
            if found is not None:
                return self._key_found(found[0], found[1])
        for mark, taken in (
            (item.claim, self._is_claim_refused),
            (item.settlement, self._is_settlement_refused),
        ):
            if mark is not None and taken(item):
                return EffectTaken(effect=mark.effect, attempt=mark.attempt)
        heads: list[Write | Guard] = [*item.writes, *item.guards]
        for head in heads:
            actual = self._version((head.tenant, head.stream))
            if actual != head.expected:
                return VersionMismatch(
                    tenant=head.tenant, stream=head.stream, expected=head.expected, actual=actual
                )
        return None

    def _is_claim_refused(self, item: Append) -> bool:
        claim = item.claim
        assert claim is not None  # noqa: S101 - asked for claims only
        settlements = self._settlements.get(_name(claim), {})
        if any(each.retry_at is None for each in settlements.values()):
            return True
        now = self._clock()
        return any(
            other.attempt == claim.attempt
            or (other.lease_until > now and other.attempt not in settlements)
            for other in self._claims.get(_name(claim), {}).values()
        )

    def _is_settlement_refused(self, item: Append) -> bool:
        settlement, claim = item.settlement, item.claim
        assert settlement is not None  # noqa: S101 - asked for settlements only
        name, attempt = _name(settlement), settlement.attempt
        if attempt in self._settlements.get(name, {}):
            return True
        if any(other > attempt for other in self._claims.get(name, {})):
            return True
        if claim is not None and _name(claim) == name and claim.attempt == attempt:
            return False
        return attempt not in self._claims.get(name, {})

    def _settled(self, item: Append) -> Stored | None:
        """The outcome of an item that an earlier try has recorded."""
        for write in item.writes:
            stream = self._streams.get((write.tenant, write.stream), [])
            behind = stream[write.expected : write.expected + 1]
            if behind and behind[0].id == write.events[0].id:
                return self._stored_at(item, behind[0])
        if not item.writes and item.key is not None:
            key, last, created_at = self._keys.get(
                (item.key.tenant, item.key.digest), (None, 0, self._created_at)
            )
            if key is not None and key.response == item.key.response:
                return Stored(
                    incarnation=self.incarnation, first=last + 1, last=last, recorded_at=created_at
                )
        return None

    def _stored_at(self, item: Append, found: StoredEvent) -> Stored:
        before = 0
        for write in item.writes:
            if (write.tenant, write.stream) == (found.tenant, found.stream):
                break
            before += len(write.events)
        first = found.position - before
        count = sum(len(write.events) for write in item.writes)
        return Stored(
            incarnation=self.incarnation,
            first=first,
            last=first + count - 1,
            recorded_at=found.recorded_at,
        )

    def _record(self, item: Append) -> Stored:
        first = len(self._events) + 1
        at = self._clock()
        if self._events:
            at = max(at, self._events[-1].recorded_at)
        for write in item.writes:
            for version, event in enumerate(write.events, write.expected + 1):
                self._add(write, version, event, at)
        last = len(self._events)
        if item.key is not None:
            self._keys[item.key.tenant, item.key.digest] = (item.key, last, at)
        if item.claim is not None:
            self._claims.setdefault(_name(item.claim), {})[item.claim.attempt] = item.claim
        if item.settlement is not None:
            settlements = self._settlements.setdefault(_name(item.settlement), {})
            settlements[item.settlement.attempt] = item.settlement
        self._appended.set()
        self._appended = asyncio.Event()
        return Stored(incarnation=self.incarnation, first=first, last=last, recorded_at=at)

    def _add(self, write: Write, version: int, event: NewEvent, at: datetime) -> None:
        stored = StoredEvent(
            position=len(self._events) + 1,
            tenant=write.tenant,
            stream=write.stream,
            version=version,
            id=event.id,
            type=event.type,
            schema_version=event.schema_version,
            data=event.data,
            recorded_at=at,
            actor=event.actor,
            correlation_id=event.correlation_id,
            causation_id=event.causation_id,
            meta=event.meta,
        )
        self._events.append(stored)
        self._streams.setdefault((write.tenant, write.stream), []).append(stored)

    def _version(self, stream: StreamName) -> int:
        return len(self._streams.get(stream, ()))

    def _key_found(self, key: Key, last: int) -> KeyFound:
        return KeyFound(
            incarnation=self.incarnation,
            fingerprint=key.fingerprint,
            response=key.response,
            last=last,
        )


def _name(mark: Claim | Settlement) -> _Effect:
    return mark.effect.reaction, mark.effect.position
