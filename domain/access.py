"""Access: which permissions there are, how far each reaches, and which key is the owner's.

A permission reaches either into one tenant, and then roles of that tenant may hold it, or beyond
any tenant, and then only the installation's owner does: no role that a tenant gives reaches what
belongs to all of them.
"""

from datetime import datetime

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import Conflict, Forbidden

OWNER = "owner"
ADMIN = "admin"
MEMBER = "member"
VIEWER = "viewer"

INSTALLATION = frozenset(
    {
        "accounts:erase", "accounts:export", "accounts:write", "backups:read", "backups:write",
        "metrics:read", "outbox:read", "outbox:write", "platform-events:read",
        "platform-logs:read", "projections:write", "signing-keys:read", "signing-keys:write",
        "tenants:read", "tenants:write",
    }
)  # fmt: skip
"""What reaches beyond one tenant: for whoever runs the installation, and no role of a tenant."""

_OWN = frozenset(
    {
        "actions:run", "flags:evaluate", "inbox:read", "own-api-keys:write", "own-jobs:read",
        "own-reminders:write",
    }
)  # fmt: skip
"""What concerns nobody but who does it; `own-` reaches only what the caller has made."""

_ADMIN = _OWN | {
    "accounts:read", "actions:read", "actions:write", "api-keys:read", "api-keys:write",
    "cache:read", "cache:write", "events:read", "flags:read", "flags:write", "jobs:read",
    "jobs:write", "limits:read", "limits:write", "logs:read", "logs:write", "members:read",
    "members:write", "personal:read", "reminders:read", "reminders:write", "roles:read",
    "schemas:read", "schemas:write", "service-accounts:read", "service-accounts:write",
    "webhooks:read", "webhooks:write",
}  # fmt: skip

TENANT = _ADMIN | {"roles:write"}
"""What a tenant's roles may open."""

PERMISSIONS = TENANT | INSTALLATION
"""All that there are."""

_UNSORTED = frozenset({"cache:read", "logs:read", "personal:read"})
"""What is read there may be about persons, or secret: nobody has marked which of it is."""

BUILT_IN = {
    OWNER: TENANT,
    ADMIN: _ADMIN,
    MEMBER: _OWN,
    VIEWER: frozenset(each for each in TENANT if each.endswith(":read")) - _UNSORTED,
}
"""The roles that every tenant has."""


class MissingPermission(Forbidden):
    """The caller's role lacks a permission."""

    slug = "missing-permission"
    title = "Your role does not allow this"


class StepUpRequired(Forbidden):
    """The person has not proved lately who they are."""

    slug = "step-up-required"
    title = "This needs a fresh proof of who you are"


class SessionRequired(Forbidden):
    """The credential is an access token, and what is asked for would outlast it."""

    slug = "session-required"
    title = "This needs a session itself, not an access token"


class NotAPerson(Forbidden):
    """The credential is a program's, and this is about a person."""

    slug = "not-a-person"
    title = "Only a person who is signed in can do this"


def require(permissions: frozenset[str], permission: str) -> None:
    """Refuse whoever lacks a permission.

    Raises:
        MissingPermission: naming it.
    """
    if permission not in permissions:
        raise MissingPermission(f"This needs the permission {permission}.", permission=permission)


def check_grant(held: frozenset[str], granted: frozenset[str]) -> None:
    """Let nobody give, or take from others, what they may not do themselves.

    Raises:
        MissingPermission: naming the first that `held` lacks.
    """
    for permission in sorted(granted - held):
        raise MissingPermission(
            f"Nobody grants what they lack, and you lack {permission}.", permission=permission
        )


class OwnerKeySet(Event, frozen=True, kw_only=True, tag="owner.key_set"):
    """The owner acts with this key from now on."""

    key: str


class SetOwnerKey(Command, frozen=True, kw_only=True):
    """Make a key the owner's, if the one it replaces still is."""

    key: str
    replaces: str
    at: datetime


class Owner(msgspec.Struct, frozen=True):
    """Which key is the owner's; none while empty."""

    key: str = ""


class OwnerHasChanged(Conflict):
    """The owner's key is not the one that was to be replaced."""

    slug = "owner-has-changed"
    title = "The owner's key has just been changed"


def set_owner_key(owner: Owner, command: SetOwnerKey) -> list[OwnerKeySet]:
    """Replace the owner's key."""
    if owner.key != command.replaces:
        raise OwnerHasChanged
    return [OwnerKeySet(key=command.key)]


def evolve_owner(_owner: Owner, event: OwnerKeySet) -> Owner:
    """The owner after an event."""
    return Owner(event.key)


OWNER_SEAT: Decider[Owner, SetOwnerKey, OwnerKeySet] = Decider(
    category="owner",
    events=OwnerKeySet,
    initial=Owner(),
    decide=set_owner_key,
    evolve=evolve_owner,
    system=True,
)
