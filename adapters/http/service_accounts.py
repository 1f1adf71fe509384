"""Service accounts over HTTP: programs with a role in the tenant, which act with keys."""

from datetime import datetime
from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import NO_NUL, Name, known_id
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from application.api_keys import AddServiceAccount, AlterServiceAccount, RemoveServiceAccount
from domain.service_accounts import (
    SERVICE_ACCOUNT,
    NoServiceAccount,
    NoSuchServiceAccount,
    ServiceAccount,
)
from projections import service_accounts as projection

READ, WRITE = "service-accounts:read", "service-accounts:write"


Title = Annotated[str, msgspec.Meta(min_length=1, max_length=100, extra_json_schema=NO_NUL)]


class ServiceAccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it is called, and its role in the tenant."""

    name: Title
    role: Name


class ServiceAccountChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Its new name or role; what is absent stays."""

    name: Title | None = None
    role: Name | None = None


class ServiceAccountView(msgspec.Struct, frozen=True, kw_only=True):
    """A service account."""

    id: str
    name: str
    role: str


class ListedServiceAccount(ServiceAccountView, frozen=True, kw_only=True):
    """A service account in the list."""

    created_at: datetime


class ServiceAccountList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of service accounts, oldest first."""

    items: list[ListedServiceAccount]
    next: str | None


def _missing(_account: str) -> NoSuchServiceAccount:
    return NoSuchServiceAccount()


def _view(
    id_: str, account: NoServiceAccount | ServiceAccount, version: int, status: int = 200
) -> Answer:
    if isinstance(account, NoServiceAccount):
        raise NoSuchServiceAccount
    view = ServiceAccountView(id=id_, name=account.name, role=account.role)
    location = ((b"location", f"/v1/service-accounts/{id_}".encode()),) if status == 201 else ()  # noqa: PLR2004 - Created
    return json_answer(view, status, (etag(version), *location))


@operation(
    "POST",
    "/v1/service-accounts",
    needs=WRITE,
    body=ServiceAccountBody,
    answers={201: ServiceAccountView},
    fresh=True,
)
async def create_service_account(call: Call, body: ServiceAccountBody) -> Answer:
    """Let a program act in the tenant; its keys are made at `/v1/api-keys`."""
    id_ = str(call.platform.new_id())
    held = call.principal.permissions
    command = AddServiceAccount(id=id_, name=body.name, role=body.role, held=held)
    return await execute(call, command, lambda account, version: _view(id_, account, version, 201))


@operation(
    "PATCH",
    "/v1/service-accounts/{id}",
    needs=WRITE,
    body=ServiceAccountChange,
    answers={200: ServiceAccountView},
    conditional=True,
    fresh=True,
)
async def change_service_account(call: Call, body: ServiceAccountChange) -> Answer:
    """Give a service account another name or role.

    Its keys stay, and open of their scopes what the new role does.
    """
    id_ = known_id(call.params["id"], _missing)
    held = call.principal.permissions
    command = AlterServiceAccount(id=id_, name=body.name, role=body.role, held=held)
    return await execute(call, command, lambda account, version: _view(id_, account, version))


@operation(
    "DELETE",
    "/v1/service-accounts/{id}",
    needs=WRITE,
    answers={204: None},
    conditional=True,
    fresh=True,
)
async def delete_service_account(call: Call) -> Answer:
    """Delete a service account: its keys open nothing any more."""
    id_ = known_id(call.params["id"], _missing)
    command = RemoveServiceAccount(id=id_, held=call.principal.permissions)
    return await execute(call, command, no_content)


@operation(
    "GET",
    "/v1/service-accounts/{id}",
    needs=READ,
    query=Moment,
    answers={200: ServiceAccountView},
    consistent=True,
)
async def get_service_account(call: Call, moment: Moment) -> Answer:
    """One service account, now or as it was."""
    id_ = known_id(call.params["id"], _missing)
    return _view(id_, *await fold(call, SERVICE_ACCOUNT, id_, moment))


@operation(
    "GET",
    "/v1/service-accounts",
    needs=READ,
    query=Page,
    answers={200: ServiceAccountList},
    consistent=True,
)
async def list_service_accounts(call: Call, page: Page) -> Answer:
    """The tenant's service accounts, oldest first."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_service_accounts(rows, after=after, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.id)
    items = [
        ListedServiceAccount(id=row.id, name=row.name, role=row.role, created_at=row.created_at)
        for row in shown
    ]
    return json_answer(ServiceAccountList(items=items, next=following))


@operation(
    "GET",
    "/v1/service-accounts/{id}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def service_account_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a service account."""
    id_ = known_id(call.params["id"], _missing)
    stream = SERVICE_ACCOUNT.stream(id_)
    return await stream_history(call, call.tenant, stream, page, NoSuchServiceAccount())


OPERATIONS = (
    create_service_account,
    change_service_account,
    delete_service_account,
    get_service_account,
    list_service_accounts,
    service_account_history,
)
