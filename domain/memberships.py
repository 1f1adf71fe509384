"""Memberships: which role an account has in a tenant. The stream lies in that tenant's log."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import NotFound

MEMBER = "member"
ADMIN = "admin"


class MembershipGranted(Event, frozen=True, kw_only=True, tag="membership.granted"):
    """The account has this role in the tenant from now on."""

    role: str


class MembershipEnded(Event, frozen=True, kw_only=True, tag="membership.ended"):
    """The account belongs to the tenant no more: it left, or was removed."""

    reason: str


MembershipEvent = MembershipGranted | MembershipEnded


class GrantMembership(Command, frozen=True, kw_only=True):
    """Let an account into the tenant in a role."""

    role: str
    at: datetime


class ChangeRole(Command, frozen=True, kw_only=True):
    """Give a member another role."""

    role: str
    at: datetime


class EndMembership(Command, frozen=True, kw_only=True):
    """Take an account out of the tenant."""

    reason: str
    at: datetime


MembershipCommand = GrantMembership | ChangeRole | EndMembership


class NoMembership(msgspec.Struct, frozen=True):
    """The account does not belong to the tenant."""


class Membership(msgspec.Struct, frozen=True):
    """The account belongs to the tenant."""

    role: str


class NoSuchMember(NotFound):
    """The tenant has no such member."""

    slug = "no-such-member"
    title = "There is no such member"


def decide(
    membership: NoMembership | Membership, command: MembershipCommand
) -> list[MembershipEvent]:
    """Answer a command with the events it causes."""
    match command:
        case GrantMembership():
            return _granted(membership, command.role)
        case ChangeRole():
            if isinstance(membership, NoMembership):
                raise NoSuchMember
            return _granted(membership, command.role)
        case EndMembership():
            if isinstance(membership, NoMembership):
                return []
            return [MembershipEnded(reason=command.reason)]
        case _:
            assert_never(command)


def _granted(membership: NoMembership | Membership, role: str) -> list[MembershipEvent]:
    if isinstance(membership, Membership) and membership.role == role:
        return []
    return [MembershipGranted(role=role)]


def evolve(
    _membership: NoMembership | Membership, event: MembershipEvent
) -> NoMembership | Membership:
    """The membership after an event."""
    match event:
        case MembershipGranted():
            return Membership(event.role)
        case MembershipEnded():
            return NoMembership()
        case _:
            assert_never(event)


MEMBERSHIP: Decider[NoMembership | Membership, MembershipCommand, MembershipEvent] = Decider(
    category="membership",
    events=MembershipEvent,
    initial=NoMembership(),
    decide=decide,
    evolve=evolve,
)
