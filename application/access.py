"""Access: who a credential stands for, and the owner's key."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.bus import Run
from application.current import States
from application.memberships import STRANGER, Standing, Standings
from application.roles import RolePermissions
from application.tenants import Tenants
from application.unit import Done, Unit
from domain.access import OWNER, OWNER_SEAT, PERMISSIONS, SetOwnerKey
from domain.accounts import ACCOUNT, Account
from domain.api_keys import (
    API_KEY,
    EVERYTHING,
    INSTALLATION_HOLDER,
    ApiKey,
    IssueApiKey,
    RevokeApiKey,
)
from domain.recorded import DEFAULT_TENANT
from domain.service_accounts import SERVICE_ACCOUNT, ServiceAccount
from domain.tenants import NotYourTenant

SEAT = "installation"
"""The one stream that tells whose the installation is."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends a request: an account in a session, or a key.

    `holder` is on whose behalf (`account/<id>`, `service-account/<id>`, or the installation).
    """

    actor: str
    role: str
    tenant: str = DEFAULT_TENANT
    permissions: frozenset[str] = frozenset()
    session: str | None = None
    key: UUID | None = None
    holder: str = ""
    suspended: bool = False
    """The tenant serves nobody now."""

    @property
    def id(self) -> str:
        """The id behind the actor's kind."""
        return self.actor.partition("/")[2]

    @property
    def credential(self) -> str:
        """The key that was used, as a stream's name; without one, the actor."""
        return self.actor if self.key is None else API_KEY.stream(str(self.key))


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
                holder=INSTALLATION_HOLDER,
                tenant=DEFAULT_TENANT,
                scopes=(EVERYTHING,),
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
class Holders:
    """Tells what those may do for whom keys act, from kept states."""

    current: States

    async def __call__(self, holder: str, tenant: str) -> Standing | None:
        """What a holder may do in a tenant now; None when there is no such holder any more.

        Raises:
            Outage: when something is not kept and the log does not answer.
        """
        category, _, id_ = holder.partition("/")
        if holder == INSTALLATION_HOLDER:
            return Standing("", PERMISSIONS)
        if category == SERVICE_ACCOUNT.category:
            account = await self.current.get(SERVICE_ACCOUNT, id_, tenant)
            if not isinstance(account, ServiceAccount):
                return None
            opened = await RolePermissions(self.current)(account.role, tenant)
            return Standing(account.role, opened)
        person = await self.current.get(ACCOUNT, id_)
        if not isinstance(person, Account):
            return None
        standing = await Standings(self.current)(id_, tenant)
        return None if standing is STRANGER else standing


@dataclass(frozen=True)
class KeyAuthenticator:
    """Tells whose an API key is and what it opens now, from kept states alone."""

    current: States
    now: Callable[[], datetime]

    async def __call__(
        self, key: UUID, secret_hash: str, wanted: str | None = None
    ) -> Principal | None:
        """The principal, in the tenant that is `wanted`; None when the key opens nothing.

        Raises:
            NotYourTenant: the key does not open the tenant that is wanted.
            Outage: when something is not kept and the log does not answer.
        """
        state = await self.current.get(API_KEY, str(key))
        if not isinstance(state, ApiKey):
            return None
        if not hmac.compare_digest(state.secret_hash, secret_hash):
            return None
        return await self._behind(key, state, wanted)

    async def without_secret(self, key: UUID, wanted: str | None = None) -> Principal | None:
        """As above, of a key whose secret was shown before."""
        state = await self.current.get(API_KEY, str(key))
        return await self._behind(key, state, wanted) if isinstance(state, ApiKey) else None

    async def _behind(self, key: UUID, state: ApiKey, wanted: str | None) -> Principal | None:
        if state.revoked:
            return None
        if state.expires_at is not None and state.expires_at <= self.now():
            return None
        if EVERYTHING in state.scopes:
            return await self._owner(key, state.tenant if wanted is None else wanted)
        if wanted not in (None, state.tenant):
            raise NotYourTenant
        return await self._scoped(key, state)

    async def _owner(self, key: UUID, tenant: str) -> Principal:
        if not await Tenants(self.current).has(tenant):
            raise NotYourTenant
        return Principal(
            actor=API_KEY.stream(str(key)),
            role=OWNER,
            tenant=tenant,
            permissions=PERMISSIONS,
            key=key,
            holder=INSTALLATION_HOLDER,
            suspended=await Tenants(self.current).suspended(tenant),
        )

    async def _scoped(self, key: UUID, state: ApiKey) -> Principal | None:
        """What a key opens that was made for somebody: its scopes, as far as they go themselves."""
        standing = await Holders(self.current)(state.holder, state.tenant)
        if standing is None:
            return None
        category, _, _ = state.holder.partition("/")
        is_service = category == SERVICE_ACCOUNT.category
        return Principal(
            actor=state.holder if is_service else API_KEY.stream(str(key)),
            role=standing.role,
            tenant=state.tenant,
            permissions=state.scopes & standing.permissions,
            key=key,
            holder=state.holder,
            suspended=await Tenants(self.current).suspended(state.tenant),
        )
