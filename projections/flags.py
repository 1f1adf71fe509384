"""Flags and segments as lists show them, and as a process that evaluates begins with them.

A flag has a row, and one more for each environment where anything was set. Rules, variants and
conditions lie there as JSON, in the log's own form.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from application.flags.flag_set import FlagRows
from application.states import Folded
from domain.flags.conditions import Condition
from domain.flags.events import (
    FlagDefined,
    FlagDisabled,
    FlagEnabled,
    FlagEvent,
    FlagRolledOut,
    FlagRulesChanged,
    FlagVariantsChanged,
    SegmentArchived,
    SegmentDefined,
    SegmentEvent,
)
from domain.flags.evolving import SWITCHES, setting_change
from domain.flags.rules import EVERYBODY, Rule, Setting
from domain.flags.state import LIFETIMES, About, Flag, Segment
from domain.flags.variants import Variant
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
    BOOLEAN,
    INT,
    JSON,
    TEXT,
    TIME,
    Operation,
    Table,
    defaulted,
    merge,
    patch,
    put,
)

FLAGS = Table(
    "flags",
    key={"key": TEXT},
    columns={
        "about": JSON,
        "killed": defaulted(BOOLEAN, default=False),
        "archived": defaulted(BOOLEAN, default=False),
        "stale": defaulted(BOOLEAN, default=False),
        "created_at": TIME,
        "changed_at": TIME,
        "version": BIGINT,
        "position": BIGINT,
    },
)
SETTINGS = Table(
    "settings",
    key={"key": TEXT, "environment": TEXT},
    columns={
        "enabled": defaulted(BOOLEAN, default=False),
        "rollout": defaulted(INT, EVERYBODY),
        "rules": defaulted(JSON, []),
        "variants": defaulted(JSON, []),
        "changed_at": TIME,
    },
)
SEGMENTS = Table(
    "segments",
    key={"name": TEXT},
    columns={
        "description": TEXT,
        "condition": JSON,
        "archived": defaulted(BOOLEAN, default=False),
        "version": BIGINT,
        "position": BIGINT,
    },
)


def project(recorded: Recorded[FlagEvent | SegmentEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    name, event = recorded.stream_id, recorded.event
    seen: dict[str, Any] = {"version": recorded.version, "position": recorded.position}
    if isinstance(event, SegmentDefined):
        values = {"description": event.description, "condition": event.condition}
        yield put(SEGMENTS, name, {**values, **seen})
        return
    if isinstance(event, SegmentArchived):
        yield patch(SEGMENTS, name, {"archived": True, **seen})
        return
    told: dict[str, Any] = {"changed_at": recorded.recorded_at, **seen}
    if isinstance(event, FlagDefined):
        about = {"about": event.about, **told}
        if recorded.version == 1:
            yield put(FLAGS, name, {**about, "created_at": recorded.recorded_at})
        else:
            yield patch(FLAGS, name, about)
        return
    yield patch(FLAGS, name, {**SWITCHES.get(type(event), {}), **told})
    change = setting_change(event)
    if change is not None:
        environment, values = change
        yield merge(SETTINGS, (name, environment), {**values, "changed_at": recorded.recorded_at})


PROJECTION = Projection(
    name="flags",
    version=3,
    tables=(FLAGS, SETTINGS, SEGMENTS),
    handles=(
        FlagDefined,
        FlagEnabled,
        FlagDisabled,
        FlagRolledOut,
        FlagRulesChanged,
        FlagVariantsChanged,
        *SWITCHES,
        SegmentDefined,
        SegmentArchived,
    ),
    project=project,
)


class FlagRow(msgspec.Struct, frozen=True, kw_only=True):
    """A flag, without what it does in any environment."""

    key: str
    about: About
    killed: bool
    archived: bool
    stale: bool
    created_at: datetime
    changed_at: datetime
    version: int
    position: int


class SettingRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag does in one environment."""

    key: str
    environment: str
    enabled: bool
    rollout: int
    rules: tuple[Rule, ...]
    variants: tuple[Variant, ...]


class SegmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A segment."""

    name: str
    description: str
    condition: Condition
    archived: bool
    version: int
    position: int


_FLAG = "key, about, killed, archived, stale, created_at, changed_at, version, position"
_SETTING = "key, environment, enabled, rollout, rules, variants"
_SEGMENT = "name, description, condition, archived, version, position"


_OUTLIVED = """
    NOT archived AND created_at <= $9::timestamptz - make_interval(days => coalesce(
        about ->> 'lifetime', $10::text::json ->> (about ->> 'purpose'))::integer)
