"""Between events as values and events as the exact bytes that the log keeps.

The tag of an event is the envelope's `type`, so the stored JSON does not repeat it. Fields that
are marked `Personal`, `Private` or `Secret` are sealed on the way in and opened on the way out;
everybody behind this module sees plain values, `Erased` where a person's key was destroyed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from application.event_kinds import EventKind, Upcast, fields_of, sealing_context
from application.event_store import NewEvent, StoredEvent
from application.vault import DataKey, KeyOwner, Vault
from domain.decider import ERASED, PERSONAL, SECRET, Decider, Event
from domain.recorded import Recorded

ERASED_MARK = {"erased": True}
HIDDEN_MARK = {"hidden": True}


class UnknownEvent(Exception):  # noqa: N818 - a fact about the log
    """An event is newer than this code: a reader stops before it, and never skips it."""

    def __init__(self, stored: StoredEvent) -> None:
        """Say which event it was."""
        super().__init__(
            f"event {stored.position} is {stored.type} v{stored.schema_version}, "
            "which this version of the program does not know"
        )
        self.position = stored.position


class EventCodec:
    """Encodes and decodes every event type of the given deciders."""

    def __init__(
        self,
        deciders: Iterable[Decider[Any, Any, Any]],
        vault: Vault,
        upcasts: Mapping[tuple[str, int], Upcast] | None = None,
    ) -> None:
        """`upcasts` maps (type, schema version) to the step that leads to the next version."""
        self._vault = vault
        self._by_tag: dict[str, EventKind] = {}
        self._by_type: dict[type[Event], EventKind] = {}
        for decider in deciders:
            for type_ in decider.event_types():
                self._register(type_, upcasts or {})

    def _register(self, type_: type[Event], upcasts: Mapping[tuple[str, int], Upcast]) -> None:
        tag = str(type_.__struct_config__.tag)
        kind = EventKind(
            type_, {version: step for (name, version), step in upcasts.items() if name == tag}
        )
        if tag in self._by_tag:
            raise ValueError(f"two event types are tagged {tag}")
        missing = [v for v in range(1, type_.SCHEMA) if v not in kind.upcasts]
        if missing:
            raise ValueError(f"{tag} is at schema {type_.SCHEMA}, without upcasts from {missing}")
        self._by_tag[tag] = kind
        self._by_type[type_] = kind

    def tag(self, type_: type[Event]) -> str:
        """The wire name of an event type."""
        return self._by_type[type_].tag

    def knows(self, stored: StoredEvent) -> bool:
        """Whether this code is new enough for an event; a reader stops before one that it is not.

        Costs no decoding, so that events which nobody here wants can be passed safely.
        """
        kind = self._by_tag.get(stored.type)
        return kind is not None and stored.schema_version <= kind.type.SCHEMA

    async def encode(
        self,
        event: Event,
        *,
        id_: UUID,
        tenant: str,
        stream: str,
        actor: str,
        correlation_id: UUID,
        causation_id: UUID | None,
        meta: bytes = b"{}",
    ) -> NewEvent:
        """The stored form of an event, its marked fields sealed."""
        kind = self._by_type[type(event)]
        if kind.marks:
            data = await self._sealed(kind, event, id_, tenant, stream)
        else:
            data = kind.without_tag(msgspec.json.encode(event))
        return NewEvent(
            id=id_,
            type=kind.tag,
            schema_version=kind.type.SCHEMA,
            data=data,
            actor=actor,
            correlation_id=correlation_id,
            causation_id=causation_id,
            meta=meta,
        )

    async def _sealed(
        self, kind: EventKind, event: Event, id_: UUID, tenant: str, stream: str
    ) -> bytes:
        fields: dict[str, Any] = msgspec.to_builtins(event)
        del fields["type"]
        owners = {
            name: kind.owner(mark, tenant, stream, event) for name, mark in kind.marks.items()
        }
        keys = await self._vault.keys(set(owners.values()), create=True)
        for name, owner in owners.items():
            if fields.get(name) is None:
                continue
            key = keys[owner]
            fields[name] = (
                ERASED_MARK
                if key is None
                else key.seal(
                    msgspec.json.encode(fields[name]), sealing_context(tenant, stream, id_, name)
                )
            )
        return msgspec.json.encode(fields)

    async def decode(self, stored: Sequence[StoredEvent]) -> list[Recorded[Any]]:
        """The events as values, in order.

        Raises:
            UnknownEvent: at the first event that is newer than this code.
            Outage: when a key that is needed cannot be fetched.
        """
        kinds = [self._kind(each) for each in stored]
        fields = [fields_of(s) if k.marks else {} for k, s in zip(kinds, stored, strict=True)]
        together = list(zip(kinds, stored, fields, strict=True))
        marked = [each for each in together if each[0].marks]
        keys = await self._keys_for(marked) if marked else {}
        return [self._recorded(k, s, f, keys) for k, s, f in together]

    def person_of(self, stored: StoredEvent) -> str | None:
        """Whose personal data an event holds; None where it holds nobody's."""
        kind = self._by_tag.get(stored.type)
        if kind is None or not set(kind.marks.values()) - {SECRET}:
            return None
        return kind.owner(PERSONAL, stored.tenant, stored.stream, fields_of(stored)).id

    async def render(
        self,
        stored: Sequence[StoredEvent],
        *,
        personal: bool,
        persons: Collection[str] | None = None,
    ) -> list[dict[str, Any]]:
        """The data of events for a read surface.

        Secrets are never shown; personal fields only with `personal`, and where `persons` are named
        only theirs. Events of unknown type are shown without their data.
        """
        known = [(self._by_tag.get(each.type), each) for each in stored]
        marked = [
            (kind, each, fields_of(each)) for kind, each in known if kind is not None and kind.marks
        ]
        keys = await self._keys_for(marked) if marked and personal else {}
        return [
            HIDDEN_MARK
            if kind is None
            else self._rendered(kind, each, keys, personal=personal and self._is_of(each, persons))
            for kind, each in known
        ]

    def _is_of(self, stored: StoredEvent, persons: Collection[str] | None) -> bool:
        return persons is None or self.person_of(stored) in persons

    def _kind(self, stored: StoredEvent) -> EventKind:
        kind = self._by_tag.get(stored.type)
        if kind is None or stored.schema_version > kind.type.SCHEMA:
            raise UnknownEvent(stored)
        return kind

    async def _keys_for(
        self, marked: Iterable[tuple[EventKind, StoredEvent, dict[str, Any]]]
    ) -> Mapping[KeyOwner, DataKey | None]:
        owners = {
            kind.owner(mark, each.tenant, each.stream, fields)
            for kind, each, fields in marked
            for mark in kind.marks.values()
        }
        return await self._vault.keys(owners, create=False)

    def _recorded(
        self,
        kind: EventKind,
        stored: StoredEvent,
        fields: dict[str, Any],
        keys: Mapping[KeyOwner, DataKey | None],
    ) -> Recorded[Any]:
        if not kind.marks and stored.schema_version == kind.type.SCHEMA:
            event = kind.decoder.decode(stored.data)
        else:
            event = self._opened(kind, stored, fields or fields_of(stored), keys)
        return Recorded(
            position=stored.position,
            tenant=stored.tenant,
            stream=stored.stream,
            version=stored.version,
            id=stored.id,
            type=stored.type,
            event=event,
            recorded_at=stored.recorded_at,
            actor=stored.actor,
            correlation_id=stored.correlation_id,
            causation_id=stored.causation_id,
            meta=msgspec.json.decode(stored.meta) if stored.meta != b"{}" else {},
        )

    def _opened(
        self,
        kind: EventKind,
        stored: StoredEvent,
        fields: dict[str, Any],
        keys: Mapping[KeyOwner, DataKey | None],
    ) -> Event:
        erased = []
        for name in kind.marks:
            plain = kind.opened(name, stored, fields, keys)
            if plain is ERASED:
                erased.append(name)
            elif plain is not None:
                fields[name] = plain
        for version in range(stored.schema_version, kind.type.SCHEMA):
            fields = kind.upcasts[version](fields)
        for name in erased:
            fields[name] = {}
        event = msgspec.convert(fields, kind.type)
        return msgspec.structs.replace(event, **dict.fromkeys(erased, ERASED)) if erased else event

    def _rendered(
        self,
        kind: EventKind,
        stored: StoredEvent,
        keys: Mapping[KeyOwner, DataKey | None],
        *,
        personal: bool,
    ) -> dict[str, Any]:
        fields = fields_of(stored)
        for name, mark in kind.marks.items():
            if mark != PERSONAL or not personal:
                if fields.get(name) is not None:
                    fields[name] = HIDDEN_MARK
                continue
            plain = kind.opened(name, stored, fields, keys)
            if plain is not None:
                fields[name] = ERASED_MARK if plain is ERASED else plain
        return fields
