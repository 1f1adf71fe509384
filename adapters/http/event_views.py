"""Events as the API shows them: never a secret, personal fields only to who may see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from adapters.http.log_views import event_links
from application.codec import EventCodec
from application.event_store import StoredEvent
from application.positions import Position


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event; `meta` has its id, actor, correlation and cause beside what was recorded there.

    `links` lead to what belongs to it: `logs` to the lines that were written for its request.
    """

    position: int
    token: str
    tenant: str
    stream: str
    version: int
    type: str
    schema_version: int
    data: dict[str, Any]
    meta: dict[str, Any]
    recorded_at: datetime
    links: dict[str, str]


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events; `next` goes on behind it, also at the end of the log, so poll with it."""

    items: list[EventView]
    next: str


class Rendering(Protocol):
    """What has a codec to render events with."""

    @property
    def codec(self) -> EventCodec:
        """The codec."""
        ...


NONE: frozenset[str] = frozenset()
"""What an operator at the machine needs to see events: nothing more."""


async def view_events(
    platform: Rendering,
    events: Sequence[StoredEvent],
    incarnation: UUID,
    *,
    permissions: frozenset[str],
    personal: bool = False,
    linked: bool = False,
) -> list[EventView]:
    """Events as these permissions show them; `personal` shows more than they alone would.

    `linked`: for somebody who may read the platform's log lines.
    """
    may_see = personal or "personal:read" in permissions
    shown = await platform.codec.render(events, personal=may_see)
    return [
        EventView(
            position=event.position,
            token=Position(incarnation, event.position).token,
            tenant=event.tenant,
            stream=event.stream,
            version=event.version,
            type=event.type,
            schema_version=event.schema_version,
            data=data,
            meta=_meta(event),
            recorded_at=event.recorded_at,
            links=event_links(event.correlation_id) if linked else {},
        )
        for event, data in zip(events, shown, strict=True)
    ]


def _meta(event: StoredEvent) -> dict[str, Any]:
    recorded: dict[str, Any] = msgspec.json.decode(event.meta)
    return {
        **recorded,
        "id": event.id,
        "actor": event.actor,
        "correlation_id": event.correlation_id,
        "causation_id": event.causation_id,
    }
