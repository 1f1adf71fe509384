"""What an event makes of a flag; states and rows change by the same values."""

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.flags.events import (
    FlagArchived,
    FlagDefined,
    FlagDisabled,
    FlagEnabled,
    FlagEvent,
    FlagKilled,
    FlagMarkedActive,
    FlagMarkedStale,
    FlagReleased,
    FlagRevived,
    FlagRolledOut,
    FlagRulesChanged,
    FlagVariantsChanged,
)
from domain.flags.state import Flag, NoFlag

SWITCHES: Mapping[type[Any], Mapping[str, bool]] = {
    FlagKilled: {"killed": True},
    FlagReleased: {"killed": False},
    FlagArchived: {"archived": True},
    FlagRevived: {"archived": False},
    FlagMarkedStale: {"stale": True},
    FlagMarkedActive: {"stale": False},
}
"""Events that turn one thing of the whole flag on or off."""


def setting_change(event: FlagEvent) -> tuple[str, dict[str, Any]] | None:
    """The environment whose setting an event changes, and what of it; None where it is of none."""
    match event:
        case FlagEnabled():
            return event.environment, {"enabled": True}
        case FlagDisabled():
            return event.environment, {"enabled": False}
        case FlagRolledOut():
            return event.environment, {"rollout": event.rollout}
        case FlagRulesChanged():
            return event.environment, {"rules": event.rules}
        case FlagVariantsChanged():
            return event.environment, {"variants": event.variants}
        case _:
            return None


def evolve(flag: NoFlag | Flag, event: FlagEvent) -> NoFlag | Flag:
    """The flag after an event."""
    if isinstance(event, FlagDefined):
        if isinstance(flag, NoFlag):
            return Flag(about=event.about)
        return msgspec.structs.replace(flag, about=event.about)
    if isinstance(flag, NoFlag):
        return flag
    change = setting_change(event)
    if change is None:
        return msgspec.structs.replace(flag, **SWITCHES[type(event)])
    environment, values = change
    setting = msgspec.structs.replace(flag.setting(environment), **values)
    return msgspec.structs.replace(flag, settings={**flag.settings, environment: setting})
