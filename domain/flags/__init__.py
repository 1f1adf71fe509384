"""Feature flags: on or off, and for how many, in each environment.

A rollout is sticky: the bucket of a subject follows from the flag's group and the subject alone,
by the same normalised murmur3 as Unleash's gradual rollout, so that moving from there moves
nobody (https://docs.getunleash.io/reference/activation-strategies, "gradual rollout").
"""

from datetime import datetime
from typing import assert_never

import mmh3
import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import NotFound

EVERYBODY = 100


class FlagDefined(Event, frozen=True, kw_only=True, tag="flag.defined"):
    """The flag exists, or what it says about itself has changed."""

    description: str
    group: str


class FlagEnabled(Event, frozen=True, kw_only=True, tag="flag.enabled"):
    """The flag was switched on in one environment."""

    environment: str


class FlagDisabled(Event, frozen=True, kw_only=True, tag="flag.disabled"):
    """The flag was switched off in one environment."""

    environment: str


class FlagRolledOut(Event, frozen=True, kw_only=True, tag="flag.rolled_out"):
    """Where it is on, it is on for this many percent of the subjects."""

    environment: str
    rollout: int


FlagEvent = FlagDefined | FlagEnabled | FlagDisabled | FlagRolledOut


class DefineFlag(Command, frozen=True, kw_only=True):
    """Say what the flag is and what it does in one environment."""

    flag: str
    environment: str
    description: str
    group: str
    enabled: bool
    rollout: int
    at: datetime


class EnableFlag(Command, frozen=True, kw_only=True):
    """Switch the flag on in one environment."""

    flag: str
    environment: str
    at: datetime


class DisableFlag(Command, frozen=True, kw_only=True):
    """Switch the flag off in one environment."""

    flag: str
    environment: str
    at: datetime


FlagCommand = DefineFlag | EnableFlag | DisableFlag


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag does in one environment; `rollout` in percent."""

    enabled: bool = False
    rollout: int = EVERYBODY


OFF = Setting()


class NoFlag(msgspec.Struct, frozen=True):
    """No such flag was defined."""


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """A flag and its settings by environment."""

    description: str
    group: str
    settings: dict[str, Setting]

    def setting(self, environment: str) -> Setting:
        """What it does there; off where nobody has said anything."""
        return self.settings.get(environment, OFF)


class NoSuchFlag(NotFound):
    """No such flag was defined."""

    slug = "no-such-flag"
    title = "There is no such flag"


def decide(flag: NoFlag | Flag, command: FlagCommand) -> list[FlagEvent]:
    """Answer a command with the events it causes."""
    match command:
        case DefineFlag():
            return _define(flag, command)
        case EnableFlag():
            return _enable(flag, command)
        case DisableFlag():
            return _disable(flag, command)
        case _:
            assert_never(command)


def _define(flag: NoFlag | Flag, command: DefineFlag) -> list[FlagEvent]:
    events: list[FlagEvent] = []
    if isinstance(flag, NoFlag) or (flag.description, flag.group) != (
        command.description,
        command.group,
    ):
        events.append(FlagDefined(description=command.description, group=command.group))
    now = OFF if isinstance(flag, NoFlag) else flag.setting(command.environment)
    if now.rollout != command.rollout:
        events.append(FlagRolledOut(environment=command.environment, rollout=command.rollout))
    if now.enabled != command.enabled:
        switch = FlagEnabled if command.enabled else FlagDisabled
        events.append(switch(environment=command.environment))
    return events


def _enable(flag: NoFlag | Flag, command: EnableFlag) -> list[FlagEvent]:
    if isinstance(flag, NoFlag):
        raise NoSuchFlag(flag=command.flag)
    if flag.setting(command.environment).enabled:
        return []
    return [FlagEnabled(environment=command.environment)]


def _disable(flag: NoFlag | Flag, command: DisableFlag) -> list[FlagEvent]:
    if isinstance(flag, NoFlag):
        raise NoSuchFlag(flag=command.flag)
    if not flag.setting(command.environment).enabled:
        return []
    return [FlagDisabled(environment=command.environment)]


def evolve(flag: NoFlag | Flag, event: FlagEvent) -> NoFlag | Flag:
    """The flag after an event."""
    match event:
        case FlagDefined():
            settings = {} if isinstance(flag, NoFlag) else flag.settings
            return Flag(description=event.description, group=event.group, settings=settings)
        case _ if isinstance(flag, NoFlag):
            return flag
        case FlagEnabled():
            return _set(flag, event.environment, enabled=True)
        case FlagDisabled():
            return _set(flag, event.environment, enabled=False)
        case FlagRolledOut():
            return _set(flag, event.environment, rollout=event.rollout)
        case _:
            assert_never(event)


def _set(flag: Flag, environment: str, **change: bool | int) -> Flag:
    setting = msgspec.structs.replace(flag.setting(environment), **change)
    return msgspec.structs.replace(flag, settings={**flag.settings, environment: setting})


FLAG: Decider[NoFlag | Flag, FlagCommand, FlagEvent] = Decider(
    category="flag", events=FlagEvent, initial=NoFlag(), decide=decide, evolve=evolve
)


def bucket(group: str, subject: str) -> int:
    """The bucket of a subject, 1 to 100: Unleash's `normalizedStrategyValue`."""
    return mmh3.hash(f"{group}:{subject}", 0, signed=False) % 100 + 1


def is_on(flag: NoFlag | Flag, environment: str, subject: str) -> bool:
    """Whether the flag is on for a subject there; a flag that was never defined is off."""
    if isinstance(flag, NoFlag):
        return False
    setting = flag.setting(environment)
    if not setting.enabled or setting.rollout <= 0:
        return False
    return setting.rollout >= EVERYBODY or bucket(flag.group, subject) <= setting.rollout
