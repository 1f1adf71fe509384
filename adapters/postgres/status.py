"""How far every follower of the log is from its end, for health checks and people."""

from datetime import datetime

import msgspec

from adapters.postgres.connect import Acquired, Connection
from domain.projections import PROJECTION, ProjectionPaused, ProjectionResumed
from domain.recorded import SYSTEM_TENANT

FRESH = 5.0  # seconds behind that nobody needs to hear of


class FollowerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One projection's build, or one reaction, at the moment of asking.

    `state` is "failed" (stands at `failed_at` because of `error`), "waiting" (that event is newer
    than the program that feeds it), "paused", "building" (not serving yet), "stopped" (behind,
    and nobody works on it), or "running". Distances are to the log's tail: in events, and in
    seconds since the first event that is not applied yet was recorded.
    """

    name: str
    generation: int
    state: str
    serves: bool
    position: int
    tail: int
    events_behind: int
    seconds_behind: float
    holder: str | None
    failed_at: int | None
    error: str | None
    since: datetime | None


_STATUS = """
    WITH tail AS (
        SELECT coalesce(max(position), 0) AS position FROM annals.events WHERE log_id = $1
    ), builds AS (
        SELECT projection, generation, bool_or(step = 'active') AS active,
            bool_or(step = 'retired') AS retired
        FROM annals.generations WHERE log_id = $1 GROUP BY projection, generation
    ), newest AS (
        SELECT projection, max(generation) AS generation
        FROM builds WHERE active AND NOT retired GROUP BY projection
    ), followers AS (
        SELECT projection, generation FROM annals.checkpoints WHERE log_id = $1
        UNION SELECT projection, generation FROM builds
    )
    SELECT f.projection, f.generation, coalesce(b.active, true) AS active,
        b.projection IS NULL OR n.generation IS NOT DISTINCT FROM f.generation AS serves,
        coalesce(c.position, 0) AS position, tail.position AS tail, l.holder,
        x.position AS failed_at, x.kind, x.error, coalesce(x.at, c.created_at) AS since,
        p.type AS decided,
        extract(epoch FROM clock_timestamp() - e.recorded_at)::float8 AS seconds
    FROM followers AS f CROSS JOIN tail
    LEFT JOIN builds AS b USING (projection, generation)
    LEFT JOIN newest AS n USING (projection)
    LEFT JOIN LATERAL (
        SELECT c.position, c.created_at FROM annals.checkpoints AS c
        WHERE c.log_id = $1 AND c.projection = f.projection AND c.generation = f.generation
        ORDER BY c.previous DESC LIMIT 1
    ) AS c ON true
    LEFT JOIN LATERAL (
        SELECT x.position, x.kind, x.error, x.at FROM annals.failures AS x
        WHERE x.log_id = $1 AND x.projection = f.projection AND x.generation = f.generation
            AND x.position > coalesce(c.position, 0)
        ORDER BY x.position, x.at DESC LIMIT 1
    ) AS x ON true
    LEFT JOIN annals.leases AS l
        ON l.name = 'follower/' || f.projection || '@' || f.generation
            AND l.until > clock_timestamp()
    LEFT JOIN LATERAL (
        SELECT e.type FROM annals.events AS e
        WHERE e.log_id = $1 AND e.tenant = $2 AND e.stream = $3 || f.projection
            AND e.type = ANY ($4::text[])
        ORDER BY e.version DESC LIMIT 1
    ) AS p ON true
    LEFT JOIN annals.events AS e
        ON e.log_id = $1 AND e.position = coalesce(c.position, 0) + 1
    WHERE NOT coalesce(b.retired, false)
    ORDER BY f.projection, f.generation
"""
_PAUSED = str(ProjectionPaused.__struct_config__.tag)
_RESUMED = str(ProjectionResumed.__struct_config__.tag)


async def status(connection: Acquired | Connection, log_id: int = 1) -> list[FollowerStatus]:
    """Every projection's builds and every reaction, in order of their names."""
    rows = await connection.fetch(
        _STATUS, log_id, SYSTEM_TENANT, f"{PROJECTION.category}/", [_PAUSED, _RESUMED]
    )
    return [
        FollowerStatus(
            name=row["projection"],
            generation=row["generation"],
            state=_state(
                kind=row["kind"],
                paused=row["decided"] == _PAUSED,
                active=row["active"],
                orphan=row["holder"] is None and (row["seconds"] or 0.0) > FRESH,
            ),
            serves=row["serves"],
            position=row["position"],
            tail=row["tail"],
            events_behind=row["tail"] - row["position"],
            seconds_behind=max(row["seconds"] or 0.0, 0.0),
            holder=row["holder"],
            failed_at=row["failed_at"],
            error=row["error"],
            since=row["since"],
        )
        for row in rows
    ]


def _state(*, kind: str | None, paused: bool, active: bool, orphan: bool) -> str:
    if paused:
        return "paused"
    if kind is not None:
        return "failed" if kind == "failed" else "waiting"
    if not active:
        return "building"
    return "stopped" if orphan else "running"
