"""What flags look like on the wire; rules, variants and conditions are the domain's own values."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec

from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.commands import Render
from adapters.http.conditions import etag
from adapters.http.names import NO_NUL, Name, new_name
from application.flags import DEFAULT_ENVIRONMENT
from application.flags.changes import FlagChanged
from domain.flags.commands import NoSuchFlag
from domain.flags.rules import EVERYBODY, Prerequisite, Rule
from domain.flags.staleness import potentially_stale
from domain.flags.state import About, Flag, NoFlag, Purpose
from domain.flags.variants import FlagKind, Variant
from domain.rejections import Fault, Invalid

Percent = Annotated[int, msgspec.Meta(ge=0, le=100, description="Percent of the subjects.")]
Text = Annotated[str, msgspec.Meta(max_length=1000, extra_json_schema=NO_NUL)]
Word = Annotated[str, msgspec.Meta(max_length=100, extra_json_schema=NO_NUL)]
Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]
Rules = Annotated[tuple[Rule, ...], msgspec.Meta(max_length=200)]
Variants = Annotated[tuple[Variant, ...], msgspec.Meta(max_length=200)]
Tags = Annotated[tuple[Word, ...], msgspec.Meta(max_length=50)]
Prerequisites = Annotated[tuple[Prerequisite, ...], msgspec.Meta(max_length=50)]

HIDING = frozenset({"contexts", "evaluate", "export", "import"})
"""Words that stand in paths where a flag's key does: a flag of that key could not be asked for."""

_WORDS = HIDING | {"environments", "explain", "stale", "try", "usage"}
"""Words of this API that new flags leave to it."""


class AboutBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a flag is; `group` decides which subjects share a fate."""

    description: Text = ""
    group: Word = ""
    kind: FlagKind = "boolean"
    default: Any = None
    purpose: Purpose = "release"
    owner: Word = ""
    tags: Tags = ()
    project: Word = "default"
    lifetime: Days | None = None
    protected: bool = False
    impressions: bool = False
    prerequisites: Prerequisites = ()


class FlagBody(AboutBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a flag is, and does in one environment; `group` decides which subjects share a fate.

    Without `rules` or `variants` those of the environment stay as they are.
    """

    enabled: bool = False
    rollout: Percent = EVERYBODY
    environment: Name = DEFAULT_ENVIRONMENT
    rules: Rules | None = None
    variants: Variants | None = None


class RulesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules of one environment, in order; without `variants` these stay as they are."""

    rules: Rules
    variants: Variants | None = None


class RolloutBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many it is on: by one rule (its `id`), or where the environment has none."""

    rollout: Percent
    rule: Word = ""


class KillBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Text = ""


class MarkBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the flag has served its purpose."""

    stale: bool


class RevertBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version of the flag is to come back."""

    version: Annotated[int, msgspec.Meta(ge=1, le=2**62)]


class FlagItem(msgspec.Struct, frozen=True, kw_only=True):
    """A flag in a list, and what it does in one environment.

    `environments` are those in which anything was set.
    """

    key: str
    enabled: bool
    rollout: int
    environment: str
    environments: list[str]
    description: str
    group: str
    kind: FlagKind
    purpose: Purpose
    owner: str
    tags: tuple[str, ...]
    project: str
    protected: bool
    killed: bool
    archived: bool
    stale: bool
    version: int


class FlagView(FlagItem, frozen=True, kw_only=True):
    """A flag, and all that it does in one environment."""

    default: Any
    lifetime: int | None
    impressions: bool
    prerequisites: tuple[Prerequisite, ...]
    rules: tuple[Rule, ...]
    variants: tuple[Variant, ...]


class ListedFlag(FlagItem, frozen=True, kw_only=True):
    """A flag in a list.

    It is `potentially_stale` once it has outlived its lifetime and nobody has marked it.
    `last_seen_at` is when it was last evaluated in the environment.
    """

    created_at: datetime
    potentially_stale: bool
    last_seen_at: datetime | None


class AgedFlag(FlagView, frozen=True, kw_only=True):
    """A flag by itself, with its age; see `ListedFlag`."""

    created_at: datetime
    potentially_stale: bool