"""
"""That a flag in use has outlived its lifetime; nothing where it has none."""


async def find_flags(
    rows: Rows,
    *,
    now: datetime,
    after: str = "",
    limit: int = 50,
    archived: bool = False,
    stale: bool | None = None,
    tag: str | None = None,
    owner: str | None = None,
    project: str | None = None,
    q: str | None = None,
) -> list[FlagRow]:
    """Flags by key, behind a key: archived ones or the others, with a tag, an owner, a project.

    `stale` ones are marked so, or have outlived their lifetime (as `domain.flags.staleness` says).
    `q` is a part of the key or of the description, whatever its case.
    """
    sql = f"""
        SELECT {_FLAG} FROM {{flags}}
        WHERE key > $1 AND archived = $3
          AND ($4::text IS NULL OR about::jsonb -> 'tags' ? $4)
          AND ($5::text IS NULL OR about ->> 'owner' = $5)
          AND ($6::text IS NULL OR about ->> 'project' = $6)
          AND ($7::text IS NULL OR strpos(lower(key || ' ' || (about ->> 'description')), lower($7)) > 0)
          AND ($8::boolean IS NULL OR $8 = (stale OR coalesce({_OUTLIVED}, false)))
        ORDER BY key LIMIT $2
    """  # noqa: S608, E501 - constants
    lifetimes = msgspec.json.encode(LIFETIMES).decode()
    known = (archived, tag, owner, project, q, stale, now, lifetimes)
    return await rows.find(FlagRow, sql, after, limit, *known)


async def settings_by_key(rows: Rows, keys: list[str]) -> dict[str, dict[str, Setting]]:
    """What some flags do, by key and environment."""
    sql = f"SELECT {_SETTING} FROM {{settings}} WHERE key = ANY ($1::text[])"  # noqa: S608 - constants
    return _by_key(await rows.find(SettingRow, sql, keys))


def _by_key(found: Iterable[SettingRow]) -> dict[str, dict[str, Setting]]:
    settings: dict[str, dict[str, Setting]] = {}
    for row in found:
        settings.setdefault(row.key, {})[row.environment] = setting_of(row)
    return settings


async def find_segments(rows: Rows, *, after: str = "", limit: int = 50) -> list[SegmentRow]:
    """Segments that are there, by name, behind a name."""
    sql = f"""
        SELECT {_SEGMENT} FROM {{segments}}
        WHERE name > $1 AND NOT archived ORDER BY name LIMIT $2
    """  # noqa: S608 - constants
    return await rows.find(SegmentRow, sql, after, limit)


async def load_everything(rows: Rows) -> FlagRows:
    """All flags and segments of a tenant, as a process that evaluates begins with them."""
    flags = await rows.find(FlagRow, f"SELECT {_FLAG} FROM {{flags}}")  # noqa: S608 - constants
    settings = await rows.find(SettingRow, f"SELECT {_SETTING} FROM {{settings}}")  # noqa: S608
    segments = await rows.find(SegmentRow, f"SELECT {_SEGMENT} FROM {{segments}}")  # noqa: S608
    at = await rows.position()
    by_key = _by_key(settings)
    return FlagRows(
        position=at.number,
        incarnation=at.incarnation,
        revision=max(
            (*(row.position for row in flags), *(row.position for row in segments)), default=0
        ),
        flags={
            row.key: Folded(row.version, flag_of(row, by_key.get(row.key, {}))) for row in flags
        },
        segments={row.name: Folded(row.version, segment_of(row)) for row in segments},
    )


def setting_of(row: SettingRow) -> Setting:
    """A row as the domain has it."""
    return Setting(enabled=row.enabled, rollout=row.rollout, rules=row.rules, variants=row.variants)


def flag_of(row: FlagRow, settings: dict[str, Setting]) -> Flag:
    """A row and its settings as the domain has them."""
    return Flag(
        about=row.about,
        settings=settings,
        killed=row.killed,
        archived=row.archived,
        stale=row.stale,
    )


def segment_of(row: SegmentRow) -> Segment:
    """A row as the domain has it."""
    return Segment(description=row.description, condition=row.condition, archived=row.archived)
