"""The envelope: an event as the log knows it."""

from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from domain.decider import Event

E = TypeVar("E", bound=Event)

SYSTEM_TENANT = "system"
"""Where accounts, sessions and keys live; the tenants that people work in are others."""

DEFAULT_TENANT = "default"
"""The tenant of a request that names none."""


class Recorded(msgspec.Struct, Generic[E], frozen=True, kw_only=True, gc=False):
    """One event with where, when, by whom and because of what it was recorded.

    `position` is dense over the whole log (its order is commit order), `version` is dense over
    the stream, from 1. `recorded_at` never decreases along positions. `actor` is a stream name
    such as `account/<id>`, or `anonymous`, or `reaction/<name>`. `causation_id` is the id of the
    event that this one follows from, if it follows from one.
    """

    position: int
    tenant: str
    stream: str
    version: int
    id: UUID
    type: str
    event: E
    recorded_at: datetime
    actor: str
    correlation_id: UUID
    causation_id: UUID | None
    meta: dict[str, Any]

    @property
    def stream_id(self) -> str:
        """The part of the stream's name behind its category."""
        return self.stream.partition("/")[2]