class FlagList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of flags, by key."""

    items: list[ListedFlag]
    next: str | None


def new_key(text: str) -> str:
    """A key for a flag that may come into being.

    Raises:
        Invalid: when it is none that a URL takes, or a word of the API.
    """
    key = new_name(text)
    if key.lower() in _WORDS:
        detail = f"{key} is a word of the API and cannot be a flag's key"
        raise Invalid(Fault(pointer="", code="reserved", detail=detail))
    return key


def missing(key: str) -> NoSuchFlag:
    """There is no flag of this key."""
    return NoSuchFlag(f"There is no flag named {key[:100]}.", flag=key[:100])


def about_of(key: str, body: AboutBody) -> About:
    """What a body says about the flag itself."""
    return About(
        description=body.description,
        group=body.group or key,
        kind=body.kind,
        default=body.default,
        purpose=body.purpose,
        owner=body.owner,
        tags=tuple(dict.fromkeys(body.tags)),
        project=body.project,
        lifetime=body.lifetime,
        protected=body.protected,
        impressions=body.impressions,
        prerequisites=body.prerequisites,
    )


def with_ids(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules, each with an id: those that come without one are numbered by their place."""
    given = tuple(rules)
    taken = {rule.id for rule in given}
    named = []
    for number, rule in enumerate(given, start=1):
        id_ = rule.id or _free(f"rule-{number}", taken)
        taken.add(id_)
        named.append(msgspec.structs.replace(rule, id=id_))
    return tuple(named)


def _free(wanted: str, taken: set[str]) -> str:
    id_, again = wanted, 1
    while id_ in taken:
        again += 1
        id_ = f"{wanted}-{again}"
    return id_


def item_of(
    key: str,
    flag: Flag,
    environment: str,
    version: int,
    *,
    created_at: datetime,
    last_seen_at: datetime | None,
    now: datetime,
) -> ListedFlag:
    """A flag as a list shows it."""
    return ListedFlag(
        **_item(key, flag, environment, version),
        created_at=created_at,
        potentially_stale=potentially_stale(flag, created_at, now),
        last_seen_at=last_seen_at,
    )


def aged(view: FlagView, flag: Flag, created_at: datetime, now: datetime) -> AgedFlag:
    """A flag as it is shown by itself, with its age."""
    return AgedFlag(
        **msgspec.structs.asdict(view),
        created_at=created_at,
        potentially_stale=potentially_stale(flag, created_at, now),
    )


def view_of(key: str, flag: NoFlag | Flag, environment: str, version: int) -> FlagView:
    """A flag as it is shown by itself.

    Raises:
        NoSuchFlag: it was never defined.
    """
    if isinstance(flag, NoFlag):
        raise missing(key)
    setting = flag.setting(environment)
    return FlagView(
        **_item(key, flag, environment, version),
        default=flag.about.default,
        lifetime=flag.about.lifetime,
        impressions=flag.about.impressions,
        prerequisites=flag.about.prerequisites,
        rules=setting.rules,
        variants=setting.variants,
    )


def _item(key: str, flag: Flag, environment: str, version: int) -> dict[str, Any]:
    about, setting = flag.about, flag.setting(environment)
    return {
        "key": key,
        "enabled": setting.enabled,
        "rollout": setting.rollout,
        "environment": environment,
        "environments": sorted(flag.settings),
        "description": about.description,
        "group": about.group,
        "kind": about.kind,
        "purpose": about.purpose,
        "owner": about.owner,
        "tags": about.tags,
        "project": about.project,
        "protected": about.protected,
        "killed": flag.killed,
        "archived": flag.archived,
        "stale": flag.stale,
        "version": version,
    }


def shown(key: str, environment: str) -> Render:
    """Shows a flag after a command."""

    def render(changed: FlagChanged, version: int) -> Answer:
        view = view_of(key, changed.flag, environment, version)
        location: Headers = ((b"location", f"/v1/flags/{key}".encode()),) if changed.created else ()
        return json_answer(view, 201 if changed.created else 200, (etag(version), *location))

    return render
