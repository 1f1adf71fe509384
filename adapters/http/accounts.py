"""Accounts over HTTP."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import known_id
from adapters.http.operations import ANYONE, operation
from adapters.http.paging import Page, read_cursor
from application.accounts import Register, Registered
from application.memberships import GrantRole
from domain.accounts import ACCOUNT, Account, NoSuchAccount
from domain.memberships import MEMBERSHIP, Membership
from domain.recorded import SYSTEM_TENANT
from projections import memberships as projection

Typed = Annotated[str, msgspec.Meta(max_length=1000)]


class AccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An e-mail address, and a password of 8 to 256 characters."""

    email: Typed
    password: Typed


class RegisteredView(msgspec.Struct, frozen=True, kw_only=True):
    """The account that was opened."""

    id: str


class RoleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the account may do."""

    role: Literal["member", "admin"]


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account."""

    id: str
    role: str
    version: int


class AccountItem(msgspec.Struct, frozen=True, kw_only=True):
    """An account in a list, and since when it has its role."""

    id: str
    role: str
    since: datetime


class AccountList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of accounts, in the order in which they were opened."""

    items: list[AccountItem]
    next: str | None


def _missing(_account: str) -> NoSuchAccount:
    return NoSuchAccount()


def _view(id_: str, role: str, version: int) -> Answer:
    view = AccountView(id=id_, role=role, version=version)
    return json_answer(view, headers=(etag(version),))


def _registered(registered: Registered, _version: int) -> Answer:
    location = (b"location", f"/v1/accounts/{registered.id}".encode())
    return json_answer(RegisteredView(id=registered.id), 201, (location,))


@operation(
    "POST",
    "/v1/accounts",
    needs=ANYONE,
    body=AccountBody,
    answers={201: RegisteredView},
)
async def register(call: Call, body: AccountBody) -> Answer:
    """Open an account."""
    return await execute(call, Register(email=body.email, password=body.password), _registered)


@operation(
    "PUT",
    "/v1/accounts/{id}/role",
    needs="accounts:write",
    body=RoleBody,
    answers={200: AccountView},
    conditional=True,
)
async def put_role(call: Call, body: RoleBody) -> Answer:
    """Give an account a role; its sessions end, and the next one bears it."""
    id_ = known_id(call.params["id"], _missing)
    command = GrantRole(account=id_, role=body.role)
    return await execute(
        call, command, lambda membership, version: _view(id_, membership.role, version)
    )


@operation(
    "GET",
    "/v1/accounts/{id}",
    needs="accounts:read",
    query=Moment,
    answers={200: AccountView},
    consistent=True,
)
async def get_account(call: Call, moment: Moment) -> Answer:
    """One account of the caller's tenant, now or as it was."""
    id_ = known_id(call.params["id"], _missing)
    account, version = await fold(call, ACCOUNT, id_, moment)
    membership, _ = await fold(call, MEMBERSHIP, id_, moment)
    if not isinstance(account, Account) or not isinstance(membership, Membership):
        raise NoSuchAccount
    return _view(id_, membership.role, version)


@operation(
    "GET",
    "/v1/accounts",
    needs="accounts:read",
    query=Page,
    answers={200: AccountList},
    consistent=True,
)
async def list_accounts(call: Call, page: Page) -> Answer:
    """All accounts of the caller's tenant, in the order in which they were opened."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_members(rows, after=after, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.account)
    items = [AccountItem(id=row.account, role=row.role, since=row.since) for row in shown]
    return json_answer(AccountList(items=items, next=following))


@operation(
    "GET",
    "/v1/accounts/{id}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def account_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to an account."""
    id_ = known_id(call.params["id"], _missing)
    stream = ACCOUNT.stream(id_)
    return await stream_history(call, SYSTEM_TENANT, stream, page, NoSuchAccount())


OPERATIONS = (register, put_role, get_account, list_accounts, account_history)
