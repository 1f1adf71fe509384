"""Edits: what can be changed about a flag, as values that can be kept, shown, carried out later."""

import msgspec

from domain.flags.rules import Rule
from domain.flags.state import About
from domain.flags.variants import Variant


class Describe(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="describe"):
    """Say what the flag is; a flag that was not there is there afterwards."""

    about: About


class Enable(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="enable"):
    """Switch it on in one environment."""

    environment: str


class Disable(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="disable"):
    """Switch it off in one environment."""

    environment: str


class RollOut(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="roll_out"):
    """Let it be on for this many percent: by one rule (`rule` is its id), or where it has none."""

    environment: str
    rollout: int
    rule: str = ""


class SetRules(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="set_rules"):
    """Let these be its rules in one environment; with `variants`, its variants there too."""

    environment: str
    rules: tuple[Rule, ...]
    variants: tuple[Variant, ...] | None = None


class Kill(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="kill"):
    """Switch it off everywhere at once."""

    reason: str = ""


class Release(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="release"):
    """Take the kill switch back."""


class Archive(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="archive"):
    """Take it out of use."""


class Revive(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="revive"):
    """Take it into use again."""


class Mark(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="mark"):
    """Say that it has served its purpose, or that it has not."""

    stale: bool


Edit = Describe | Enable | Disable | RollOut | SetRules | Kill | Release | Archive | Revive | Mark
