"""Service accounts: programs that belong to a tenant as members do, and act with keys."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import NotFound


class ServiceAccountCreated(Event, frozen=True, kw_only=True, tag="service_account.created"):
    """The tenant has this program among its own, in a role."""

    name: str
    role: str


class ServiceAccountRenamed(Event, frozen=True, kw_only=True, tag="service_account.renamed"):
    """It has another name."""

    name: str


class ServiceAccountRoleChanged(
    Event, frozen=True, kw_only=True, tag="service_account.role_changed"
):
    """It has another role, which its keys open from now on as far as their scopes go."""

    role: str


class ServiceAccountDeleted(Event, frozen=True, kw_only=True, tag="service_account.deleted"):
    """It is gone, and its keys open nothing."""


ServiceAccountEvent = (
    ServiceAccountCreated
    | ServiceAccountRenamed
    | ServiceAccountRoleChanged
    | ServiceAccountDeleted
)


class CreateServiceAccount(Command, frozen=True, kw_only=True):
    """Let a program act in the tenant."""

    name: str
    role: str
    at: datetime


class ChangeServiceAccount(Command, frozen=True, kw_only=True):
    """Give it another name or role; what is None stays."""

    name: str | None = None
    role: str | None = None
    at: datetime


class DeleteServiceAccount(Command, frozen=True, kw_only=True):
    """Let it act no more."""

    at: datetime


ServiceAccountCommand = CreateServiceAccount | ChangeServiceAccount | DeleteServiceAccount


class NoServiceAccount(msgspec.Struct, frozen=True):
    """There is none, or none any more."""


class ServiceAccount(msgspec.Struct, frozen=True):
    """A program of the tenant's."""

    name: str
    role: str


class NoSuchServiceAccount(NotFound):
    """The tenant has no such service account."""

    slug = "no-such-service-account"
    title = "There is no such service account"


def decide(
    account: NoServiceAccount | ServiceAccount, command: ServiceAccountCommand
) -> list[ServiceAccountEvent]:
    """Answer a command with the events it causes."""
    match command:
        case CreateServiceAccount():
            return [ServiceAccountCreated(name=command.name, role=command.role)]
        case ChangeServiceAccount():
            return _change(account, command)
        case DeleteServiceAccount():
            if isinstance(account, NoServiceAccount):
                raise NoSuchServiceAccount
            return [ServiceAccountDeleted()]
        case _:
            assert_never(command)


def _change(
    account: NoServiceAccount | ServiceAccount, command: ChangeServiceAccount
) -> list[ServiceAccountEvent]:
    if isinstance(account, NoServiceAccount):
        raise NoSuchServiceAccount
    events: list[ServiceAccountEvent] = []
    if command.name not in (None, account.name):
        events.append(ServiceAccountRenamed(name=command.name))
    if command.role not in (None, account.role):
        events.append(ServiceAccountRoleChanged(role=command.role))
    return events


def evolve(
    account: NoServiceAccount | ServiceAccount, event: ServiceAccountEvent
) -> NoServiceAccount | ServiceAccount:
    """The service account after an event."""
    match event, account:
        case ServiceAccountCreated(), _:
            return ServiceAccount(event.name, event.role)
        case ServiceAccountRenamed(), ServiceAccount():
            return ServiceAccount(event.name, account.role)
        case ServiceAccountRoleChanged(), ServiceAccount():
            return ServiceAccount(account.name, event.role)
        case ServiceAccountDeleted(), _:
            return NoServiceAccount()
        case _:
            return account


SERVICE_ACCOUNT: Decider[
    NoServiceAccount | ServiceAccount, ServiceAccountCommand, ServiceAccountEvent
] = Decider(
    category="service-account",
    events=ServiceAccountEvent,
    initial=NoServiceAccount(),
    decide=decide,
    evolve=evolve,
)
