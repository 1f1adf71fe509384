"""A tenant's members; nothing about a person but the account's id."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.memberships import MembershipEnded, MembershipEvent, MembershipGranted
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import TEXT, TIME, Operation, Table, delete, put

MEMBERS = Table("members", key={"account": TEXT}, columns={"role": TEXT, "since": TIME})


def project(recorded: Recorded[MembershipEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    account, event = recorded.stream_id, recorded.event
    match event:
        case MembershipGranted():
            yield put(MEMBERS, account, {"role": event.role, "since": recorded.recorded_at})
        case MembershipEnded():
            yield delete(MEMBERS, account)


PROJECTION = Projection(
    name="memberships",
    version=1,
    tables=(MEMBERS,),
    handles=(MembershipGranted, MembershipEnded),
    project=project,
)


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member, and since when in this role."""

    account: str
    role: str
    since: datetime


async def find_members(rows: Rows, *, after: str = "", limit: int = 50) -> list[MemberRow]:
    """Members by account, which is the order in which the accounts were opened."""
    sql = "SELECT account, role, since FROM {members} WHERE account > $1 ORDER BY account LIMIT $2"
    return await rows.find(MemberRow, sql, after, limit)


async def find_member(rows: Rows, account: str) -> MemberRow | None:
    """One member, if it is one."""
    sql = "SELECT account, role, since FROM {members} WHERE account = $1"
    found = await rows.find(MemberRow, sql, account)
    return found[0] if found else None
