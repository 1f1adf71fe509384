"""Tenants: separate rooms in one installation, and in which of them an account is at home.

The tenant `default` is there from the start and is never suspended: it is where the installation
itself is run from.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.recorded import DEFAULT_TENANT, SYSTEM_TENANT
from domain.rejections import Conflict, Forbidden, NotFound

RESERVED = frozenset({DEFAULT_TENANT, SYSTEM_TENANT, "installation"})


class TenantCreated(Event, frozen=True, kw_only=True, tag="tenant.created"):
    """There is such a tenant now; `owner` is the account that it was made for, if one was named."""

    owner: str


class TenantSuspended(Event, frozen=True, kw_only=True, tag="tenant.suspended"):
    """Nothing may be asked of the tenant until it is resumed."""

    reason: str


class TenantResumed(Event, frozen=True, kw_only=True, tag="tenant.resumed"):
    """The tenant serves again."""


TenantEvent = TenantCreated | TenantSuspended | TenantResumed


class CreateTenant(Command, frozen=True, kw_only=True):
    """Make a tenant."""

    owner: str
    at: datetime


class SuspendTenant(Command, frozen=True, kw_only=True):
    """Let the tenant serve nobody."""

    tenant: str
    reason: str
    at: datetime


class ResumeTenant(Command, frozen=True, kw_only=True):
    """Let it serve again."""

    tenant: str
    at: datetime


TenantCommand = CreateTenant | SuspendTenant | ResumeTenant


class NoTenant(msgspec.Struct, frozen=True):
    """There is no such tenant."""


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant; `suspended` says why it serves nobody now."""

    suspended: str | None = None


class TenantTaken(Conflict):
    """There is a tenant of this name."""

    slug = "tenant-taken"
    title = "There is a tenant of this name"


class NoSuchTenant(NotFound):
    """There is no such tenant."""

    slug = "no-such-tenant"
    title = "There is no such tenant"


class NotYourTenant(Forbidden):
    """The caller does not belong to this tenant, or there is none of this name: nobody is told."""

    slug = "not-your-tenant"
    title = "You do not belong to this tenant"


class Suspended(Forbidden):
    """The tenant serves nobody until the installation's owner resumes it."""

    slug = "tenant-suspended"
    title = "This tenant is suspended"


def decide(tenant: NoTenant | Tenant, command: TenantCommand) -> list[TenantEvent]:
    """Answer a command with the events it causes."""
    match command:
        case CreateTenant():
            if isinstance(tenant, Tenant):
                raise TenantTaken
            return [TenantCreated(owner=command.owner)]
        case SuspendTenant():
            if isinstance(tenant, NoTenant):
                raise NoSuchTenant
            already = tenant.suspended is not None
            return [] if already else [TenantSuspended(reason=command.reason)]
        case ResumeTenant():
            if isinstance(tenant, NoTenant):
                raise NoSuchTenant
            return [] if tenant.suspended is None else [TenantResumed()]
        case _:
            assert_never(command)


def evolve(_tenant: NoTenant | Tenant, event: TenantEvent) -> NoTenant | Tenant:
    """The tenant after an event."""
    match event:
        case TenantSuspended():
            return Tenant(suspended=event.reason)
        case TenantCreated() | TenantResumed():
            return Tenant()
        case _:
            assert_never(event)


TENANT: Decider[NoTenant | Tenant, TenantCommand, TenantEvent] = Decider(
    category="tenant",
    events=TenantEvent,
    initial=NoTenant(),
    decide=decide,
    evolve=evolve,
    system=True,
)


class TenantJoined(Event, frozen=True, kw_only=True, tag="account_tenants.joined"):
    """The account belongs to this tenant, too."""

    tenant: str


class TenantLeft(Event, frozen=True, kw_only=True, tag="account_tenants.left"):
    """The account belongs to it no more."""

    tenant: str


AccountTenantsEvent = TenantJoined | TenantLeft


class JoinTenant(Command, frozen=True, kw_only=True):
    """Note that the account has become a member."""

    tenant: str
    at: datetime


class LeaveTenant(Command, frozen=True, kw_only=True):
    """Note that the account is no member any more."""

    tenant: str
    at: datetime


AccountTenantsCommand = JoinTenant | LeaveTenant


class AccountTenants(msgspec.Struct, frozen=True):
    """Where an account is a member; each tenant's own log says in which role."""

    names: frozenset[str] = frozenset()


def note(known: AccountTenants, command: AccountTenantsCommand) -> list[AccountTenantsEvent]:
    """Answer a command with the events it causes."""
    match command:
        case JoinTenant():
            already = command.tenant in known.names
            return [] if already else [TenantJoined(tenant=command.tenant)]
        case LeaveTenant():
            there = command.tenant in known.names
            return [TenantLeft(tenant=command.tenant)] if there else []
        case _:
            assert_never(command)


def evolve_account(known: AccountTenants, event: AccountTenantsEvent) -> AccountTenants:
    """Where the account is a member after an event."""
    match event:
        case TenantJoined():
            return AccountTenants(known.names | {event.tenant})
        case TenantLeft():
            return AccountTenants(known.names - {event.tenant})
        case _:
            assert_never(event)


ACCOUNT_TENANTS: Decider[AccountTenants, AccountTenantsCommand, AccountTenantsEvent] = Decider(
    category="account-tenants",
    events=AccountTenantsEvent,
    initial=AccountTenants(),
    decide=note,
    evolve=evolve_account,
    system=True,
)
