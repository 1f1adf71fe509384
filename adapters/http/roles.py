"""Roles over HTTP: those that every tenant has, and those that it defines itself."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import known_name, new_name
from adapters.http.operations import operation
from application.roles import PutRole, RemoveRole, RoleIsDefined
from domain.access import BUILT_IN, PERMISSIONS, TENANT
from domain.rejections import Conflict, Fault, Invalid
from domain.roles import ROLE, NoSuchRole, Role
from projections import roles as projection

READ, WRITE = "roles:read", "roles:write"

Permission = Annotated[str, msgspec.Meta(max_length=100)]
Permissions = Annotated[list[Permission], msgspec.Meta(max_length=200)]


class RoleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the role opens; `GET /v1/permissions` lists what there is."""

    permissions: Permissions


class RoleView(msgspec.Struct, frozen=True, kw_only=True):
    """A role; `version` is 0 for those that are built in."""

    name: str
    permissions: list[str]
    built_in: bool
    version: int


class RoleList(msgspec.Struct, frozen=True, kw_only=True):
    """All roles of the tenant."""

    items: list[RoleView]


class BuiltInRole(Conflict):
    """Every tenant has this role, and it stays as it is."""

    slug = "built-in-role"
    title = "This role is built in"


def _missing(_name: str) -> NoSuchRole:
    return NoSuchRole()


def known_permissions(given: list[str], pointer: str, known: frozenset[str]) -> frozenset[str]:
    """Permissions that there are.

    Raises:
        Invalid: at each that there is not, with the list of all.
    """
    faults = [
        Fault(pointer=f"{pointer}/{nth}", code="unknown-permission", detail="is no such permission")
        for nth, each in enumerate(given)
        if each not in known
    ]
    if faults:
        raise Invalid(*faults, known=sorted(known))
    return frozenset(given)


def _built_in(name: str) -> RoleView:
    permissions = sorted(BUILT_IN[name])
    return RoleView(name=name, permissions=permissions, built_in=True, version=0)


def _view(name: str, role: Role, version: int) -> RoleView:
    if role.permissions is None:
        raise NoSuchRole
    permissions = sorted(role.permissions)
    return RoleView(name=name, permissions=permissions, built_in=False, version=version)


def _own(call: Call, *, new: bool = False) -> str:
    """The name of a role that the tenant may define.

    Raises:
        BuiltInRole: when every tenant has it.
    """
    name = call.params["name"]
    if name in BUILT_IN:
        raise BuiltInRole
    return new_name(name) if new else known_name(name, _missing)


@operation(
    "PUT",
    "/v1/roles/{name}",
    needs=WRITE,
    body=RoleBody,
    answers={200: RoleView, 201: RoleView},
    conditional=True,
    fresh=True,
)
async def put_role_definition(call: Call, body: RoleBody) -> Answer:
    """Define a role; who has it may do at once what it says."""
    name = _own(call, new=True)
    permissions = known_permissions(body.permissions, "/permissions", TENANT)
    command = PutRole(name=name, permissions=permissions, held=call.principal.permissions)

    def render(defined: RoleIsDefined, version: int) -> Answer:
        location = ((b"location", f"/v1/roles/{name}".encode()),) if defined.created else ()
        view = _view(name, defined.role, version)
        return json_answer(view, 201 if defined.created else 200, (etag(version), *location))

    return await execute(call, command, render)


@operation(
    "DELETE",
    "/v1/roles/{name}",
    needs=WRITE,
    answers={204: None},
    conditional=True,
    fresh=True,
)
async def delete_role(call: Call) -> Answer:
    """Delete a role that nobody has."""
    command = RemoveRole(name=_own(call))
    return await execute(call, command, no_content)


@operation(
    "GET",
    "/v1/roles/{name}",
    needs=READ,
    query=Moment,
    answers={200: RoleView},
    consistent=True,
)
async def get_role(call: Call, moment: Moment) -> Answer:
    """One role, now or as it was."""
    name = known_name(call.params["name"], _missing)
    if name in BUILT_IN:
        return json_answer(_built_in(name))
    role, version = await fold(call, ROLE, name, moment)
    return json_answer(_view(name, role, version), headers=(etag(version),))


@operation("GET", "/v1/roles", needs=READ, answers={200: RoleList}, consistent=True)
async def list_roles(call: Call) -> Answer:
    """All roles: first those that are built in."""
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_roles(rows)
    own = [
        RoleView(
            name=row.name,
            permissions=[each for each in row.permissions if each in PERMISSIONS],
            built_in=False,
            version=row.version,
        )
        for row in found
    ]
    return json_answer(RoleList(items=[*(_built_in(name) for name in BUILT_IN), *own]))


@operation(
    "GET",
    "/v1/roles/{name}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def role_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a role: what it opened, and who had it."""
    name = known_name(call.params["name"], _missing)
    return await stream_history(call, call.tenant, ROLE.stream(name), page, NoSuchRole())


OPERATIONS = (put_role_definition, delete_role, get_role, list_roles, role_history)
