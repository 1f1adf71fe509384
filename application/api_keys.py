"""API keys and service accounts: how programs get to act, and for whom."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.roles import give, opened_by, take
from application.unit import Done, Unit
from domain.access import check_grant
from domain.accounts import ACCOUNT, NoteKey
from domain.api_keys import (
    API_KEY,
    EVERYTHING,
    INSTALLATION_HOLDER,
    ApiKey,
    IssueApiKey,
    NoSuchApiKey,
    RevokeApiKey,
)
from domain.rejections import Conflict, Fault, Invalid
from domain.service_accounts import (
    SERVICE_ACCOUNT,
    ChangeServiceAccount,
    CreateServiceAccount,
    DeleteServiceAccount,
    NoSuchServiceAccount,
    ServiceAccount,
)


class OwnersKeyStays(Conflict):
    """The owner's key is replaced, never revoked: somebody must hold the installation."""

    slug = "owners-key-stays"
    title = "The owner's key cannot be revoked"


class MakeApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """Issue a key for `holder` in the caller's tenant; `held` is what the caller may do."""

    key: str
    name: str
    holder: str
    scopes: frozenset[str]
    secret_hash: str
    expires_at: datetime | None
    held: frozenset[str]


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys somebody sees: one's own, or all of a tenant's, and perhaps the installation's."""

    tenant: str
    holder: str
    all_: bool
    installation: bool

    def has(self, key: object) -> bool:
        """Whether this key is among them."""
        if not isinstance(key, ApiKey):
            return False
        if key.holder == INSTALLATION_HOLDER:
            return self.installation
        return key.tenant == self.tenant and (self.all_ or key.holder == self.holder)


class DropApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """Revoke a key that the caller sees."""

    key: str
    sight: Sight


@dataclass(frozen=True)
class MakeApiKeyHandler:
    """Carries out `MakeApiKey`."""

    now: Callable[[], datetime]

    async def __call__(self, command: MakeApiKey, run: Run) -> Done[ApiKey]:
        """Issue the key.

        Raises:
            Invalid: it would expire before it is made, or is for an unknown service account.
            MissingPermission: it would open what the caller may not do.
            TooManyUnprovenKeys: the person has to verify their address before they make another.
        """
        if command.expires_at is not None and command.expires_at <= self.now():
            detail = "lies in the past"
            raise Invalid(Fault(pointer="/expires_at", code="past", detail=detail))

        async def decide(unit: Unit) -> ApiKey:
            check_grant(command.held, command.scopes)
            await _check_holder(unit, command.holder)
            issue = IssueApiKey(
                name=command.name,
                holder=command.holder,
                tenant=unit.context.tenant,
                scopes=tuple(sorted(command.scopes)),
                secret_hash=command.secret_hash,
                expires_at=command.expires_at,
                at=self.now(),
            )
            key = unit.begin(API_KEY, command.key, issue)
            assert isinstance(key, ApiKey)  # noqa: S101 - or the decider has refused
            await self._note(unit, command.key)
            return key

        return await run(decide)

    async def _note(self, unit: Unit, key: str) -> None:
        """Let the person who makes a key know of it, as long as they may be a stranger."""
        category, _, id_ = unit.context.actor.partition("/")
        if category == ACCOUNT.category:
            await unit.decide(ACCOUNT, id_, NoteKey(key=key, at=self.now()))


async def _check_holder(unit: Unit, holder: str) -> None:
    category, _, id_ = holder.partition("/")
    if category != SERVICE_ACCOUNT.category:
        return
    account = await unit.guard(SERVICE_ACCOUNT, id_)
    if not isinstance(account, ServiceAccount):
        detail = "there is no such service account"
        fault = Fault(pointer="/service_account", code="unknown-service-account", detail=detail)
        raise Invalid(fault)


