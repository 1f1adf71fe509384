"""A tenant's service accounts."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.recorded import Recorded
from domain.service_accounts import (
    ServiceAccountCreated,
    ServiceAccountDeleted,
    ServiceAccountEvent,
    ServiceAccountRenamed,
    ServiceAccountRoleChanged,
)
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import TEXT, TIME, Operation, Table, delete, patch, put

SERVICE_ACCOUNTS = Table(
    "service_accounts",
    key={"id": TEXT},
    columns={"name": TEXT, "role": TEXT, "created_at": TIME},
)


def project(recorded: Recorded[ServiceAccountEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    id_, event = recorded.stream_id, recorded.event
    match event:
        case ServiceAccountCreated():
            values = {"name": event.name, "role": event.role, "created_at": recorded.recorded_at}
            yield put(SERVICE_ACCOUNTS, id_, values)
        case ServiceAccountRenamed():
            yield patch(SERVICE_ACCOUNTS, id_, {"name": event.name})
        case ServiceAccountRoleChanged():
            yield patch(SERVICE_ACCOUNTS, id_, {"role": event.role})
        case ServiceAccountDeleted():
            yield delete(SERVICE_ACCOUNTS, id_)


PROJECTION = Projection(
    name="service_accounts",
    version=1,
    tables=(SERVICE_ACCOUNTS,),
    handles=(
        ServiceAccountCreated,
        ServiceAccountRenamed,
        ServiceAccountRoleChanged,
        ServiceAccountDeleted,
    ),
    project=project,
)


class ServiceAccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """A service account."""

    id: str
    name: str
    role: str
    created_at: datetime


async def find_service_accounts(
    rows: Rows, *, after: str = "", limit: int = 50
) -> list[ServiceAccountRow]:
    """Service accounts by id, which is the order in which they were made."""
    sql = """
        SELECT id, name, role, created_at FROM {service_accounts}
        WHERE id > $1 ORDER BY id LIMIT $2
    """
    return await rows.find(ServiceAccountRow, sql, after, limit)
