"""Memberships: what an account may do in a tenant, and how it comes in, changes and goes.

A member's role is one fact in three places of the log, always recorded together: the membership
itself, the role's own stream where that watches its holders, and the account's list of tenants.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.current import States
from application.roles import RolePermissions, give, opened_by, take
from application.session_store import SessionStore
from application.tenants import names_tenant
from application.unit import Done, Unit
from domain.access import check_grant
from domain.accounts import ACCOUNT, Account, NoSuchAccount, RevokeSessions
from domain.memberships import (
    MEMBERSHIP,
    AcceptRole,
    ChangeRole,
    EndMembership,
    GrantMembership,
    Membership,
    NoSuchMember,
)
from domain.recorded import DEFAULT_TENANT
from domain.tenants import ACCOUNT_TENANTS, JoinTenant, LeaveTenant


class Standing(msgspec.Struct, frozen=True):
    """What an account is in a tenant, and what it may do there."""

    role: str
    permissions: frozenset[str]


STRANGER = Standing("", frozenset())
"""Of an account that does not belong to the tenant; it may nothing."""


@dataclass(frozen=True)
class Standings:
    """Tells what accounts may do, from the kept states of their memberships and of roles."""

    current: States

    async def __call__(self, account: str, tenant: str) -> Standing:
        """The account's standing in a tenant, which need not exist.

        Raises:
            Outage: when it is not kept and the log does not answer.
        """
        if not names_tenant(tenant):
            return STRANGER
        membership = await self.current.get(MEMBERSHIP, account, tenant)
        if not isinstance(membership, Membership):
            return STRANGER
        opened = await RolePermissions(self.current)(membership.role, tenant)
        return Standing(membership.role, opened)

    async def tenants(self, account: str) -> list[str]:
        """Where an account is a member, by name.

        Raises:
            Outage: as above.
        """
        noted = await self.current.get(ACCOUNT_TENANTS, account)
        names = sorted({DEFAULT_TENANT, *noted.names})
        return [name for name in names if await self(account, name) is not STRANGER]


def holder_of(account: str) -> str:
    """How roles name an account that has them."""
    return ACCOUNT.stream(account)


def begin_member(unit: Unit, account: str, role: str, at: datetime) -> None:
    """Let an account that was made just now into the unit's tenant, as no owner."""
    unit.begin(MEMBERSHIP, account, GrantMembership(role=role, at=at))
    tenant = unit.context.tenant
    if tenant != DEFAULT_TENANT:  # whose members need not be noted: almost everybody is one
        unit.begin(ACCOUNT_TENANTS, account, JoinTenant(tenant=tenant, at=at))


async def admit(unit: Unit, account: str, role: str, at: datetime) -> None:
    """Let an account into the unit's tenant, or give it another role there.

    Raises:
        LastOwner: it is the last owner, and the role another one.
    """
    before = await unit.load(MEMBERSHIP, account)
    if isinstance(before, Membership):
        await _settle(unit, account, ChangeRole(role=role, at=at))
    else:
        await _settle(unit, account, GrantMembership(role=role, at=at))


class RoleAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """What an account is after an invitation; `changed`: it was a member in another role before."""

    role: str
    changed: bool


async def accept_role(unit: Unit, account: str, role: str, at: datetime) -> RoleAccepted:
    """Let an account into the unit's tenant by an invitation.

    Who is a member of `default` only for having an account gets the role there, unless it opens
    nothing that they may not do already.

    Raises:
        Invalid: the tenant has no such role.
        AlreadyAMember: somebody has let the account in before.
    """
    before = await unit.load(MEMBERSHIP, account)
    command = AcceptRole(
        role=role,
        opens=await opened_by(unit, role),
        begins_here=unit.context.tenant == DEFAULT_TENANT,
        at=at,
    )
    after = await _settle(unit, account, command)
    changed = isinstance(before, Membership) and after.role != before.role
    return RoleAccepted(role=after.role, changed=changed)


async def _settle(
    unit: Unit, account: str, command: GrantMembership | ChangeRole | AcceptRole
) -> Membership:
    """Let a membership answer, and note what role the account has now wherever that is noted."""
    before = await unit.load(MEMBERSHIP, account)
    after = await unit.decide(MEMBERSHIP, account, command)
    assert isinstance(after, Membership)  # noqa: S101 - or the decider has refused
    role_before = before.role if isinstance(before, Membership) else ""
    if after.role == role_before:
        return after
    tenant = unit.context.tenant
    if role_before:
        await take(unit, role_before, holder_of(account), command.at)
    elif tenant != DEFAULT_TENANT:
        await unit.decide(ACCOUNT_TENANTS, account, JoinTenant(tenant=tenant, at=command.at))
    await give(unit, after.role, holder_of(account), command.at)
    return after


