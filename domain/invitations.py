"""Invitations: somebody is asked, by mail to an address, to join a tenant in a role.

The token in that mail opens one membership once, to the account that has the address. Who reads
the mail has shown that the address is theirs, so nothing else needs to be verified; and a mail that
is passed on opens nothing to others.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Erased, Event, Personal, Secret
from domain.rejections import NotFound, Unauthenticated


class InvitationSent(Event, frozen=True, kw_only=True, tag="invitation.sent"):
    """A token was mailed to an address; `address` is the address's keyed hash.

    `person` is who has the address without an account: it must not tell that there is one.
    `inviter` is what it was asked with (`account/<id>`, `api-key/<id>`); it was not noted once.
    """

    PERSON = "person"

    person: str
    email: Personal
    address: Secret
    role: str
    token_hash: Secret
    expires_at: datetime
    inviter: str = ""


class InvitationAccepted(Event, frozen=True, kw_only=True, tag="invitation.accepted"):
    """An account has joined by it."""

    account: str


class InvitationRevoked(Event, frozen=True, kw_only=True, tag="invitation.revoked"):
    """Its token opens nothing any more."""


InvitationEvent = InvitationSent | InvitationAccepted | InvitationRevoked


class SendInvitation(Command, frozen=True, kw_only=True):
    """Invite an address."""

    person: str
    email: str
    address: str
    role: str
    token_hash: str
    expires_at: datetime
    inviter: str
    at: datetime


class AcceptInvitation(Command, frozen=True, kw_only=True):
    """Join by a token; `address` is the keyed hash of the account's own address."""

    account: str
    address: str
    token_hash: str
    at: datetime


class RevokeInvitation(Command, frozen=True, kw_only=True):
    """Take an invitation back."""

    at: datetime


InvitationCommand = SendInvitation | AcceptInvitation | RevokeInvitation


class NoInvitation(msgspec.Struct, frozen=True):
    """Nobody was invited here."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody was; `accepted_by` is the account that has used it.

    `inviter` is empty where nobody has noted what it was asked with.
    """

    email: str | Erased
    address: str
    role: str
    token_hash: str
    expires_at: datetime
    inviter: str = ""
    accepted_by: str = ""
    revoked: bool = False


class NoSuchInvitation(NotFound):
    """The tenant has no such invitation."""

    slug = "no-such-invitation"
    title = "There is no such invitation"


class WrongToken(Unauthenticated):
    """The token is unknown, used, expired, revoked or for another address: one answer for all."""

    slug = "wrong-token"
    title = "This token opens nothing"


def decide(
    invitation: NoInvitation | Invitation, command: InvitationCommand
) -> list[InvitationEvent]:
    """Answer a command with the events it causes."""
    match command:
        case SendInvitation():
            return _send(command)
        case AcceptInvitation():
            return _accept(invitation, command)
        case RevokeInvitation():
            return _revoke(invitation)
        case _:
            assert_never(command)


def _send(command: SendInvitation) -> list[InvitationEvent]:
    return [
        InvitationSent(
            person=command.person,
            email=command.email,
            address=command.address,
            role=command.role,
            token_hash=command.token_hash,
            expires_at=command.expires_at,
            inviter=command.inviter,
        )
    ]


def _accept(
    invitation: NoInvitation | Invitation, command: AcceptInvitation
) -> list[InvitationEvent]:
    if isinstance(invitation, NoInvitation) or invitation.token_hash != command.token_hash:
        raise WrongToken
    if invitation.accepted_by or invitation.revoked or invitation.expires_at <= command.at:
        raise WrongToken
    if invitation.address != command.address:
        raise WrongToken
    return [InvitationAccepted(account=command.account)]


def _revoke(invitation: NoInvitation | Invitation) -> list[InvitationEvent]:
    if isinstance(invitation, NoInvitation):
        raise NoSuchInvitation
    over = invitation.accepted_by or invitation.revoked
    return [] if over else [InvitationRevoked()]


def evolve(
    invitation: NoInvitation | Invitation, event: InvitationEvent
) -> NoInvitation | Invitation:
    """The invitation after an event."""
    match event:
        case InvitationSent():
            return Invitation(
                email=event.email,
                address=event.address,
                role=event.role,
                token_hash=event.token_hash,
                expires_at=event.expires_at,
                inviter=event.inviter,
            )
        case InvitationAccepted() if isinstance(invitation, Invitation):
            return msgspec.structs.replace(invitation, accepted_by=event.account)
        case InvitationRevoked() if isinstance(invitation, Invitation):
            return msgspec.structs.replace(invitation, revoked=True)
        case _:
            return invitation


INVITATION: Decider[NoInvitation | Invitation, InvitationCommand, InvitationEvent] = Decider(
    category="invitation",
    events=InvitationEvent,
    initial=NoInvitation(),
    decide=decide,
    evolve=evolve,
)
