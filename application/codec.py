"""Between events as values and events as the exact bytes that the log keeps.

The tag of an event is the envelope's `type`, so the stored JSON does not repeat it. Fields that
are marked `Personal`, `Private` or `Secret` are sealed on the way in and opened on the way out;
everybody behind this module sees plain values, `Erased` where a person's key was destroyed.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, cast, get_args, get_type_hints
from uuid import UUID

import msgspec

from application.event_store import NewEvent, StoredEvent
from application.vault import DataKey, KeyOwner, Vault
from domain.decider import ERASED, PERSONAL, SECRET, Decider, Event
from domain.recorded import SYSTEM_TENANT, Recorded

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
"""One step from a schema version to the next, over the decoded JSON object."""

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


class _Kind:
    """What the codec knows about one event type."""

    def __init__(self, type_: type[Event], upcasts: Mapping[int, Upcast]) -> None:
        hints = get_type_hints(type_, include_extras=True)
        self.type = type_
        self.tag = str(type_.__struct_config__.tag)
        self.marks = {
            name: mark for name in type_.__struct_fields__ if (mark := _mark(hints[name]))
        }
        self.upcasts = upcasts
        self.decoder = msgspec.json.Decoder(type_)
        self._tag_length = len(msgspec.json.encode({"type": self.tag})) - 1

    def owner(self, mark: str, tenant: str, stream: str, event: Event | dict[str, Any]) -> KeyOwner:
        if mark == SECRET:
            return KeyOwner(tenant, "tenant", tenant)
        name = self.type.PERSON
        if not name:
            return KeyOwner(SYSTEM_TENANT, "person", stream.partition("/")[2])
        person = event[name] if isinstance(event, dict) else getattr(event, name)
        return KeyOwner(SYSTEM_TENANT, "person", str(person))

    def without_tag(self, encoded: bytes) -> bytes:
        """Cut the leading `"type":"..."` member, which msgspec always writes first."""
        rest = encoded[self._tag_length :]
        return b"{" + rest[1:] if rest[:1] == b"," else b"{" + rest


def _mark(hint: Any) -> str | None:
    """The mark in a type, wherever it stands (`Personal | None` too)."""
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.extra and "mark" in meta.extra:
            return str(meta.extra["mark"])
    return next((mark for part in get_args(hint) if (mark := _mark(part))), None)


def _context(tenant: str, stream: str, event_id: UUID, field: str) -> bytes:
    return "\x1f".join((tenant, stream, str(event_id), field)).encode()


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
        self._by_tag: dict[str, _Kind] = {}
        self._by_type: dict[type[Event], _Kind] = {}
        for decider in deciders:
            for type_ in decider.event_types():
                self._register(type_, upcasts or {})

    def _register(self, type_: type[Event], upcasts: Mapping[tuple[str, int], Upcast]) -> None:
        tag = str(type_.__struct_config__.tag)
        kind = _Kind(
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
        self, kind: _Kind, event: Event, id_: UUID, tenant: str, stream: str
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
                    msgspec.json.encode(fields[name]), _context(tenant, stream, id_, name)
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
        fields = [_fields(s) if k.marks else {} for k, s in zip(kinds, stored, strict=True)]
        together = list(zip(kinds, stored, fields, strict=True))
        marked = [each for each in together if each[0].marks]
        keys = await self._keys_for(marked) if marked else {}
        return [self._recorded(k, s, f, keys) for k, s, f in together]

    def person_of(self, stored: StoredEvent) -> str | None:
        """Whose personal data an event holds; None where it holds nobody's."""
        kind = self._by_tag.get(stored.type)
        if kind is None or not set(kind.marks.values()) - {SECRET}:
            return None
        return kind.owner(PERSONAL, stored.tenant, stored.stream, _fields(stored)).id

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
            (kind, each, _fields(each)) for kind, each in known if kind is not None and kind.marks
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

    def _kind(self, stored: StoredEvent) -> _Kind:
        kind = self._by_tag.get(stored.type)
        if kind is None or stored.schema_version > kind.type.SCHEMA:
            raise UnknownEvent(stored)
        return kind

    async def _keys_for(
        self, marked: Iterable[tuple[_Kind, StoredEvent, dict[str, Any]]]
    ) -> Mapping[KeyOwner, DataKey | None]:
        owners = {
            kind.owner(mark, each.tenant, each.stream, fields)
            for kind, each, fields in marked
            for mark in kind.marks.values()
        }
        return await self._vault.keys(owners, create=False)

    def _recorded(
        self,
        kind: _Kind,
        stored: StoredEvent,
        fields: dict[str, Any],
        keys: Mapping[KeyOwner, DataKey | None],
    ) -> Recorded[Any]:
        if not kind.marks and stored.schema_version == kind.type.SCHEMA:
            event = kind.decoder.decode(stored.data)
        else:
            event = self._opened(kind, stored, fields or _fields(stored), keys)
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
        kind: _Kind,
        stored: StoredEvent,
        fields: dict[str, Any],
        keys: Mapping[KeyOwner, DataKey | None],
    ) -> Event:
        erased = []
        for name, mark in kind.marks.items():
            plain = _open(
                fields, name, kind.owner(mark, stored.tenant, stored.stream, fields), keys, stored
            )
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
        kind: _Kind,
        stored: StoredEvent,
        keys: Mapping[KeyOwner, DataKey | None],
        *,
        personal: bool,
    ) -> dict[str, Any]:
        fields = _fields(stored)
        for name, mark in kind.marks.items():
            if mark != PERSONAL or not personal:
                if fields.get(name) is not None:
                    fields[name] = HIDDEN_MARK
                continue
            owner = kind.owner(mark, stored.tenant, stored.stream, fields)
            plain = _open(fields, name, owner, keys, stored)
            if plain is not None:
                fields[name] = ERASED_MARK if plain is ERASED else plain
        return fields


def _fields(stored: StoredEvent) -> dict[str, Any]:
    return cast("dict[str, Any]", msgspec.json.decode(stored.data))


def _open(
    fields: Mapping[str, Any],
    name: str,
    owner: KeyOwner,
    keys: Mapping[KeyOwner, DataKey | None],
    stored: StoredEvent,
) -> Any:
    """The plain value of a sealed field; `ERASED` without its key; None where there is none."""
    sealed = fields.get(name)
    if sealed is None:
        return None
    key = keys.get(owner)
    if key is None or not isinstance(sealed, str):
        return ERASED
    context = _context(stored.tenant, stored.stream, stored.id, name)
    return msgspec.json.decode(key.open(sealed, context))
