"""Invitations: a mail to an address, and the membership that its token opens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from application.accounts.reserving import reservation_of
from application.bus import Run
from application.emails import NameHash, mailable_form
from application.inviters import may_still_invite
from application.limits import RateLimiter
from application.mail import Letters, key_of_address
from application.memberships import RoleAccepted, accept_role
from application.one_time_tokens import NewToken
from application.roles import opened_by
from application.session_store import SessionStore
from application.unit import Done, Unit
from domain.access import check_grant
from domain.accounts import ACCOUNT, EMAIL, Account, RevokeSessions
from domain.emails import canonical_email
from domain.invitations import (
    INVITATION,
    AcceptInvitation,
    Invitation,
    RevokeInvitation,
    SendInvitation,
    WrongToken,
)
from domain.limits import Limit
from domain.memberships import MEMBERSHIP, AlreadyAMember, Membership
from domain.recorded import SYSTEM_TENANT
from domain.rejections import Fault, Invalid
from domain.tenants import TENANT, Suspended, Tenant

LIFETIME = timedelta(days=7)

_HOUR = 3600.0
FROM_ONE = Limit(algorithm="sliding_window", limit=5, window=_HOUR, scope="tenant")
FROM_ALL = Limit(algorithm="sliding_window", limit=20, window=_HOUR, scope="tenant")
"""So many invitations an address is sent at most, by one tenant and by all of them.

No limit that a tenant defines can have the names that these are counted under.
"""


_HAS_ANOTHER_ROLE = (
    "They are a member in another role already. PUT /v1/members/{account} changes it; "
    "GET /v1/accounts?email= tells which account is theirs."
)


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """Invite an address into the caller's tenant; `held` is what the caller may do.

    `inviter` is what the caller has shown: their key, or their account's session.
    """

    id: str
    inviter: str
    token: NewToken
    email: str
    role: str
    held: frozenset[str]


class Uninvite(msgspec.Struct, frozen=True, kw_only=True):
    """Revoke an invitation of the caller's tenant."""

    id: str


class Accept(msgspec.Struct, frozen=True, kw_only=True):
    """Join the tenant that a token names, as an account. It is carried out in that tenant.

    `session` is the one in which that is asked.
    """

    id: str
    token_hash: str
    account: str
    session: str


@dataclass(frozen=True)
class InviteHandler:
    """Carries out `Invite`: the invitation and its letter in one append."""

    letters: Letters
    limiter: RateLimiter
    email_hash: NameHash
    now: Callable[[], datetime]

    async def __call__(self, command: Invite, run: Run) -> Done[Invitation]:
        """Send the invitation.

        Raises:
            Invalid: a malformed address, or a role that the tenant has not.
            MissingPermission: the role opens what the caller may not do.
            AlreadyAMember: the address belongs to a member.
            LimitUsedUp: the address was sent enough of them.
        """
        email = canonical_email(command.email)
        if email is None:
            fault = Fault(pointer="/email", code="email", detail="is no e-mail address")
            raise Invalid(fault)
        address = self.email_hash(email)
        await self.limiter.count(":invitations", run.context.tenant, FROM_ONE, address)
        await self.limiter.count(":all-invitations", SYSTEM_TENANT, FROM_ALL, address)

        async def decide(unit: Unit) -> Invitation:
            invitation = await self._sent(unit, command, address)
            check_grant(command.held, await opened_by(unit, command.role))
            person = await self.letters.person(unit, email)
            member = await unit.load(MEMBERSHIP, person)
            if isinstance(member, Membership):
                raise AlreadyAMember("" if member.role == command.role else _HAS_ANOTHER_ROLE)
            self.letters.post(
                unit,
                kind="invitation",
                person=person,
                to=mailable_form(command.email),
                token=command.token.text,
                until=invitation.expires_at,
                tenant=unit.context.tenant,
            )
            return invitation

        return await run(decide)

    async def _sent(self, unit: Unit, command: Invite, address: str) -> Invitation:
        at = self.now()
        await unit.load(INVITATION, command.id)  # whose version is the answer's
        reservation = await reservation_of(unit, address)
        send = SendInvitation(
            person=key_of_address(address, reservation.releases),
            email=mailable_form(command.email),
            address=address,
            role=command.role,
            token_hash=command.token.hash,
            expires_at=at + LIFETIME,
            inviter=command.inviter,
            at=at,
        )
        invitation = await unit.decide(INVITATION, command.id, send)
        assert isinstance(invitation, Invitation)  # noqa: S101 - or the decider has refused
        return invitation


@dataclass(frozen=True)
class UninviteHandler:
    """Carries out `Uninvite`."""

    now: Callable[[], datetime]

    async def __call__(self, command: Uninvite, run: Run) -> Done[None]:
        """Revoke the invitation.

        Raises:
            NoSuchInvitation: the tenant has none such.
        """

        async def decide(unit: Unit) -> None:
            await unit.decide(INVITATION, command.id, RevokeInvitation(at=self.now()))

        return await run(decide, lanes=[(INVITATION, command.id)])


@dataclass(frozen=True)
class AcceptHandler:
    """Carries out `Accept`. Whose role it changes keeps no session but the one that asks."""

    sessions: SessionStore
    now: Callable[[], datetime]

    async def __call__(self, command: Accept, run: Run) -> Done[RoleAccepted]:
        """Join, or take up the role where the account is a member only for having registered.

        Raises:
            WrongToken: the token opens nothing, for whatever reason.
            AlreadyAMember: the account belongs to the tenant.
            Suspended: the tenant serves nobody now.
            Unconfirmed: it was recorded, and nobody could confirm that other sessions have ended.
        """

        async def decide(unit: Unit) -> RoleAccepted:
            at = self.now()
            invitation = await unit.load(INVITATION, command.id)
            accept = AcceptInvitation(
                account=command.account,
                address=await _address_of(unit, command.account, invitation),
                token_hash=command.token_hash,
                at=at,
            )
            accepted = await unit.decide(INVITATION, command.id, accept)
            assert isinstance(accepted, Invitation)  # noqa: S101 - or the decider has refused
            tenant = await unit.load(TENANT, unit.context.tenant)
            if isinstance(tenant, Tenant) and tenant.suspended is not None:
                raise Suspended
            given = await self._given(unit, command.account, accepted, at)
            if given.changed:
                revoke = RevokeSessions(reason="role_changed", kept=command.session, at=at)
                await unit.decide(ACCOUNT, command.account, revoke)
            return given

        done = await run(decide, lanes=[(INVITATION, command.id)])
        if done.result.changed:
            ended = done.position.number
            await self.sessions.end_all(command.account, ended, command.session)
        return done

    async def _given(
        self, unit: Unit, account: str, accepted: Invitation, at: datetime
    ) -> RoleAccepted:
        inviter, role = accepted.inviter, accepted.role
        try:
            if inviter and not await may_still_invite(unit, inviter, role, self.now):
                raise WrongToken
            return await accept_role(unit, account, role, at)
        except Invalid:  # the role was deleted meanwhile
            raise WrongToken from None


async def _address_of(unit: Unit, account: str, invitation: object) -> str:
    """The invitation's address if it is reserved by the account, which is open; else none."""
    if not isinstance(invitation, Invitation):
        return ""
    reservation = await unit.guard(EMAIL, invitation.address)
    known = await unit.guard(ACCOUNT, account)
    theirs = isinstance(known, Account) and reservation.account == account
    return invitation.address if theirs else ""
