"""Memberships: which role an account has in a tenant. The stream lies in that tenant's log."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.access import BUILT_IN
from domain.decider import Command, Decider, Event
from domain.rejections import Conflict, NotFound

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


class AcceptRole(Command, frozen=True, kw_only=True):
    """Take up the role of an invitation, which `opens` this.

    `begins_here`: whoever opens an account is a member of this tenant by that alone.
    """

    role: str
    opens: frozenset[str]
    begins_here: bool
    at: datetime


class EndMembership(Command, frozen=True, kw_only=True):
    """Take an account out of the tenant."""

    reason: str
    at: datetime


MembershipCommand = GrantMembership | ChangeRole | AcceptRole | EndMembership


class NoMembership(msgspec.Struct, frozen=True):
    """The account does not belong to the tenant; whether it did once."""

    left: bool = False


class Membership(msgspec.Struct, frozen=True):
    """The account belongs to the tenant; `untouched`: as it first came in, ever since."""

    role: str
    untouched: bool = False


class NoSuchMember(NotFound):
    """The tenant has no such member."""

    slug = "no-such-member"
    title = "There is no such member"


class AlreadyAMember(Conflict):
    """The person belongs to the tenant."""

    slug = "already-a-member"
    title = "This person is a member already"


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
        case AcceptRole():
            return _accept(membership, command)
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


def _accept(membership: NoMembership | Membership, command: AcceptRole) -> list[MembershipEvent]:
    """Let the account in; who is there by having opened an account alone gets what opens more."""
    if isinstance(membership, Membership):
        by_registering = command.begins_here and membership.untouched and membership.role == MEMBER
        if not by_registering:
            raise AlreadyAMember
        if command.opens <= BUILT_IN[MEMBER]:
            return []
    return _granted(membership, command.role)


def evolve(
    membership: NoMembership | Membership, event: MembershipEvent
) -> NoMembership | Membership:
    """The membership after an event."""
    match event:
        case MembershipGranted():
            return Membership(event.role, untouched=membership == NoMembership())
        case MembershipEnded():
            return NoMembership(left=True)
        case _:
            assert_never(event)


MEMBERSHIP: Decider[NoMembership | Membership, MembershipCommand, MembershipEvent] = Decider(
    category="membership",
    events=MembershipEvent,
    initial=NoMembership(),
    decide=decide,
    evolve=evolve,
)
