"""Memberships: what an account may do in a tenant, and how its role there is changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.current import CurrentStates
from application.session_store import SessionStore
from application.unit import Done, Unit
from domain.access import permissions_of
from domain.accounts import ACCOUNT, Account, NoSuchAccount, RevokeSessions
from domain.memberships import MEMBERSHIP, ChangeRole, Membership


class Standing(msgspec.Struct, frozen=True):
    """What an account is in a tenant, and what it may do there."""

    role: str
    permissions: frozenset[str]


STRANGER = Standing("", frozenset())
"""Of an account that does not belong to the tenant; it may nothing."""


@dataclass(frozen=True)
class Standings:
    """Tells what accounts may do, from the kept states of their memberships."""

    current: CurrentStates

    async def __call__(self, account: str, tenant: str) -> Standing:
        """The account's standing in a tenant, which need not exist.

        Raises:
            Outage: when it is not kept and the log does not answer.
        """
        membership = await self.current.get(MEMBERSHIP, account, tenant)
        if not isinstance(membership, Membership):
            return STRANGER
        return Standing(membership.role, permissions_of(membership.role))


class GrantRole(msgspec.Struct, frozen=True, kw_only=True):
    """Give a member of the caller's tenant a role."""

    account: str
    role: str


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
        """
        changed = False

        async def decide(unit: Unit) -> Membership:
            nonlocal changed
            at = self.now()
            account = await unit.load(ACCOUNT, command.account)
            if not isinstance(account, Account):
                raise NoSuchAccount
            before = await unit.load(MEMBERSHIP, command.account)
            change = ChangeRole(role=command.role, at=at)
            after = await unit.decide(MEMBERSHIP, command.account, change)
            assert isinstance(after, Membership)  # noqa: S101 - or the decider has refused
            changed = after != before
            if changed:
                revoke = RevokeSessions(reason="role_changed", at=at)
                await unit.decide(ACCOUNT, command.account, revoke)
            return after

        done = await run(decide, lanes=[(ACCOUNT, command.account)])
        if changed:
            await self.sessions.end_all(command.account, done.position.number)
        return done
