"""Roles of a tenant: sets of permissions under a name, and who has each.

A role's stream knows its holders, so that one in use is not deleted and the last owner stays,
whatever happens at once. Of the built-in roles only the owner's is watched so: nothing depends on
who else is a member.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.access import BUILT_IN, OWNER
from domain.decider import Command, Decider, Event
from domain.rejections import Conflict, NotFound


class RoleDefined(Event, frozen=True, kw_only=True, tag="role.defined"):
    """Whoever has the role may do this from now on."""

    permissions: tuple[str, ...]


class RoleDeleted(Event, frozen=True, kw_only=True, tag="role.deleted"):
    """There is no such role any more."""


class RoleGiven(Event, frozen=True, kw_only=True, tag="role.given"):
    """A member or a service account has the role."""

    holder: str


class RoleTaken(Event, frozen=True, kw_only=True, tag="role.taken"):
    """The holder has it no more."""

    holder: str


RoleEvent = RoleDefined | RoleDeleted | RoleGiven | RoleTaken


class DefineRole(Command, frozen=True, kw_only=True):
    """Say what a role may do."""

    permissions: tuple[str, ...]
    at: datetime


class DeleteRole(Command, frozen=True, kw_only=True):
    """Remove a role that nobody has."""

    at: datetime


class GiveRole(Command, frozen=True, kw_only=True):
    """Let a holder have the role; a built-in one needs no definition."""

    holder: str
    built_in: bool
    at: datetime


class TakeRole(Command, frozen=True, kw_only=True):
    """Take the role from a holder; one that must be held is not taken from the last."""

    holder: str
    must_be_held: bool
    at: datetime


RoleCommand = DefineRole | DeleteRole | GiveRole | TakeRole


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """What a role may do (None: it is not defined), and who has it."""

    permissions: frozenset[str] | None = None
    holders: frozenset[str] = frozenset()


class NoSuchRole(NotFound):
    """The tenant has no such role."""

    slug = "no-such-role"
    title = "There is no such role"


class RoleInUse(Conflict):
    """Somebody has the role."""

    slug = "role-in-use"
    title = "Somebody has this role"


class LastOwner(Conflict):
    """The tenant has no other owner."""

    slug = "last-owner"
    title = "The tenant needs an owner"


def is_watched(role: str) -> bool:
    """Whether the role's stream knows who has it."""
    return role == OWNER or role not in BUILT_IN


def decide(role: Role, command: RoleCommand) -> list[RoleEvent]:
    """Answer a command with the events it causes."""
    match command:
        case DefineRole():
            return _define(role, command)
        case DeleteRole():
            return _delete(role)
        case GiveRole():
            return _give(role, command)
        case TakeRole():
            return _take(role, command)
        case _:
            assert_never(command)


def _define(role: Role, command: DefineRole) -> list[RoleEvent]:
    if role.permissions == frozenset(command.permissions):
        return []
    return [RoleDefined(permissions=command.permissions)]


def _delete(role: Role) -> list[RoleEvent]:
    if role.permissions is None:
        raise NoSuchRole
    if role.holders:
        many = len(role.holders)
        raise RoleInUse(f"{many} have this role: give them another one first.", holders=many)
    return [RoleDeleted()]


def _give(role: Role, command: GiveRole) -> list[RoleEvent]:
    if role.permissions is None and not command.built_in:
        raise NoSuchRole
    return [] if command.holder in role.holders else [RoleGiven(holder=command.holder)]


def _take(role: Role, command: TakeRole) -> list[RoleEvent]:
    if command.holder not in role.holders:
        return []
    if command.must_be_held and len(role.holders) == 1:
        raise LastOwner("Make somebody else an owner first.")
    return [RoleTaken(holder=command.holder)]


def evolve(role: Role, event: RoleEvent) -> Role:
    """The role after an event."""
    match event:
        case RoleDefined():
            return msgspec.structs.replace(role, permissions=frozenset(event.permissions))
        case RoleDeleted():
            return msgspec.structs.replace(role, permissions=None)
        case RoleGiven():
            return msgspec.structs.replace(role, holders=role.holders | {event.holder})
        case RoleTaken():
            return msgspec.structs.replace(role, holders=role.holders - {event.holder})
        case _:
            assert_never(event)


ROLE: Decider[Role, RoleCommand, RoleEvent] = Decider(
    category="role", events=RoleEvent, initial=Role(), decide=decide, evolve=evolve
)
