"""The tenants of the installation, among the rows of the system's own."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.recorded import Recorded
from domain.tenants import TenantCreated, TenantEvent, TenantResumed, TenantSuspended
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, TEXT, TIME, Operation, Table, nullable, patch, put

TENANTS = Table(
    "tenants",
    key={"name": TEXT},
    columns={"suspended": nullable(TEXT), "created_at": TIME, "version": BIGINT},
)


def project(recorded: Recorded[TenantEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    name, event = recorded.stream_id, recorded.event
    version = {"version": recorded.version}
    match event:
        case TenantCreated():
            yield put(TENANTS, name, {**version, "created_at": recorded.recorded_at})
        case TenantSuspended():
            yield patch(TENANTS, name, {**version, "suspended": event.reason})
        case TenantResumed():
            yield patch(TENANTS, name, {**version, "suspended": None})


PROJECTION = Projection(
    name="tenants",
    version=1,
    tables=(TENANTS,),
    handles=(TenantCreated, TenantSuspended, TenantResumed),
    project=project,
)


class TenantRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant; `suspended` says why it serves nobody."""

    name: str
    suspended: str | None
    created_at: datetime
    version: int


async def find_tenants(rows: Rows, *, after: str = "", limit: int = 50) -> list[TenantRow]:
    """Tenants by name."""
    sql = """
        SELECT name, suspended, created_at, version FROM {tenants}
        WHERE name > $1 ORDER BY name LIMIT $2
    """
    return await rows.find(TenantRow, sql, after, limit)
