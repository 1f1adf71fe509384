"""The inbox as its account lists it, newest first; what an item says is read from its stream."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.inbox import InboxEvent, InboxItemAdded, InboxItemRead
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, BOOLEAN, TEXT, TIME, Operation, Table, patch, put

ITEMS = Table(
    "items",
    key={"account": TEXT, "id": TEXT},
    columns={"added_at": BIGINT, "read": BOOLEAN, "created_at": TIME, "version": BIGINT},
    indexes=(("account", "added_at"), ("account", "read", "added_at")),
)


def project(recorded: Recorded[InboxEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    account, _, item = recorded.stream_id.partition(".")
    match recorded.event:
        case InboxItemAdded():
            values = {
                "added_at": recorded.position,
                "read": False,
                "created_at": recorded.recorded_at,
                "version": recorded.version,
            }
            yield put(ITEMS, (account, item), values)
        case InboxItemRead():
            yield patch(ITEMS, (account, item), {"read": True, "version": recorded.version})


PROJECTION = Projection(
    name="inbox",
    version=1,
    tables=(ITEMS,),
    handles=(InboxItemAdded, InboxItemRead),
    project=project,
)


class ItemRow(msgspec.Struct, frozen=True, kw_only=True):
    """An item; `added_at` is the position at which it came."""

    id: str
    added_at: int
    read: bool
    created_at: datetime
    version: int


async def find_items(
    rows: Rows,
    *,
    account: str,
    read: bool | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[ItemRow]:
    """Items of one inbox, newest first, added before a position."""
    sql = """
        SELECT id, added_at, read, created_at, version FROM {items}
        WHERE account = $1 AND ($2::boolean IS NULL OR read = $2)
          AND added_at < coalesce($3::bigint, 9223372036854775807)
        ORDER BY added_at DESC LIMIT $4
    """
    return await rows.find(ItemRow, sql, account, read, before, limit)
