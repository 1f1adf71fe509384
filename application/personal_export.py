"""What a person is given about themselves: whatever the log knows of them.

A thing whose events hold the person's data comes whole, with its history. Of everything else come
the events that name the person, as who did it or as whom it concerned; of the latter only where
they are named, since the rest is not about them. Both are found by looking for the person's ids in
the whole log, so that no capability can be forgotten, and are given as they are found, however many
there are. What is somebody else's, and what opens something (hashes, seeds, the text of letters),
stays hidden.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from application.codec import HIDDEN_MARK, EventCodec
from application.event_store import EventStore, Outage, StoredEvent, StreamName
from application.history import History, Selection
from application.personal_data import Person
from application.rate_counter import LimitPolicy, RateCounter
from domain.accounts import ACCOUNT
from domain.recorded import SYSTEM_TENANT
from domain.rejections import LimitExceeded

_PAGE = 500
_LIMIT = LimitPolicy(
    name="exports", tenant=SYSTEM_TENANT, algorithm="sliding_window", limit=10, window=3600.0
)


class TooManyExports(LimitExceeded):
    """Each goes through the whole log."""

    slug = "too-many-exports"
    title = "You have had ten exports within the hour"


@dataclass(frozen=True)
class ExportLimit:
    """Keeps people from reading the whole log over and over."""

    counter: RateCounter

    async def __call__(self, account: str) -> None:
        """Count an export; while the counters are away all are let through, as by every limit.

        Raises:
            TooManyExports: the account has had enough for now.
        """
        try:
            verdict = await self.counter.check(_LIMIT, account)
        except Outage:
            return
        if not verdict.allowed:
            raise TooManyExports(retry_after=verdict.retry_after)


class ExportedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is about the person, or that they have caused."""

    position: int
    tenant: str
    stream: str
    type: str
    data: dict[str, Any]
    recorded_at: Any
    actor: str


class ThingBegins(msgspec.Struct, frozen=True, kw_only=True):
    """What follows is the history of a thing of the person's."""

    tenant: str
    category: str
    id: str


class OthersBegin(msgspec.Struct, frozen=True):
    """What follows happened to other things."""


Part = ThingBegins | OthersBegin | ExportedEvent


@dataclass(frozen=True)
class PersonalExport:
    """Reads everything about a person."""

    store: EventStore
    codec: EventCodec
    history: History

    async def __call__(self, person: Person, *, upto: int) -> AsyncIterator[Part]:
        """Things by category and age, each followed by its events; then other things' events.

        What is recorded behind `upto` is left out.

        Raises:
            Outage: when the log does not answer.
        """
        own = await self._own(person, upto)
        for tenant, stream in sorted(own, key=lambda name: (name[1].partition("/")[0], own[name])):
            category, _, id_ = stream.partition("/")
            yield ThingBegins(tenant=tenant, category=category, id=id_)
            async for events in self._stream((tenant, stream), upto):
                for each in await self._shown(events, person):
                    yield each
        yield OthersBegin()
        async for events in self._naming(person, upto):
            others = [each for each in events if (each.tenant, each.stream) not in own]
            for each in await self._shown(others, person):
                yield each if each.actor == _actor(person) else _about(person, each)

    async def _own(self, person: Person, upto: int) -> dict[StreamName, int]:
        """The streams that hold the person's data, or bear their id, and where each came up."""
        own: dict[StreamName, int] = {}
        async for events in self._naming(person, upto):
            for event in events:
                if self._is_own(event, person):
                    own.setdefault((event.tenant, event.stream), event.position)
        return own

    def _is_own(self, event: StoredEvent, person: Person) -> bool:
        id_ = event.stream.partition("/")[2].partition(".")[0]
        return id_ in person.keys or self.codec.person_of(event) in person.keys

    async def _naming(self, person: Person, upto: int) -> AsyncIterator[list[StoredEvent]]:
        tenants = (SYSTEM_TENANT, *person.tenants)
        selection = Selection(tenants=tenants, naming=person.keys)
        after, is_end = 0, False
        while not is_end and after < upto:
            found = await self.history.find(selection, after=after, limit=_PAGE)
            yield [each for each in found.events if each.position <= upto]
            after, is_end = found.through, found.is_end

    async def _stream(self, stream: StreamName, upto: int) -> AsyncIterator[list[StoredEvent]]:
        after = 0
        while page := await self.store.read_stream(stream, after=after, limit=_PAGE):
            yield [each for each in page if each.position <= upto]
            after = page[-1].version

    async def _shown(self, events: Sequence[StoredEvent], person: Person) -> list[ExportedEvent]:
        shown = await self.codec.render(events, personal=True, persons=person.keys)
        return [
            ExportedEvent(
                position=event.position,
                tenant=event.tenant,
                stream=event.stream,
                type=event.type,
                data=data,
                recorded_at=event.recorded_at,
                actor=event.actor if event.actor == _actor(person) else _kind(event.actor),
            )
            for event, data in zip(events, shown, strict=True)
        ]


def _actor(person: Person) -> str:
    return ACCOUNT.stream(person.keys[0])


def _about(person: Person, event: ExportedEvent) -> ExportedEvent:
    """An event that others have caused, with what in it names the person."""
    named = {
        name: value
        if isinstance(value, str) and any(key in value for key in person.keys)
        else HIDDEN_MARK
        for name, value in event.data.items()
    }
    return msgspec.structs.replace(event, data=named)


def _kind(actor: str) -> str:
    """What kind of actor it was: who exactly, is that one's affair."""
    return actor.partition("/")[0]
