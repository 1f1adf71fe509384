"""Flags as lists show them, a row for each environment that has a setting."""

from collections.abc import Iterable

import msgspec

from domain.flags import (
    EVERYBODY,
    FlagDefined,
    FlagDisabled,
    FlagEnabled,
    FlagEvent,
    FlagRolledOut,
)
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
    BOOLEAN,
    INT,
    TEXT,
    Operation,
    Table,
    defaulted,
    merge,
    patch,
)

FLAGS = Table(
    "flags",
    key={"key": TEXT},
    columns={"description": TEXT, "bucketing": TEXT, "version": BIGINT},
)
SETTINGS = Table(
    "settings",
    key={"key": TEXT, "environment": TEXT},
    columns={"enabled": defaulted(BOOLEAN, default=False), "rollout": defaulted(INT, EVERYBODY)},
)


def project(recorded: Recorded[FlagEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    key, event, version = recorded.stream_id, recorded.event, {"version": recorded.version}
    if isinstance(event, FlagDefined):
        values = {"description": event.description, "bucketing": event.group, **version}
        yield merge(FLAGS, key, values)
        return
    yield patch(FLAGS, key, version)
    match event:
        case FlagEnabled():
            yield merge(SETTINGS, (key, event.environment), {"enabled": True})
        case FlagDisabled():
            yield merge(SETTINGS, (key, event.environment), {"enabled": False})
        case FlagRolledOut():
            yield merge(SETTINGS, (key, event.environment), {"rollout": event.rollout})


PROJECTION = Projection(
    name="flags",
    version=1,
    tables=(FLAGS, SETTINGS),
    handles=(FlagDefined, FlagEnabled, FlagDisabled, FlagRolledOut),
    project=project,
)


class FlagRow(msgspec.Struct, frozen=True, kw_only=True):
    """A flag and what it does in one environment."""

    key: str
    description: str
    group: str
    enabled: bool
    rollout: int
    version: int


async def find_flags(
    rows: Rows, *, environment: str, after: str = "", limit: int = 50
) -> list[FlagRow]:
    """Flags by key, with their settings in one environment."""
    sql = """
        SELECT f.key, f.description, f.bucketing AS "group",
               coalesce(s.enabled, false) AS enabled, coalesce(s.rollout, 100) AS rollout,
               f.version
        FROM {flags} f
        LEFT JOIN {settings} s ON s.key = f.key AND s.environment = $1
        WHERE f.key > $2 ORDER BY f.key LIMIT $3
    """
    return await rows.find(FlagRow, sql, environment, after, limit)
