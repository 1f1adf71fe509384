"""API keys as lists show them: each among the rows of the tenant that it acts in.

The keys of the installation itself are no tenant's, so no tenant's owner sees them.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.api_keys import INSTALLATION_HOLDER, ApiKeyEvent, ApiKeyIssued, ApiKeyRevoked
from domain.recorded import SYSTEM_TENANT, Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
    BOOLEAN,
    TEXT,
    TEXTS,
    TIME,
    Operation,
    Table,
    nullable,
    patch,
    put,
)

API_KEYS = Table(
    "api_keys",
    key={"id": TEXT},
    columns={
        "holder": TEXT,
        "scopes": TEXTS,
        "expires_at": nullable(TIME),
        "revoked": BOOLEAN,
        "created_at": TIME,
        "version": BIGINT,
    },
    indexes=(("holder", "id"),),
)


def project(recorded: Recorded[ApiKeyEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    key, event = recorded.stream_id, recorded.event
    match event:
        case ApiKeyIssued():
            values = {
                "holder": event.holder,
                "scopes": event.scopes,
                "expires_at": event.expires_at,
                "revoked": False,
                "created_at": recorded.recorded_at,
                "version": recorded.version,
            }
            yield put(API_KEYS, key, values)
        case ApiKeyRevoked():
            yield patch(API_KEYS, key, {"revoked": True, "version": recorded.version})


def tenant_of(recorded: Recorded[ApiKeyEvent]) -> str:
    """Whose row it is."""
    event = recorded.event
    return SYSTEM_TENANT if event.holder == INSTALLATION_HOLDER else event.tenant


PROJECTION = Projection(
    name="api_keys",
    version=2,
    tables=(API_KEYS,),
    handles=(ApiKeyIssued, ApiKeyRevoked),
    project=project,
    tenant_of=tenant_of,
)


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was issued."""

    id: str
    holder: str
    scopes: list[str]
    expires_at: datetime | None
    revoked: bool
    created_at: datetime
    version: int


async def find_keys(
    rows: Rows, *, holder: str | None = None, after: str = "", limit: int = 50
) -> list[KeyRow]:
    """Keys by id, which is the order in which they were made; of one holder, if one is named."""
    sql = """
        SELECT id, holder, scopes, expires_at, revoked, created_at, version FROM {api_keys}
        WHERE id > $1 AND ($2::text IS NULL OR holder = $2) ORDER BY id LIMIT $3
    """
    return await rows.find(KeyRow, sql, after, holder, limit)
