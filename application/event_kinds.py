"""What is known of one type of event: its tag, its marked fields, and how those are opened."""

from collections.abc import Callable, Mapping
from typing import Any, cast, get_args, get_type_hints
from uuid import UUID

import msgspec

from application.event_store import StoredEvent
from application.vault import DataKey, KeyOwner
from domain.decider import ERASED, SECRET, Event
from domain.recorded import SYSTEM_TENANT

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
"""One step from a schema version to the next, over the decoded JSON object."""


class EventKind:
    """What the codec knows about one event type."""

    def __init__(self, type_: type[Event], upcasts: Mapping[int, Upcast]) -> None:
        """`upcasts` has the step that leads on from each older schema version."""
        hints = get_type_hints(type_, include_extras=True)
        self.type = type_
        self.tag = str(type_.__struct_config__.tag)
        self.marks = {
            name: mark for name in type_.__struct_fields__ if (mark := _mark(hints[name]))
        }
        self.upcasts = upcasts
        self.decoder = msgspec.json.Decoder(type_)
        self._tag_length = len(msgspec.json.encode({"type": self.tag})) - 1

    def owner(
        self, mark: str, tenant: str, stream: str, event: Event | Mapping[str, Any]
    ) -> KeyOwner:
        """Under whose key a field with this mark is sealed."""
        if mark == SECRET:
            return KeyOwner(tenant, "tenant", tenant)
        name = self.type.PERSON
        if not name:
            return KeyOwner(SYSTEM_TENANT, "person", stream.partition("/")[2])
        person = getattr(event, name) if isinstance(event, Event) else event[name]
        return KeyOwner(SYSTEM_TENANT, "person", str(person))

    def without_tag(self, encoded: bytes) -> bytes:
        """Cut the leading `"type":"..."` member, which msgspec always writes first."""
        rest = encoded[self._tag_length :]
        return b"{" + rest[1:] if rest[:1] == b"," else b"{" + rest

    def opened(
        self,
        name: str,
        stored: StoredEvent,
        fields: Mapping[str, Any],
        keys: Mapping[KeyOwner, DataKey | None],
    ) -> Any:
        """The plain value of a sealed field; `ERASED` without its key; None where there is none."""
        sealed = fields.get(name)
        if sealed is None:
            return None
        key = keys.get(self.owner(self.marks[name], stored.tenant, stored.stream, fields))
        if key is None or not isinstance(sealed, str):
            return ERASED
        context = sealing_context(stored.tenant, stored.stream, stored.id, name)
        return msgspec.json.decode(key.open(sealed, context))


def _mark(hint: Any) -> str | None:
    """The mark in a type, wherever it stands (`Personal | None` too)."""
    for meta in getattr(hint, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.extra and "mark" in meta.extra:
            return str(meta.extra["mark"])
    return next((mark for part in get_args(hint) if (mark := _mark(part))), None)


def sealing_context(tenant: str, stream: str, event_id: UUID, field: str) -> bytes:
    """What a sealed field is bound to: it opens nowhere else."""
    return "\x1f".join((tenant, stream, str(event_id), field)).encode()


def fields_of(stored: StoredEvent) -> dict[str, Any]:
    """The stored data of an event, its marked fields still sealed."""
    return cast("dict[str, Any]", msgspec.json.decode(stored.data))
