"""Access: who a credential stands for, and the owner's key."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.bus import Run
from application.current import CurrentStates
from application.unit import Done, Unit
from domain.access import (
    API_KEY,
    OWNER,
    OWNER_SEAT,
    ApiKey,
    IssueApiKey,
    RevokeApiKey,
    SetOwnerKey,
    permissions_of,
)
from domain.recorded import DEFAULT_TENANT

SEAT = "installation"
"""The one stream that tells whose the installation is."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends a request: an account in a session, or a key."""

    actor: str
    role: str
    tenant: str = DEFAULT_TENANT
    permissions: frozenset[str] = frozenset()
    session: str | None = None

    @property
    def id(self) -> str:
        """The id behind the actor's kind."""
        return self.actor.partition("/")[2]


class SetOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Make a new key the owner's; the key it replaces is revoked.

    `rotate` False leaves an owner's key that exists as it is.
    """

    key: str
    secret_hash: str
    rotate: bool


class OwnerIsSet(msgspec.Struct, frozen=True):
    """Whose key is the owner's now; `changed` tells whether it is the one that was offered."""

    key: str
    changed: bool


@dataclass(frozen=True)
class SetOwnerHandler:
    """Carries out `SetOwner` in one append, so that two first starts make one owner."""

    now: Callable[[], datetime]

    async def __call__(self, command: SetOwner, run: Run) -> Done[OwnerIsSet]:
        """Issue the new key, seat it, revoke the old one."""

        async def decide(unit: Unit) -> OwnerIsSet:
            at = self.now()
            seat = await unit.load(OWNER_SEAT, SEAT)
            if seat.key and not command.rotate:
                return OwnerIsSet(seat.key, changed=False)
            issue = IssueApiKey(
                name="owner",
                role=OWNER,
                tenant=DEFAULT_TENANT,
                secret_hash=command.secret_hash,
                at=at,
            )
            await unit.decide(API_KEY, command.key, issue)
            seated = SetOwnerKey(key=command.key, replaces=seat.key, at=at)
            await unit.decide(OWNER_SEAT, SEAT, seated)
            if seat.key:
                await unit.decide(API_KEY, seat.key, RevokeApiKey(key=seat.key, at=at))
            return OwnerIsSet(command.key, changed=True)

        return await run(decide, lanes=[(OWNER_SEAT, SEAT)])


@dataclass(frozen=True)
class KeyAuthenticator:
    """Tells whose an API key is, from the kept state of its stream."""

    current: CurrentStates

    async def __call__(self, key: UUID, secret_hash: str) -> Principal | None:
        """The principal, or None when the key is unknown, wrong or revoked."""
        state = await self.current.get(API_KEY, str(key))
        if not isinstance(state, ApiKey) or state.revoked:
            return None
        if not hmac.compare_digest(state.secret_hash, secret_hash):
            return None
        return Principal(
            actor=API_KEY.stream(str(key)),
            role=state.role,
            tenant=state.tenant,
            permissions=permissions_of(state.role),
        )
