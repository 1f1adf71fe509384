"""Who asks, on whose behalf, and under which promises: what travels beside a command."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from domain.recorded import DEFAULT_TENANT, SYSTEM_TENANT
from domain.rejections import Rejection

ANONYMOUS = "anonymous"


Premise = Callable[[Any], Awaitable[None]]
"""Looks at a unit's streams, and raises what is to be answered where something does not hold."""


class Idempotency(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's promise that a repeated key means the same request.

    `digest` is an HMAC over tenant, credential and raw key; `fingerprint` one over method, route
    and body. `render` turns a result or a rejection into the bytes that a replay answers with,
    and `seal` encrypts them under a key derived from the raw key.

    `deeds_only`: neither a rejection nor what has recorded nothing is kept. Nobody stops a caller
    whom nobody knows, and what costs them nothing is not to fill the disk.
    """

    digest: bytes
    fingerprint: bytes
    render: Callable[[Any | Rejection, int], bytes]
    seal: Callable[[bytes], bytes]
    deeds_only: bool = False


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The circumstances of one command.

    `actor` is a stream name (`account/<id>`, `api-key/<id>`), `reaction/<name>` or `anonymous`.
    `if_match` is the version of the addressed stream that the caller has seen, where it said so.
    `deadline` is a time of the event loop's clock, in seconds. `premise` is what has to hold for
    the command to be carried out, when it is recorded; it looks by `Unit.watch`.
    """

    actor: str = ANONYMOUS
    tenant: str = DEFAULT_TENANT
    correlation_id: UUID
    causation_id: UUID | None = None
    deadline: float
    if_match: int | None = None
    idempotency: Idempotency | None = None
    premise: Premise | None = None
    meta: bytes = b"{}"

    def tenant_of(self, *, system: bool) -> str:
        """The tenant whose streams a decider works on."""
        return SYSTEM_TENANT if system else self.tenant
