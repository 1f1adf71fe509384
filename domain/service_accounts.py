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


class ServiceAccountDeleted(Event, frozen=True, kw_only=True, tag="service_account.deleted"):
    """It is gone, and its keys open nothing."""


ServiceAccountEvent = ServiceAccountCreated | ServiceAccountDeleted


class CreateServiceAccount(Command, frozen=True, kw_only=True):
    """Let a program act in the tenant."""

    name: str
    role: str
    at: datetime


class DeleteServiceAccount(Command, frozen=True, kw_only=True):
    """Let it act no more."""

    at: datetime


ServiceAccountCommand = CreateServiceAccount | DeleteServiceAccount


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
        case DeleteServiceAccount():
            if isinstance(account, NoServiceAccount):
                raise NoSuchServiceAccount
            return [ServiceAccountDeleted()]
        case _:
            assert_never(command)


def evolve(
    _account: NoServiceAccount | ServiceAccount, event: ServiceAccountEvent
) -> NoServiceAccount | ServiceAccount:
    """The service account after an event."""
    match event:
        case ServiceAccountCreated():
            return ServiceAccount(event.name, event.role)
        case ServiceAccountDeleted():
            return NoServiceAccount()
        case _:
            assert_never(event)


SERVICE_ACCOUNT: Decider[
    NoServiceAccount | ServiceAccount, ServiceAccountCommand, ServiceAccountEvent
] = Decider(
    category="service-account",
    events=ServiceAccountEvent,
    initial=NoServiceAccount(),
    decide=decide,
    evolve=evolve,
)
