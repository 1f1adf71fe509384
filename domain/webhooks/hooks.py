"""Hooks: the addresses that providers call, each leading to one tenant's source.

They live in the system tenant, because who calls one names no tenant.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import NotFound


class HookOpened(Event, frozen=True, kw_only=True, tag="webhook_hook.opened"):
    """Messages that come to this address are the source's."""

    tenant: str
    source: str


class HookClosed(Event, frozen=True, kw_only=True, tag="webhook_hook.closed"):
    """Nothing answers at this address any more."""


HookEvent = HookOpened | HookClosed


class OpenHook(Command, frozen=True, kw_only=True):
    """Give a source its address."""

    tenant: str
    source: str
    at: datetime


class CloseHook(Command, frozen=True, kw_only=True):
    """Take the address away for good."""

    at: datetime


HookCommand = OpenHook | CloseHook


class NoHook(msgspec.Struct, frozen=True):
    """Nothing answers here, or not any more."""


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """An address, and whose it is."""

    tenant: str
    source: str


class NoSuchHook(NotFound):
    """Nothing answers at this address, or not now."""

    slug = "no-such-hook"
    title = "There is no such hook"


def decide(hook: NoHook | Hook, command: HookCommand) -> list[HookEvent]:
    """Answer a command with the events it causes."""
    match command:
        case OpenHook():
            return [HookOpened(tenant=command.tenant, source=command.source)]
        case CloseHook():
            return [HookClosed()] if isinstance(hook, Hook) else []
        case _:
            assert_never(command)


def evolve(_hook: NoHook | Hook, event: HookEvent) -> NoHook | Hook:
    """The hook after an event."""
    match event:
        case HookOpened():
            return Hook(tenant=event.tenant, source=event.source)
        case HookClosed():
            return NoHook()
        case _:
            assert_never(event)


HOOK: Decider[NoHook | Hook, HookCommand, HookEvent] = Decider(
    category="webhook-hook",
    events=HookEvent,
    initial=NoHook(),
    decide=decide,
    evolve=evolve,
    system=True,
)
