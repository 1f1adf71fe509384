"""Accounts over HTTP."""

from datetime import datetime
from typing import Literal

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.conditions import etag
from adapters.http.emails import email_of, shown_email
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import Name, Typed, known_id
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from application.accounts.closing import Close, Reopen
from application.emails import known_form
from application.memberships import GrantRole
from domain.accounts import ACCOUNT, EMAIL, AnyAccount, NoSuchAccount, known_account
from domain.memberships import MEMBERSHIP, Membership
from domain.recorded import SYSTEM_TENANT
from projections import memberships as projection

EVERYBODYS = "accounts:write"
"""Who has this runs the installation, whose accounts they are."""


class RoleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the account may do."""

    role: Name


class RoleView(msgspec.Struct, frozen=True, kw_only=True):
    """The role of an account in the caller's tenant."""

    id: str
    role: str
    version: int


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account, and its role in the caller's tenant.

    `email` is there for who may see what is personal, until it is erased.

    `locked_until`: too many sign-ins have failed, and until then nobody signs in, but for places
    that know the account. Null where that is not so, or is over now (or at the time `at`). What is
    locked at single places does not show here: the account's history tells of it.
    """

    id: str
    role: str
    state: Literal["open", "closed"]
    email: str | None
    verified: bool
    locked_until: datetime | None
    version: int


class AccountQuery(Page, frozen=True, kw_only=True):
    """Which accounts: all of the tenant's, or the one that has this address."""

    email: Typed | None = None


class AccountItem(msgspec.Struct, frozen=True, kw_only=True):
    """An account in a list, and since when it has its role; `email` is as in `AccountView`."""

    id: str
    email: str | None
    role: str
    since: datetime


class AccountList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of accounts, in the order in which they were opened."""

    items: list[AccountItem]
    next: str | None


def _missing(_account: str) -> NoSuchAccount:
    return NoSuchAccount()


def _view(
    call: Call, id_: str, account: AnyAccount, role: str, version: int, at: datetime | None
) -> Answer:
    known = known_account(account)
    if known is None:
        raise NoSuchAccount
    view = AccountView(
        id=id_,
        role=role,
        state="open" if known is account else "closed",
        email=shown_email(call, account),
        verified=known.verified,
        locked_until=known.locked_until if at is None or known.is_locked(at) else None,
        version=version,
    )
    return json_answer(view, headers=(etag(version),))


@operation(
    "PUT",
    "/v1/accounts/{id}/role",
    needs="members:write",
    body=RoleBody,
    answers={200: RoleView},
    conditional=True,
    fresh=True,
)
async def put_role(call: Call, body: RoleBody) -> Answer:
    """Give an account a role; its sessions end, and the next one bears it."""
    id_ = known_id(call.params["id"], _missing)
    command = GrantRole(account=id_, role=body.role, held=call.principal.permissions)

    def render(membership: Membership, version: int) -> Answer:
        view = RoleView(id=id_, role=membership.role, version=version)
        return json_answer(view, headers=(etag(version),))

    return await execute(call, command, render)


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
    if not isinstance(membership, Membership):
        raise NoSuchAccount
    at = None if moment.position else moment.at or call.platform.services.now()
    return _view(call, id_, account, membership.role, version, at)


@operation(
    "GET",
    "/v1/accounts",
    needs="accounts:read",
    query=AccountQuery,
    answers={200: AccountList},
    consistent=True,
)
async def list_accounts(call: Call, page: AccountQuery) -> Answer:
    """All accounts of the caller's tenant, in the order in which they were opened.

    Who asks for the one of an address may have to see what is personal (`personal:read`).
    """
    if page.email is not None:
        call.require("personal:read")
        return json_answer(AccountList(items=await _owner_of(call, page.email), next=None))
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_members(rows, after=after, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.account)
    items = [await _item(call, row) for row in shown]
    return json_answer(AccountList(items=items, next=following))


async def _owner_of(call: Call, email: str) -> list[AccountItem]:
    """The account of an address, if it belongs to the caller's tenant."""
    address = call.platform.services.email_hash(known_form(email))
    reservation, _ = await fold(call, EMAIL, address, Moment())
    if not reservation.account:
        return []
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_member(rows, reservation.account)
    if found is None:
        return []
    return [await _item(call, found)]


async def _item(call: Call, row: projection.MemberRow) -> AccountItem:
    email = await email_of(call, row.account)
    return AccountItem(id=row.account, email=email, role=row.role, since=row.since)


@operation(
    "POST",
    "/v1/accounts/{id}/close",
    needs="accounts:write",
    answers={204: None},
    conditional=True,
    fresh=True,
)
async def close_account(call: Call) -> Answer:
    """Close an account: its sessions end, and nobody signs in until it is reopened."""
    id_ = known_id(call.params["id"], _missing)
    return await execute(call, Close(account=id_), no_content)


@operation(
    "POST",
    "/v1/accounts/{id}/reopen",
    needs="accounts:write",
    answers={204: None},
    conditional=True,
    fresh=True,
)
async def reopen_account(call: Call) -> Answer:
    """Open a closed account again, with the password that it had."""
    id_ = known_id(call.params["id"], _missing)
    return await execute(call, Reopen(account=id_), no_content)


@operation(
    "GET",
    "/v1/accounts/{id}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def account_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to my account, in any tenant.

    To read that of another account takes the permission `accounts:write`, too: it tells of whatever
    tenants that belongs to. What one tenant has done is in `GET /v1/members/{account}/history`.
    """
    id_ = known_id(call.params["id"], _missing)
    if call.principal.actor != f"account/{id_}":
        call.require(EVERYBODYS)
    stream = ACCOUNT.stream(id_)
    return await stream_history(call, SYSTEM_TENANT, stream, page, NoSuchAccount())


OPERATIONS = (
    put_role,
    close_account,
    reopen_account,
    get_account,
    list_accounts,
    account_history,
)
