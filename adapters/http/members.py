"""Members over HTTP: who belongs to the tenant, in which role; and leaving it."""

from datetime import datetime

import msgspec

from adapters.http.answers import Answer, Header, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.conditions import etag
from adapters.http.emails import email_of
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import Name, known_id
from adapters.http.operations import SIGNED_IN, operation
from adapters.http.paging import Page, read_cursor
from application.memberships import GrantRole, Leave, RemoveMember
from domain.memberships import MEMBERSHIP, Membership, NoMembership, NoSuchMember
from projections import memberships as projection

READ, WRITE = "members:read", "members:write"
ADMITS = "tenants:write"


class MemberBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The member's role."""

    role: Name


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """A member."""

    account: str
    role: str


class ListedMember(MemberView, frozen=True, kw_only=True):
    """A member in the list; `email` is there for who may see what is personal."""

    since: datetime
    email: str | None


class MemberList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of members, in the order in which their accounts were opened."""

    items: list[ListedMember]
    next: str | None


def _missing(_account: str) -> NoSuchMember:
    return NoSuchMember()


def _view(account: str, membership: NoMembership | Membership, *headers: Header) -> Answer:
    if isinstance(membership, NoMembership):
        raise NoSuchMember
    return json_answer(MemberView(account=account, role=membership.role), headers=headers)


@operation("GET", "/v1/members", needs=READ, query=Page, answers={200: MemberList}, consistent=True)
async def list_members(call: Call, page: Page) -> Answer:
    """Who belongs to the tenant."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_members(rows, after=after, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.account)
    items = [
        ListedMember(
            account=row.account,
            role=row.role,
            since=row.since,
            email=await email_of(call, row.account),
        )
        for row in shown
    ]
    return json_answer(MemberList(items=items, next=following))


@operation(
    "GET",
    "/v1/members/{account}",
    needs=READ,
    query=Moment,
    answers={200: MemberView},
    consistent=True,
)
async def get_member(call: Call, moment: Moment) -> Answer:
    """One member, now or as it was."""
    id_ = known_id(call.params["account"], _missing)
    membership, version = await fold(call, MEMBERSHIP, id_, moment)
    return _view(id_, membership, etag(version))


@operation(
    "PUT",
    "/v1/members/{account}",
    needs=WRITE,
    body=MemberBody,
    answers={200: MemberView},
    fresh=True,
)
async def put_member(call: Call, body: MemberBody) -> Answer:
    """Give a member another role; the installation's owner lets accounts in that are none yet."""
    id_ = known_id(call.params["account"], _missing)
    held = call.principal.permissions
    command = GrantRole(account=id_, role=body.role, held=held, admits=ADMITS in held)
    return await execute(call, command, lambda membership, _version: _view(id_, membership))


@operation(
    "DELETE",
    "/v1/members/{account}",
    needs=WRITE,
    answers={204: None},
    conditional=True,
    fresh=True,
)
async def remove_member(call: Call) -> Answer:
    """Take an account out of the tenant, whose last owner stays."""
    id_ = known_id(call.params["account"], _missing)
    command = RemoveMember(account=id_, held=call.principal.permissions)
    return await execute(call, command, no_content)


@operation(
    "GET",
    "/v1/members/{account}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def member_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a membership."""
    id_ = known_id(call.params["account"], _missing)
    return await stream_history(call, call.tenant, MEMBERSHIP.stream(id_), page, NoSuchMember())


@operation("POST", "/v1/me/leave", needs=SIGNED_IN, answers={204: None}, lasting=True)
async def leave(call: Call) -> Answer:
    """Leave the tenant of the request, unless it has no other owner."""
    command = Leave(account=call.person)
    return await execute(call, command, no_content)


OPERATIONS = (
    list_members,
    get_member,
    put_member,
    remove_member,
    member_history,
    leave,
)
