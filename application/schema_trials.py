"""What a draft of a schema would refuse of what commands have brought before.

The inputs lie in the log: those of jobs, and the messages that webhooks received. A trial goes
through them from one place in the log to another, a bounded stretch at a time, so that it can be
resumed and its answers kept.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

import msgspec

from application.codec import EventCodec
from application.event_store import EventStore, StoredEvent
from application.history import History, Selection
from application.schemas import LARGEST_VALUE, SchemaValidator, ValueFault
from application.webhooks.payloads import Unreadable, bytes_of, payload_of
from domain.decider import ERASED
from domain.jobs import JobQueued
from domain.recorded import Recorded
from domain.webhooks.receipts import WebhookContinued, WebhookReceived

MOST_LOOKED_AT = 1000
"""Inputs that one stretch looks at."""

_PAGE = 250
_TURN = 0.005  # seconds that a trial may keep the event loop


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """The actions and webhook sources whose inputs are held against the draft."""

    actions: Collection[str]
    sources: Collection[str]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An input that the draft refuses: of a job or a receipt, `name` its action or source."""

    kind: str
    name: str
    id: str
    position: int
    recorded_at: datetime
    errors: list[ValueFault]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch: how many inputs were looked at up to `through`, and which are refused.

    `unreadable` were erased with their person, or may not be seen by who asks.
    """

    looked_at: int
    unreadable: int
    refused: list[Refused]
    through: int


class _Tag(msgspec.Struct):
    """Whose input an event holds; read without opening what is sealed."""

    action: str = ""
    source: str = ""


_tag = msgspec.json.Decoder(_Tag).decode


@dataclass(frozen=True)
class SchemaTrials:
    """Runs drafts over the stored inputs of a tenant."""

    history: History
    store: EventStore
    codec: EventCodec
    validator: SchemaValidator

    async def run(
        self,
        document: str,
        named: Named,
        *,
        tenant: str,
        after: int,
        until: int,
        limit: int,
        personal: bool,
    ) -> Trial:
        """Look from behind `after` up to `until`, until `limit` are refused or it is enough.

        Raises:
            Outage: the log does not answer.
        """
        looked_at = unreadable = 0
        refused: list[Refused] = []
        turn = perf_counter()
        while after < until and looked_at < MOST_LOOKED_AT and len(refused) < limit:
            found, through = await self._inputs(tenant, named, after, until)
            for recorded in await self.codec.decode(found) if personal else ():
                faults = await self._faults(document, recorded)
                looked_at += 1
                after = recorded.position
                if faults is None:
                    unreadable += 1
                elif faults:
                    refused.append(_refused(recorded, faults))
                    if len(refused) == limit:
                        break
                if perf_counter() - turn > _TURN:
                    await asyncio.sleep(0)
                    turn = perf_counter()
            else:
                after = through
            if not personal:
                looked_at += len(found)
                unreadable += len(found)
        return Trial(looked_at=looked_at, unreadable=unreadable, refused=refused, through=after)

    async def _inputs(
        self, tenant: str, named: Named, after: int, until: int
    ) -> tuple[list[StoredEvent], int]:
        """The inputs of a stretch in order, and where that ends."""
        found: list[StoredEvent] = []
        through = until
        for type_, names in ((JobQueued, named.actions), (WebhookReceived, named.sources)):
            if not names:
                continue
            which = Selection(tenants=[tenant], type=self.codec.tag(type_))
            page = await self.history.find(which, after=after, limit=_PAGE)
            found += [each for each in page.events if _belongs(each, names)]
            through = min(through, page.through)
        found = [each for each in found if each.position <= through]
        return sorted(found, key=lambda each: each.position), through

    async def _faults(self, document: str, recorded: Recorded[Any]) -> list[ValueFault] | None:
        """What the draft finds wrong with an input, None where that is not there to be read."""
        event = recorded.event
        if isinstance(event, JobQueued):
            return None if event.input is ERASED else self.validator.faults(document, event.input)
        body = await self._body(recorded)
        if body is None:
            return None
        try:
            value = payload_of(event.headers, body)
        except Unreadable as fault:
            return [ValueFault(pointer="", code=fault.reason, detail="cannot be read")]
        return self.validator.faults(document, value, size=len(body))

    async def _body(self, recorded: Recorded[WebhookReceived]) -> bytes | None:
        event = recorded.event
        if ERASED in (event.body, event.headers):
            return None
        parts = [event.body]
        if event.parts > 1:
            stream = (recorded.tenant, recorded.stream)
            rest = await self.store.read_stream(
                stream, after=recorded.version, limit=event.parts - 1
            )
            parts += [each.event.body for each in _continued(await self.codec.decode(rest))]
        if ERASED in parts or len(parts) < event.parts:
            return None
        body = bytes_of(event.encoding, [str(part) for part in parts])
        return body if len(body) <= LARGEST_VALUE else None


def _continued(events: Iterable[Recorded[Any]]) -> list[Recorded[WebhookContinued]]:
    return [each for each in events if isinstance(each.event, WebhookContinued)]


def _belongs(stored: StoredEvent, names: Collection[str]) -> bool:
    tag = _tag(stored.data)
    return (tag.action or tag.source) in names


def _refused(recorded: Recorded[Any], faults: Sequence[ValueFault]) -> Refused:
    event = recorded.event
    is_job = isinstance(event, JobQueued)
    return Refused(
        kind="job" if is_job else "receipt",
        name=event.action if is_job else event.source,
        id=recorded.stream_id,
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        errors=list(faults),
    )
