"""What happens to flags and segments."""

from typing import Any

from domain.decider import Event
from domain.flags.conditions import Condition
from domain.flags.rules import Rule
from domain.flags.state import About
from domain.flags.variants import Variant


class FlagDefined(Event, frozen=True, kw_only=True, tag="flag.defined"):
    """The flag exists, or what it says about itself has changed."""

    SCHEMA = 2

    about: About


def about_of(old: dict[str, Any]) -> dict[str, Any]:
    """From schema version 1 of `flag.defined`, when a flag said two things about itself."""
    return {"about": {"description": old["description"], "group": old["group"]}}


class FlagEnabled(Event, frozen=True, kw_only=True, tag="flag.enabled"):
    """The flag was switched on in one environment."""

    environment: str


class FlagDisabled(Event, frozen=True, kw_only=True, tag="flag.disabled"):
    """The flag was switched off in one environment."""

    environment: str


class FlagRolledOut(Event, frozen=True, kw_only=True, tag="flag.rolled_out"):
    """Where it is on and has no rules, it is on for this many percent of the subjects."""

    environment: str
    rollout: int


class FlagRulesChanged(Event, frozen=True, kw_only=True, tag="flag.rules_changed"):
    """These are its rules in one environment now, in order."""

    environment: str
    rules: tuple[Rule, ...]


class FlagVariantsChanged(Event, frozen=True, kw_only=True, tag="flag.variants_changed"):
    """These are the flag's variants in one environment now."""

    environment: str
    variants: tuple[Variant, ...]


class FlagKilled(Event, frozen=True, kw_only=True, tag="flag.killed"):
    """The flag was switched off everywhere at once; its settings stay."""

    reason: str


class FlagReleased(Event, frozen=True, kw_only=True, tag="flag.released"):
    """The kill switch was taken back: the flag's settings count again."""


class FlagArchived(Event, frozen=True, kw_only=True, tag="flag.archived"):
    """The flag is no longer in use; it is off everywhere and left out of lists."""


class FlagRevived(Event, frozen=True, kw_only=True, tag="flag.revived"):
    """An archived flag is in use again, with the settings that it had."""


class FlagMarkedStale(Event, frozen=True, kw_only=True, tag="flag.marked_stale"):
    """Somebody said that the flag has served its purpose."""


class FlagMarkedActive(Event, frozen=True, kw_only=True, tag="flag.marked_active"):
    """Somebody said that the flag is still needed."""


FlagEvent = (
    FlagDefined
    | FlagEnabled
    | FlagDisabled
    | FlagRolledOut
    | FlagRulesChanged
    | FlagVariantsChanged
    | FlagKilled
    | FlagReleased
    | FlagArchived
    | FlagRevived
    | FlagMarkedStale
    | FlagMarkedActive
)


class SegmentDefined(Event, frozen=True, kw_only=True, tag="segment.defined"):
    """Who belongs to the segment."""

    description: str
    condition: Condition


class SegmentArchived(Event, frozen=True, kw_only=True, tag="segment.archived"):
    """The segment is no longer there; no flag uses it."""


SegmentEvent = SegmentDefined | SegmentArchived
