"""The roles that a tenant has defined."""

from collections.abc import Iterable

import msgspec

from domain.recorded import Recorded
from domain.roles import RoleDefined, RoleDeleted, RoleEvent, RoleGiven, RoleTaken
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, TEXT, TEXTS, Operation, Table, delete, patch, put

ROLES = Table("roles", key={"name": TEXT}, columns={"permissions": TEXTS, "version": BIGINT})


def project(recorded: Recorded[RoleEvent]) -> Iterable[Operation]:
    """How an event changes the rows; a built-in role has none."""
    name, event = recorded.stream_id, recorded.event
    match event:
        case RoleDefined():
            values = {"permissions": event.permissions, "version": recorded.version}
            yield put(ROLES, name, values)
        case RoleDeleted():
            yield delete(ROLES, name)
        case RoleGiven() | RoleTaken():
            yield patch(ROLES, name, {"version": recorded.version})


PROJECTION = Projection(
    name="roles",
    version=1,
    tables=(ROLES,),
    handles=(RoleDefined, RoleDeleted, RoleGiven, RoleTaken),
    project=project,
)


class RoleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A role, and the version that its stream has."""

    name: str
    permissions: list[str]
    version: int


async def find_roles(rows: Rows) -> list[RoleRow]:
    """Roles by name."""
    return await rows.find(RoleRow, "SELECT name, permissions, version FROM {roles} ORDER BY name")
