"""Accounts as lists show them; nothing about a person but the id."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.accounts import MEMBER, AccountEvent, AccountRegistered, AccountRoleGranted
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, TEXT, TIME, Operation, Table, patch, put

ACCOUNTS = Table(
    "accounts",
    key={"id": TEXT},
    columns={"role": TEXT, "created_at": TIME, "version": BIGINT},
)


def project(recorded: Recorded[AccountEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    account, event = recorded.stream_id, recorded.event
    match event:
        case AccountRegistered():
            values = {
                "role": MEMBER,
                "created_at": recorded.recorded_at,
                "version": recorded.version,
            }
            yield put(ACCOUNTS, account, values)
        case AccountRoleGranted():
            yield patch(ACCOUNTS, account, {"role": event.role, "version": recorded.version})


PROJECTION = Projection(
    name="accounts",
    version=1,
    tables=(ACCOUNTS,),
    handles=(AccountRegistered, AccountRoleGranted),
    project=project,
)


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account."""

    id: str
    role: str
    created_at: datetime
    version: int


async def find_accounts(rows: Rows, *, after: str = "", limit: int = 50) -> list[AccountRow]:
    """Accounts by id, which is the order in which they were opened."""
    sql = """
        SELECT id, role, created_at, version FROM {accounts}
        WHERE id > $1 ORDER BY id LIMIT $2
    """
    return await rows.find(AccountRow, sql, after, limit)