@dataclass(frozen=True)
class DropApiKeyHandler:
    """Carries out `DropApiKey`."""

    now: Callable[[], datetime]

    async def __call__(self, command: DropApiKey, run: Run) -> Done[None]:
        """Revoke the key.

        Raises:
            NoSuchApiKey: there is none that the caller sees.
            OwnersKeyStays: it is the owner's.
        """

        async def decide(unit: Unit) -> None:
            key = await unit.load(API_KEY, command.key)
            if not isinstance(key, ApiKey) or not command.sight.has(key):
                raise NoSuchApiKey
            if EVERYTHING in key.scopes:
                raise OwnersKeyStays("`annals owner rotate` replaces it.")
            revoke = RevokeApiKey(key=command.key, at=self.now())
            await unit.decide(API_KEY, command.key, revoke)

        return await run(decide, lanes=[(API_KEY, command.key)])


class AddServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Create a service account in the caller's tenant."""

    id: str
    name: str
    role: str
    held: frozenset[str]


class AlterServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Give a service account of the caller's tenant another name or role; what is None stays."""

    id: str
    name: str | None
    role: str | None
    held: frozenset[str]


class RemoveServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Delete a service account of the caller's tenant."""

    id: str
    held: frozenset[str]


@dataclass(frozen=True)
class AddServiceAccountHandler:
    """Carries out `AddServiceAccount`."""

    now: Callable[[], datetime]

    async def __call__(self, command: AddServiceAccount, run: Run) -> Done[ServiceAccount]:
        """Create it.

        Raises:
            Invalid: the tenant has no such role.
            MissingPermission: the role opens what the caller may not do.
        """

        async def decide(unit: Unit) -> ServiceAccount:
            at = self.now()
            create = CreateServiceAccount(name=command.name, role=command.role, at=at)
            account = unit.begin(SERVICE_ACCOUNT, command.id, create)
            check_grant(command.held, await opened_by(unit, command.role))
            await give(unit, command.role, SERVICE_ACCOUNT.stream(command.id), at)
            assert isinstance(account, ServiceAccount)  # noqa: S101 - or the decider has refused
            return account

        return await run(decide)


@dataclass(frozen=True)
class AlterServiceAccountHandler:
    """Carries out `AlterServiceAccount`, by the rules that a member's role changes by."""

    now: Callable[[], datetime]

    async def __call__(self, command: AlterServiceAccount, run: Run) -> Done[ServiceAccount]:
        """Change it; its keys open of their scopes what the new role does.

        Raises:
            NoSuchServiceAccount: the tenant has none such.
            Invalid: the tenant has no such role.
            MissingPermission: the caller lacks what its role opens, or what the new one would.
            LastOwner: the tenant would have no owner.
        """

        async def decide(unit: Unit) -> ServiceAccount:
            at, holder = self.now(), SERVICE_ACCOUNT.stream(command.id)
            before = await unit.load(SERVICE_ACCOUNT, command.id)
            if not isinstance(before, ServiceAccount):
                raise NoSuchServiceAccount
            role = before.role if command.role is None else command.role
            for each in (before.role, role):
                check_grant(command.held, await opened_by(unit, each))
            if role != before.role:
                await take(unit, before.role, holder, at)
                await give(unit, role, holder, at)
            change = ChangeServiceAccount(name=command.name, role=role, at=at)
            after = await unit.decide(SERVICE_ACCOUNT, command.id, change)
            assert isinstance(after, ServiceAccount)  # noqa: S101 - or the decider has refused
            return after

        return await run(decide, lanes=[(SERVICE_ACCOUNT, command.id)])


@dataclass(frozen=True)
class RemoveServiceAccountHandler:
    """Carries out `RemoveServiceAccount`."""

    now: Callable[[], datetime]

    async def __call__(self, command: RemoveServiceAccount, run: Run) -> Done[None]:
        """Delete it; its keys open nothing from now on.

        Raises:
            NoSuchServiceAccount: the tenant has none such.
            MissingPermission: its role opens what the caller may not do.
            LastOwner: it is the tenant's last owner.
        """

        async def decide(unit: Unit) -> None:
            at = self.now()
            account = await unit.load(SERVICE_ACCOUNT, command.id)
            if not isinstance(account, ServiceAccount):
                raise NoSuchServiceAccount
            check_grant(command.held, await opened_by(unit, account.role))
            await unit.decide(SERVICE_ACCOUNT, command.id, DeleteServiceAccount(at=at))
            await take(unit, account.role, SERVICE_ACCOUNT.stream(command.id), at)

        return await run(decide, lanes=[(SERVICE_ACCOUNT, command.id)])
