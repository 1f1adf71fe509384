"""Environments: places in which flags do different things, and what people say about each.

An environment is there as soon as a flag does something in it; nobody has to describe it first.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import Conflict, NotFound

EnvironmentType = Literal["development", "test", "preproduction", "production"]
"""What an environment is for, in Unleash's words."""


class EnvironmentDescribed(Event, frozen=True, kw_only=True, tag="environment.described"):
    """Somebody said what the environment is for."""

    description: str
    purpose: EnvironmentType


class EnvironmentRemoved(Event, frozen=True, kw_only=True, tag="environment.removed"):
    """The environment is no longer there; no flag did anything in it."""


EnvironmentEvent = EnvironmentDescribed | EnvironmentRemoved


class DescribeEnvironment(Command, frozen=True, kw_only=True):
    """Say what the environment is for; a removed one is there again."""

    environment: str
    description: str
    purpose: EnvironmentType
    at: datetime


class RemoveEnvironment(Command, frozen=True, kw_only=True):
    """Take the environment away; `used_by` are the flags that do something in it.

    `known` says that some flag, whatever became of it, has a setting there.
    """

    environment: str
    used_by: Sequence[str]
    known: bool
    at: datetime


EnvironmentCommand = DescribeEnvironment | RemoveEnvironment


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What was said about an environment; nothing, where nobody has said anything."""

    described: bool = False
    removed: bool = False
    description: str = ""
    purpose: EnvironmentType = "production"


class NoSuchEnvironment(NotFound):
    """Nobody has described it, and no flag does anything in it."""

    slug = "no-such-environment"
    title = "There is no such environment"


class EnvironmentInUse(Conflict):
    """Flags do something in the environment."""

    slug = "environment-in-use"
    title = "Flags work in the environment"


def decide(environment: Environment, command: EnvironmentCommand) -> list[EnvironmentEvent]:
    """Answer a command with the events it causes."""
    match command:
        case DescribeEnvironment():
            return _describe(environment, command)
        case RemoveEnvironment():
            return _remove(environment, command)
        case _:
            assert_never(command)


def _describe(environment: Environment, command: DescribeEnvironment) -> list[EnvironmentEvent]:
    said = EnvironmentDescribed(description=command.description, purpose=command.purpose)
    return [] if evolve(environment, said) == environment else [said]


def _remove(environment: Environment, command: RemoveEnvironment) -> list[EnvironmentEvent]:
    if command.used_by:
        flags = ", ".join(sorted(command.used_by)[:5])
        detail = f"Take them out of it first, or archive them: {flags}."
        raise EnvironmentInUse(detail, flags=sorted(command.used_by)[:100])
    if environment.removed:
        return []
    if not environment.described and not command.known:
        raise NoSuchEnvironment(environment=command.environment)
    return [EnvironmentRemoved()]


def evolve(_environment: Environment, event: EnvironmentEvent) -> Environment:
    """The environment after an event."""
    match event:
        case EnvironmentDescribed():
            return Environment(described=True, description=event.description, purpose=event.purpose)
        case EnvironmentRemoved():
            return Environment(removed=True)
        case _:
            assert_never(event)


ENVIRONMENT: Decider[Environment, EnvironmentCommand, EnvironmentEvent] = Decider(
    category="environment",
    events=EnvironmentEvent,
    initial=Environment(),
    decide=decide,
    evolve=evolve,
)
