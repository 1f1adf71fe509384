"""Edits of a flag as requests write them: what a planned change consists of."""

from typing import Annotated

import msgspec

from adapters.http.flag_shapes import (
    AboutBody,
    Percent,
    Rules,
    Text,
    Variants,
    Word,
    about_of,
    with_ids,
)
from adapters.http.names import Name
from application.flags import DEFAULT_ENVIRONMENT
from domain.flags.edits import (
    Archive,
    Describe,
    Disable,
    Edit,
    Enable,
    Kill,
    Mark,
    Release,
    Revive,
    RollOut,
    SetRules,
)


class _EditBody(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    pass


class DescribeEdit(_EditBody, frozen=True, kw_only=True, tag="describe"):
    """Say what the flag is; what is left out is as for a new flag."""

    about: AboutBody


class EnableEdit(_EditBody, frozen=True, kw_only=True, tag="enable"):
    """Switch it on in one environment."""

    environment: Name = DEFAULT_ENVIRONMENT


class DisableEdit(_EditBody, frozen=True, kw_only=True, tag="disable"):
    """Switch it off in one environment."""

    environment: Name = DEFAULT_ENVIRONMENT


class RollOutEdit(_EditBody, frozen=True, kw_only=True, tag="roll_out"):
    """Let it be on for so many: by one rule (its `id`), or where the environment has none."""

    environment: Name = DEFAULT_ENVIRONMENT
    rollout: Percent
    rule: Word = ""


class SetRulesEdit(_EditBody, frozen=True, kw_only=True, tag="set_rules"):
    """Let these be its rules in one environment; without `variants` these stay as they are."""

    environment: Name = DEFAULT_ENVIRONMENT
    rules: Rules
    variants: Variants | None = None


class KillEdit(_EditBody, frozen=True, kw_only=True, tag="kill"):
    """Switch it off everywhere at once."""

    reason: Text = ""


class ReleaseEdit(_EditBody, frozen=True, kw_only=True, tag="release"):
    """Take the kill switch back."""


class ArchiveEdit(_EditBody, frozen=True, kw_only=True, tag="archive"):
    """Take it out of use."""


class ReviveEdit(_EditBody, frozen=True, kw_only=True, tag="revive"):
    """Take it into use again."""


class MarkEdit(_EditBody, frozen=True, kw_only=True, tag="mark"):
    """Say that it has served its purpose, or that it has not."""

    stale: bool


EditBody = (
    DescribeEdit
    | EnableEdit
    | DisableEdit
    | RollOutEdit
    | SetRulesEdit
    | KillEdit
    | ReleaseEdit
    | ArchiveEdit
    | ReviveEdit
    | MarkEdit
)


class RevertEdit(_EditBody, frozen=True, kw_only=True, tag="revert"):
    """Make the flag what it was at a version of it; this is the only edit of its step.

    Which edits that takes is found out when the change is proposed, and shown in its place.
    """

    version: Annotated[int, msgspec.Meta(ge=1, le=2**62)]


def edit_of(key: str, body: EditBody) -> Edit:
    """What an edit asks of the flag of this key."""
    match body:
        case DescribeEdit():
            return Describe(about=about_of(key, body.about))
        case RollOutEdit():
            return RollOut(environment=body.environment, rollout=body.rollout, rule=body.rule)
        case SetRulesEdit():
            rules = with_ids(body.rules)
            return SetRules(environment=body.environment, rules=rules, variants=body.variants)
        case EnableEdit() | DisableEdit():
            switch = Enable if isinstance(body, EnableEdit) else Disable
            return switch(environment=body.environment)
        case KillEdit():
            return Kill(reason=body.reason)
        case MarkEdit():
            return Mark(stale=body.stale)
        case _:
            return _PLAIN[type(body)]


_PLAIN: dict[type[EditBody], Edit] = {
    ReleaseEdit: Release(),
    ArchiveEdit: Archive(),
    ReviveEdit: Revive(),
}


def pointer_of(body: EditBody | RevertEdit, place: str) -> str:
    """Where the faults of an edit are found that stands at a place of the request."""
    match body:
        case DescribeEdit():
            return f"{place}/about"
        case RevertEdit():
            return f"{place}/version"
        case _:
            return place
