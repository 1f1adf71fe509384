"""API keys: what programs act with, on whose behalf, and with which scopes.

A key's scopes are the most that it may ever do. What it may do now is asked anew at every use:
never more than whoever holds it may in that moment.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Erased, Event, Personal, Secret
from domain.rejections import Conflict, NotFound

EVERYTHING = "*"
"""The scope of the owner's key alone: all permissions, those of later versions too."""

INSTALLATION_HOLDER = "installation"
"""Who holds the keys that the installation's owner makes, with whatever scopes."""


class ApiKeyIssued(Event, frozen=True, kw_only=True, tag="api_key.issued"):
    """A program can act with this key, for `holder` (`account/<id>`, `service-account/<id>`).

    `person` is the holder's id: what somebody calls a key of theirs goes with them.
    """

    PERSON = "person"

    person: str
    name: Personal
    holder: str
    tenant: str
    scopes: tuple[str, ...]
    secret_hash: Secret
    expires_at: datetime | None = None


class ApiKeyRevoked(Event, frozen=True, kw_only=True, tag="api_key.revoked"):
    """The key opens nothing any more."""

    holder: str
    tenant: str


ApiKeyEvent = ApiKeyIssued | ApiKeyRevoked


class IssueApiKey(Command, frozen=True, kw_only=True):
    """Make a key known; only the hash of its secret is."""

    name: str
    holder: str
    tenant: str
    scopes: tuple[str, ...]
    secret_hash: str
    expires_at: datetime | None = None
    at: datetime


class RevokeApiKey(Command, frozen=True, kw_only=True):
    """Take a key's power away."""

    key: str
    at: datetime


ApiKeyCommand = IssueApiKey | RevokeApiKey


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was issued."""

    name: str | Erased
    holder: str
    tenant: str
    scopes: frozenset[str]
    secret_hash: str
    expires_at: datetime | None
    revoked: bool = False


class NoApiKey(msgspec.Struct, frozen=True):
    """No key was issued here."""


class ApiKeyTaken(Conflict):
    """The new key's id is in use."""

    slug = "api-key-taken"
    title = "This API key exists"


class NoSuchApiKey(NotFound):
    """There is no such key, or none that the caller may see."""

    slug = "no-such-api-key"
    title = "There is no such API key"


def decide(key: NoApiKey | ApiKey, command: ApiKeyCommand) -> list[ApiKeyEvent]:
    """Answer a command with the events it causes."""
    match command:
        case IssueApiKey():
            return _issue(key, command)
        case RevokeApiKey():
            if isinstance(key, NoApiKey) or key.revoked:
                return []
            return [ApiKeyRevoked(holder=key.holder, tenant=key.tenant)]
        case _:
            assert_never(command)


def _issue(key: NoApiKey | ApiKey, command: IssueApiKey) -> list[ApiKeyEvent]:
    if isinstance(key, ApiKey):
        raise ApiKeyTaken
    return [
        ApiKeyIssued(
            person=command.holder.rpartition("/")[2],
            name=command.name,
            holder=command.holder,
            tenant=command.tenant,
            scopes=command.scopes,
            secret_hash=command.secret_hash,
            expires_at=command.expires_at,
        )
    ]


def evolve(key: NoApiKey | ApiKey, event: ApiKeyEvent) -> NoApiKey | ApiKey:
    """The key after an event."""
    match event:
        case ApiKeyIssued():
            return ApiKey(
                name=event.name,
                holder=event.holder,
                tenant=event.tenant,
                scopes=frozenset(event.scopes),
                secret_hash=event.secret_hash,
                expires_at=event.expires_at,
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
