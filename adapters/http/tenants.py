"""Tenants over HTTP: for who runs the installation, and for who wants to know where they belong."""

import re
from datetime import datetime
from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold, seen_here
from adapters.http.names import NO_NUL, known_name
from adapters.http.operations import SIGNED_IN, operation
from adapters.http.paging import Page, read_cursor
from application.making_tenants import MakeTenant
from application.tenants import Tenants
from domain.accounts import ACCOUNT
from domain.recorded import SYSTEM_TENANT
from domain.rejections import Fault, Invalid
from domain.tenants import (
    RESERVED,
    TENANT,
    NoSuchTenant,
    NoTenant,
    ResumeTenant,
    SuspendTenant,
    Tenant,
)
from projections import tenants as projection

READ, WRITE = "tenants:read", "tenants:write"

_NAME = "^[a-z0-9][a-z0-9-]{0,62}$"
TenantName = Annotated[str, msgspec.Meta(pattern=_NAME)]
Id = Annotated[str, msgspec.Meta(max_length=100, extra_json_schema=NO_NUL)]


class TenantBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Its name for ever, and the account that becomes its owner: the caller's, where it has one."""

    name: TenantName
    owner: Id | None = None


class SuspensionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Annotated[str, msgspec.Meta(max_length=500, extra_json_schema=NO_NUL)] = ""


class TenantView(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant; `reason` says why it is suspended."""

    name: str
    state: str
    reason: str | None
    version: int


class ListedTenant(TenantView, frozen=True, kw_only=True):
    """A tenant in the list."""

    created_at: datetime


class TenantList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of tenants, by name; `default`, which is always there, is none of them."""

    items: list[ListedTenant]
    next: str | None


class MyTenant(msgspec.Struct, frozen=True, kw_only=True):
    """Where the caller belongs, and as what; `current` is the tenant of this request."""

    name: str
    role: str
    suspended: bool
    current: bool


class MyTenants(msgspec.Struct, frozen=True, kw_only=True):
    """All tenants that the caller belongs to, by name."""

    items: list[MyTenant]


def _missing(_name: str) -> NoSuchTenant:
    return NoSuchTenant()


def _view(name: str, tenant: NoTenant | Tenant, version: int, status: int = 200) -> Answer:
    if isinstance(tenant, NoTenant):
        raise NoSuchTenant
    location = ((b"location", f"/v1/tenants/{name}".encode()),) if status == 201 else ()  # noqa: PLR2004 - Created
    view = TenantView(
        name=name, state=_state(tenant.suspended), reason=tenant.suspended, version=version
    )
    return json_answer(view, status, (etag(version), *location))


def _state(suspended: str | None) -> str:
    return "active" if suspended is None else "suspended"


@operation(
    "POST", "/v1/tenants", needs=WRITE, body=TenantBody, answers={201: TenantView}, fresh=True
)
async def create_tenant(call: Call, body: TenantBody) -> Answer:
    """Make a tenant with its first owner."""
    name = body.name
    if name in RESERVED or not re.fullmatch(_NAME, name):
        detail = f"{name} cannot be a tenant's name"
        raise Invalid(Fault(pointer="/name", code="reserved", detail=detail))
    owner = body.owner or ""
    if not owner and call.principal.holder.startswith(ACCOUNT.stream("")):
        owner = call.principal.id
    call.principal = msgspec.structs.replace(call.principal, tenant=name)
    command = MakeTenant(name=name, owner=owner)
    return await execute(call, command, lambda tenant, version: _view(name, tenant, version, 201))


@operation(
    "POST",
    "/v1/tenants/{name}/suspend",
    needs=WRITE,
    body=SuspensionBody,
    answers={200: TenantView},
    conditional=True,
    fresh=True,
)
async def suspend_tenant(call: Call, body: SuspensionBody) -> Answer:
    """Refuse everything that is asked of a tenant, until it is resumed."""
    name = known_name(call.params["name"], _missing)
    command = SuspendTenant(tenant=name, reason=body.reason, at=call.platform.now())
    return await execute(call, command, lambda tenant, version: _view(name, tenant, version))


@operation(
    "POST",
    "/v1/tenants/{name}/resume",
    needs=WRITE,
    answers={200: TenantView},
    conditional=True,
    fresh=True,
)
async def resume_tenant(call: Call) -> Answer:
    """Let a tenant serve again."""
    name = known_name(call.params["name"], _missing)
    command = ResumeTenant(tenant=name, at=call.platform.now())
    return await execute(call, command, lambda tenant, version: _view(name, tenant, version))


@operation(
    "GET",
    "/v1/tenants/{name}",
    needs=READ,
    query=Moment,
    answers={200: TenantView},
    consistent=True,
)
async def get_tenant(call: Call, moment: Moment) -> Answer:
    """One tenant, now or as it was."""
    name = known_name(call.params["name"], _missing)
    return _view(name, *await fold(call, TENANT, name, moment))


@operation("GET", "/v1/tenants", needs=READ, query=Page, answers={200: TenantList}, consistent=True)
async def list_tenants(call: Call, page: Page) -> Answer:
    """All tenants that were made, by name."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION, system=True) as rows:
        found = await projection.find_tenants(rows, after=after, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.name)
    items = [
        ListedTenant(
            name=row.name,
            state=_state(row.suspended),
            reason=row.suspended,
            created_at=row.created_at,
            version=row.version,
        )
        for row in shown
    ]
    return json_answer(TenantList(items=items, next=following))


@operation(
    "GET",
    "/v1/tenants/{name}/history",
    needs=READ,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def tenant_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a tenant as such; what happens in it is in its own log."""
    name = known_name(call.params["name"], _missing)
    return await stream_history(call, SYSTEM_TENANT, TENANT.stream(name), page, NoSuchTenant())


@operation("GET", "/v1/me/tenants", needs=SIGNED_IN, answers={200: MyTenants}, consistent=True)
async def my_tenants(call: Call) -> Answer:
    """Where the caller belongs."""
    await seen_here(call)
    account, platform = call.person, call.platform
    tenants = Tenants(platform.current)
    items = [
        MyTenant(
            name=name,
            role=(await platform.standings(account, name)).role,
            suspended=await tenants.suspended(name),
            current=name == call.tenant,
        )
        for name in await platform.standings.tenants(account)
    ]
    return json_answer(MyTenants(items=items))


OPERATIONS = (
    create_tenant,
    suspend_tenant,
    resume_tenant,
    get_tenant,
    list_tenants,
    tenant_history,
    my_tenants,
)
