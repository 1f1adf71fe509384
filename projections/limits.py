"""Limits as lists show them."""

from collections.abc import Iterable

import msgspec

from domain.limits import LimitDefined
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, INT, TEXT, Operation, Table, put

LIMITS = Table(
    "limits",
    key={"name": TEXT},
    columns={
        "algorithm": TEXT,
        "quota": INT,
        "window_ms": BIGINT,
        "scope": TEXT,
        "version": BIGINT,
    },
)


def project(recorded: Recorded[LimitDefined]) -> Iterable[Operation]:
    """How an event changes the rows."""
    event = recorded.event
    values = {
        "algorithm": event.algorithm,
        "quota": event.limit,
        "window_ms": round(event.window * 1000),
        "scope": event.scope,
        "version": recorded.version,
    }
    yield put(LIMITS, recorded.stream_id, values)


PROJECTION = Projection(
    name="limits", version=1, tables=(LIMITS,), handles=(LimitDefined,), project=project
)


class LimitRow(msgspec.Struct, frozen=True, kw_only=True):
    """A limit; `window_ms` in milliseconds."""

    name: str
    algorithm: str
    limit: int
    window_ms: int
    scope: str
    version: int


async def find_limits(rows: Rows, *, after: str = "", limit: int = 50) -> list[LimitRow]:
    """Limits by name."""
    sql = """
        SELECT name, algorithm, quota AS "limit", window_ms, scope, version FROM {limits}
        WHERE name > $1 ORDER BY name LIMIT $2
    """
    return await rows.find(LimitRow, sql, after, limit)
