"""Roles: what one opens in a tenant, and how a tenant defines its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.current import States
from application.unit import Done, Unit
from domain.access import BUILT_IN, OWNER, TENANT, check_grant
from domain.rejections import Fault, Invalid
from domain.roles import ROLE, DefineRole, DeleteRole, GiveRole, Role, TakeRole, is_watched

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RolePermissions:
    """Tells what a role opens now, from its kept state."""

    current: States

    async def __call__(self, role: str, tenant: str) -> frozenset[str]:
        """The role's permissions in a tenant; of a role that is not there, none.

        Raises:
            Outage: when it is not kept and the log does not answer.
        """
        built_in = BUILT_IN.get(role)
        if built_in is not None:
            return built_in
        defined = await self.current.get(ROLE, role, tenant)
        return TENANT & (defined.permissions or NOTHING)


async def opened_by(unit: Unit, role: str) -> frozenset[str]:
    """What a role opens; it stays so until the unit is recorded.

    Raises:
        Invalid: at `/role`, when the tenant has no such role.
    """
    built_in = BUILT_IN.get(role)
    if built_in is not None:
        return built_in
    defined = await unit.guard(ROLE, role)
    if defined.permissions is None:
        detail = "the tenant has no such role"
        raise Invalid(Fault(pointer="/role", code="unknown-role", detail=detail))
    return TENANT & defined.permissions


async def give(unit: Unit, role: str, holder: str, at: datetime) -> None:
    """Note in the role's stream that somebody has it."""
    if is_watched(role):
        given = GiveRole(holder=holder, built_in=role in BUILT_IN, at=at)
        await unit.decide(ROLE, role, given)


async def take(unit: Unit, role: str, holder: str, at: datetime) -> None:
    """Note in the role's stream that somebody has it no more.

    Raises:
        LastOwner: they are the tenant's last owner.
    """
    if is_watched(role):
        taken = TakeRole(holder=holder, must_be_held=role == OWNER, at=at)
        await unit.decide(ROLE, role, taken)


class PutRole(msgspec.Struct, frozen=True, kw_only=True):
    """Define a role of the tenant's; `held` is what the caller may do."""

    name: str
    permissions: frozenset[str]
    held: frozenset[str]


class RemoveRole(msgspec.Struct, frozen=True, kw_only=True):
    """Delete a role of the tenant's."""

    name: str


class RoleIsDefined(msgspec.Struct, frozen=True, kw_only=True):
    """A role as it is now, and whether it is new."""

    role: Role
    created: bool


@dataclass(frozen=True)
class PutRoleHandler:
    """Carries out `PutRole`."""

    now: Callable[[], datetime]

    async def __call__(self, command: PutRole, run: Run) -> Done[RoleIsDefined]:
        """Define the role.

        Raises:
            MissingPermission: the role would open what the caller may not do, or does so now.
        """

        async def decide(unit: Unit) -> RoleIsDefined:
            before = await unit.load(ROLE, command.name)
            for each in (command.permissions, TENANT & (before.permissions or NOTHING)):
                check_grant(command.held, each)
            define = DefineRole(permissions=tuple(sorted(command.permissions)), at=self.now())
            after = await unit.decide(ROLE, command.name, define)
            return RoleIsDefined(role=after, created=before.permissions is None)

        return await run(decide, lanes=[(ROLE, command.name)])


@dataclass(frozen=True)
class RemoveRoleHandler:
    """Carries out `RemoveRole`."""

    now: Callable[[], datetime]

    async def __call__(self, command: RemoveRole, run: Run) -> Done[None]:
        """Delete the role.

        Raises:
            NoSuchRole: there is none.
            RoleInUse: somebody has it.
        """

        async def decide(unit: Unit) -> None:
            await unit.decide(ROLE, command.name, DeleteRole(at=self.now()))

        return await run(decide, lanes=[(ROLE, command.name)])
