"""Webhook sources and receipts as lists show them.

Rows hold nothing that a provider has sent, not even its ids: those are read from the log.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, assert_never

import msgspec

from domain.recorded import Recorded
from domain.webhooks.receipts import (
    PARKED,
    PROCESSED,
    RECEIVED,
    WebhookParked,
    WebhookProcessed,
    WebhookReceived,
    WebhookReplayed,
)
from domain.webhooks.sources import (
    SourceDefined,
    SourceDeleted,
    SourceDisabled,
    SourceEnabled,
    SourceEvent,
)
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
    BOOLEAN,
    JSON,
    TEXT,
    TIME,
    Operation,
    Table,
    defaulted,
    delete,
    merge,
    nullable,
    patch,
    put,
)

SOURCES = Table(
    "sources",
    key={"name": TEXT},
    columns={
        "hook": TEXT,
        "preset": TEXT,
        "target": JSON,
        "schema": nullable(TEXT),
        "enabled": defaulted(BOOLEAN, True),
        "version": BIGINT,
    },
)
RECEIPTS = Table(
    "receipts",
    key={"id": TEXT},
    columns={
        "received": BIGINT,
        "source": TEXT,
        "state": TEXT,
        "reason": nullable(TEXT),
        "job": nullable(TEXT),
        "received_at": TIME,
        "updated_at": TIME,
        "version": BIGINT,
    },
    indexes=(("received",), ("source", "received"), ("state", "received")),
)

ReceiptChange = WebhookReceived | WebhookProcessed | WebhookParked | WebhookReplayed


def project(recorded: Recorded[SourceEvent | ReceiptChange]) -> Iterable[Operation]:
    """How an event changes the rows."""
    match recorded.event:
        case SourceDefined() | SourceDisabled() | SourceEnabled() | SourceDeleted() as event:
            yield _source(recorded.stream_id, event, recorded.version)
        case event:
            yield _receipt(recorded, event)


def _source(name: str, event: SourceEvent, version: int) -> Operation:
    match event:
        case SourceDefined():
            values = {
                "hook": event.hook,
                "preset": event.preset,
                "target": event.target,
                "schema": event.schema,
                "version": version,
            }
            return merge(SOURCES, name, values)
        case SourceDisabled():
            return patch(SOURCES, name, {"enabled": False, "version": version})
        case SourceEnabled():
            return patch(SOURCES, name, {"enabled": True, "version": version})
        case SourceDeleted():
            return delete(SOURCES, name)
        case _:
            assert_never(event)


def _receipt(recorded: Recorded[Any], event: ReceiptChange) -> Operation:
    id_ = recorded.stream_id
    told: dict[str, Any] = {"updated_at": recorded.recorded_at, "version": recorded.version}
    match event:
        case WebhookReceived():
            values = {
                **told,
                "received": recorded.position,
                "source": event.source,
                "state": RECEIVED,
                "received_at": recorded.recorded_at,
            }
            return put(RECEIPTS, id_, values)
        case WebhookProcessed():
            processed = {"state": PROCESSED, "reason": None, "job": event.job}
            return patch(RECEIPTS, id_, {**told, **processed})
        case WebhookParked():
            return patch(RECEIPTS, id_, {**told, "state": PARKED, "reason": event.reason})
        case WebhookReplayed():
            return patch(RECEIPTS, id_, {**told, "state": RECEIVED})
        case _:
            assert_never(event)


PROJECTION = Projection(
    name="webhooks",
    version=1,
    tables=(SOURCES, RECEIPTS),
    handles=(
        SourceDefined,
        SourceDisabled,
        SourceEnabled,
        SourceDeleted,
        WebhookReceived,
        WebhookProcessed,
        WebhookParked,
        WebhookReplayed,
    ),
    project=project,
)


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A source."""

    name: str
    hook: str
    preset: str
    target: dict[str, Any]
    schema: str | None
    enabled: bool
    version: int


class ReceiptRow(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt; `received` is the position at which it was, `job` the last one it caused."""

    id: str
    received: int
    source: str
    state: str
    reason: str | None
    job: str | None
    received_at: datetime
    updated_at: datetime
    version: int


async def find_sources(rows: Rows, *, after: str = "", limit: int = 50) -> list[SourceRow]:
    """Sources by name, behind one."""
    sql = """
        SELECT name, hook, preset, target, schema, enabled, version FROM {sources}
        WHERE name > $1 ORDER BY name LIMIT $2
    """
    return await rows.find(SourceRow, sql, after, limit)


async def find_receipts(
    rows: Rows,
    *,
    source: str | None = None,
    state: str | None = None,
    receipt: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[ReceiptRow]:
    """Receipts, newest first, received before a position."""
    sql = """
        SELECT id, received, source, state, reason, job, received_at, updated_at, version
        FROM {receipts}
        WHERE ($1::text IS NULL OR source = $1)
          AND ($2::text IS NULL OR state = $2)
          AND ($3::text IS NULL OR id = $3)
          AND received < coalesce($4::bigint, 9223372036854775807)
        ORDER BY received DESC LIMIT $5
    """
    return await rows.find(ReceiptRow, sql, source, state, receipt, before, limit)
