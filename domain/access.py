"""Access: what a role may do, the keys that programs use, and which key is the owner's."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event, Secret
from domain.rejections import Conflict, Forbidden

OWNER = "owner"

_ADMIN = frozenset(
    {
        "accounts:read", "actions:read", "actions:write", "backups:read", "cache:read",
        "cache:write", "events:read", "flags:evaluate", "flags:read", "flags:write", "jobs:read",
        "jobs:write", "limits:read", "limits:write", "logs:read", "logs:write", "personal:read",
        "reminders:read", "reminders:write", "schemas:read", "schemas:write", "webhooks:read",
        "webhooks:write",
    }
)  # fmt: skip
_MEMBER = frozenset(
    {"actions:run", "flags:evaluate", "inbox:read", "own-jobs:read", "own-reminders:write"}
)
_EVERYTHING = _ADMIN | {
    "access:write", "accounts:write", "actions:run", "backups:write", "inbox:read", "outbox:read",
    "outbox:write", "projections:write",
}  # fmt: skip
PERMISSIONS = {
    OWNER: _EVERYTHING,
    "admin": _ADMIN | {"actions:run", "inbox:read"},
    "member": _MEMBER,
}
"""What each role may do; `own-` reaches only what the caller has triggered or made."""


class MissingPermission(Forbidden):
    """The caller's role lacks a permission."""

    slug = "missing-permission"
    title = "Your role does not allow this"


class StepUpRequired(Forbidden):
    """The person has not proved lately who they are."""

    slug = "step-up-required"
    title = "This needs a fresh proof of who you are"


class NotAPerson(Forbidden):
    """The credential is a program's, and this is about a person."""

    slug = "not-a-person"
    title = "Only a person who is signed in can do this"


def permissions_of(role: str) -> frozenset[str]:
    """What a built-in role may do; an unknown one may nothing."""
    return PERMISSIONS.get(role, frozenset())


def require(permissions: frozenset[str], permission: str) -> None:
    """Refuse whoever lacks a permission.

    Raises:
        MissingPermission: naming it.
    """
    if permission not in permissions:
        raise MissingPermission(f"This needs the permission {permission}.", permission=permission)


class ApiKeyIssued(Event, frozen=True, kw_only=True, tag="api_key.issued"):
    """A program can act with this key."""

    name: str
    role: str
    tenant: str
    secret_hash: Secret


class ApiKeyRevoked(Event, frozen=True, kw_only=True, tag="api_key.revoked"):
    """The key opens nothing any more."""


ApiKeyEvent = ApiKeyIssued | ApiKeyRevoked


class IssueApiKey(Command, frozen=True, kw_only=True):
    """Make a key known; only the hash of its secret is."""

    name: str
    role: str
    tenant: str
    secret_hash: str
    at: datetime


class RevokeApiKey(Command, frozen=True, kw_only=True):
    """Take a key's power away."""

    key: str
    at: datetime


ApiKeyCommand = IssueApiKey | RevokeApiKey


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was issued."""

    name: str
    role: str
    tenant: str
    secret_hash: str
    revoked: bool = False


class NoApiKey(msgspec.Struct, frozen=True):
    """No key was issued here."""


class ApiKeyTaken(Conflict):
    """The new key's id is in use."""

    slug = "api-key-taken"
    title = "This API key exists"


def decide(key: NoApiKey | ApiKey, command: ApiKeyCommand) -> list[ApiKeyEvent]:
    """Answer a command with the events it causes."""
    match command:
        case IssueApiKey():
            return _issue(key, command)
        case RevokeApiKey():
            return [] if isinstance(key, NoApiKey) or key.revoked else [ApiKeyRevoked()]
        case _:
            assert_never(command)


def _issue(key: NoApiKey | ApiKey, command: IssueApiKey) -> list[ApiKeyEvent]:
    if isinstance(key, ApiKey):
        raise ApiKeyTaken
    return [
        ApiKeyIssued(
            name=command.name,
            role=command.role,
            tenant=command.tenant,
            secret_hash=command.secret_hash,
        )
    ]


def evolve(key: NoApiKey | ApiKey, event: ApiKeyEvent) -> NoApiKey | ApiKey:
    """The key after an event."""
    match event:
        case ApiKeyIssued():
            return ApiKey(
                name=event.name,
                role=event.role,
                tenant=event.tenant,
                secret_hash=event.secret_hash,
            )
        case ApiKeyRevoked() if isinstance(key, ApiKey):
            return msgspec.structs.replace(key, revoked=True)
        case _:
            return key


API_KEY: Decider[NoApiKey | ApiKey, ApiKeyCommand, ApiKeyEvent] = Decider(
    category="api-key",
    events=ApiKeyEvent,
    initial=NoApiKey(),
    decide=decide,
    evolve=evolve,
    system=True,
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