async def dismiss(unit: Unit, account: str, reason: str, at: datetime) -> Membership:
    """Take an account out of the unit's tenant; what it was there.

    Raises:
        NoSuchMember: it is no member.
        LastOwner: it is the last owner.
    """
    before = await unit.load(MEMBERSHIP, account)
    if not isinstance(before, Membership):
        raise NoSuchMember
    await unit.decide(MEMBERSHIP, account, EndMembership(reason=reason, at=at))
    await take(unit, before.role, holder_of(account), at)
    left = LeaveTenant(tenant=unit.context.tenant, at=at)
    await unit.decide(ACCOUNT_TENANTS, account, left)
    return before


class GrantRole(msgspec.Struct, frozen=True, kw_only=True):
    """Give a member of the caller's tenant a role; `held` is what the caller may do.

    Who `admits` lets an account in that is no member yet.
    """

    account: str
    role: str
    held: frozenset[str]
    admits: bool = False


@dataclass(frozen=True)
class GrantRoleHandler:
    """Carries out `GrantRole`. The member's sessions end: who has another role signs in anew."""

    sessions: SessionStore
    now: Callable[[], datetime]

    async def __call__(self, command: GrantRole, run: Run) -> Done[Membership]:
        """Grant the role, and end the account's sessions if it was another one.

        Raises:
            NoSuchAccount: there is no such account.
            NoSuchMember: it is no member of the tenant.
            Invalid: the tenant has no such role.
            MissingPermission: the caller lacks what the role opens, or what the member may do now.
            LastOwner: the tenant would have no owner.
        """
        changed = False

        async def decide(unit: Unit) -> Membership:
            nonlocal changed
            at = self.now()
            account = await unit.load(ACCOUNT, command.account)
            before = await unit.load(MEMBERSHIP, command.account)
            is_member = isinstance(before, Membership)
            if not isinstance(account, Account):
                raise NoSuchAccount if command.admits else NoSuchMember
            if not is_member and not command.admits:
                raise NoSuchMember
            check_grant(command.held, await opened_by(unit, command.role))
            if isinstance(before, Membership):
                check_grant(command.held, await opened_by(unit, before.role))
            await admit(unit, command.account, command.role, at)
            after = Membership(command.role)
            changed = isinstance(before, Membership) and after.role != before.role
            if changed:
                revoke = RevokeSessions(reason="role_changed", at=at)
                await unit.decide(ACCOUNT, command.account, revoke)
            return after

        done = await run(decide, lanes=[(ACCOUNT, command.account)])
        if changed:
            await self.sessions.end_all(command.account, done.position.number)
        return done


class RemoveMember(msgspec.Struct, frozen=True, kw_only=True):
    """Take an account out of the caller's tenant; `held` is what the caller may do."""

    account: str
    held: frozenset[str]


@dataclass(frozen=True)
class RemoveMemberHandler:
    """Carries out `RemoveMember`."""

    now: Callable[[], datetime]

    async def __call__(self, command: RemoveMember, run: Run) -> Done[None]:
        """Remove the member.

        Raises:
            NoSuchMember: it is none.
            MissingPermission: the caller lacks what the member may do.
            LastOwner: the tenant would have no owner.
        """

        async def decide(unit: Unit) -> None:
            before = await unit.load(MEMBERSHIP, command.account)
            if not isinstance(before, Membership):
                raise NoSuchMember
            check_grant(command.held, await opened_by(unit, before.role))
            await dismiss(unit, command.account, "removed", self.now())

        return await run(decide, lanes=[(MEMBERSHIP, command.account)])


class Leave(msgspec.Struct, frozen=True, kw_only=True):
    """Leave the tenant of the request."""

    account: str


@dataclass(frozen=True)
class LeaveHandler:
    """Carries out `Leave`."""

    now: Callable[[], datetime]

    async def __call__(self, command: Leave, run: Run) -> Done[None]:
        """Leave.

        Raises:
            NoSuchMember: who asks is no member.
            LastOwner: the tenant would have no owner.
        """

        async def decide(unit: Unit) -> None:
            await dismiss(unit, command.account, "left", self.now())

        return await run(decide, lanes=[(MEMBERSHIP, command.account)])
