"""Which streams there are, and the newest events of a selection.

The log has no table of streams: their names are found by skipping through the index from one to
the next, so a list costs one index descent for each stream that it shows, however many events
those have. The newest events are searched for backwards, in stretches of positions.
"""

from datetime import datetime

import msgspec

from adapters.postgres.connect import Pool, outages
from adapters.postgres.event_store import COLUMNS, stored_events
from application.event_store import StoredEvent
from application.history import Selection

STRETCH = 20_000
"""Positions gone through by one read."""

_LAST = "\U0010ffff"  # sorts behind every character

_TENANTS = """
    WITH RECURSIVE found (tenant) AS (
        (SELECT tenant FROM annals.events WHERE log_id = $1 ORDER BY tenant LIMIT 1)
        UNION ALL
        SELECT (
            SELECT e.tenant FROM annals.events AS e
            WHERE e.log_id = $1 AND e.tenant > f.tenant ORDER BY e.tenant LIMIT 1
        ) FROM found AS f WHERE f.tenant IS NOT NULL
    )
    SELECT tenant FROM found WHERE tenant IS NOT NULL
"""
_STREAMS = """
    WITH RECURSIVE found (stream) AS (
        (
            SELECT stream FROM annals.events
            WHERE log_id = $1 AND tenant = $2 AND stream > $3 AND stream >= $4 AND stream < $5
            ORDER BY stream LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT e.stream FROM annals.events AS e
            WHERE e.log_id = $1 AND e.tenant = $2 AND e.stream > f.stream AND e.stream < $5
            ORDER BY e.stream LIMIT 1
        ) FROM found AS f WHERE f.stream IS NOT NULL
    ), wanted AS (
        SELECT stream FROM found WHERE stream IS NOT NULL LIMIT $6
    )
    SELECT $2 AS tenant, s.stream, e.version, e.position, e.type, e.recorded_at
    FROM wanted AS s CROSS JOIN LATERAL (
        SELECT version, position, type, recorded_at FROM annals.events
        WHERE log_id = $1 AND tenant = $2 AND stream = s.stream ORDER BY version DESC LIMIT 1
    ) AS e
    ORDER BY s.stream
"""
_NEWEST = f"""
    SELECT {COLUMNS} FROM annals.events
    WHERE log_id = $1 AND position > $2 AND position <= $3
      AND tenant = ANY ($4::text[])
      AND ($5::text IS NULL OR type = $5) AND ($6::uuid IS NULL OR correlation_id = $6)
    ORDER BY position DESC LIMIT $7
"""  # noqa: S608 - constants
_NEWEST_OF_STREAM = f"""
    SELECT e.* FROM unnest($2::text[]) AS t (tenant) CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM annals.events AS e
        WHERE log_id = $1 AND e.tenant = t.tenant AND stream = $3 AND position <= $4
          AND ($5::text IS NULL OR type = $5) AND ($6::uuid IS NULL OR correlation_id = $6)
        ORDER BY version DESC LIMIT $7
    ) AS e
    ORDER BY e.position DESC LIMIT $7
"""  # noqa: S608 - constants


class StreamHead(msgspec.Struct, frozen=True, kw_only=True):
    """A stream and its newest event."""

    tenant: str
    stream: str
    version: int
    position: int
    type: str
    recorded_at: datetime


class PostgresStreams:
    """Looks for streams and for newest events. Methods raise `Outage`."""

    def __init__(self, pool: Pool, log_id: int = 1) -> None:
        """The pool's role may read the log."""
        self._pool = pool
        self._log_id = log_id

    async def tenants(self) -> list[str]:
        """Every tenant that has events, in order."""
        async with outages():
            rows = await self._pool.fetch(_TENANTS, self._log_id)
        return [row[0] for row in rows]

    async def heads(
        self, tenant: str, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> list[StreamHead]:
        """A tenant's streams behind a name whose names begin with `prefix`, in order of names."""
        async with outages():
            rows = await self._pool.fetch(
                _STREAMS, self._log_id, tenant, after, prefix, prefix + _LAST, limit
            )
        return [StreamHead(**row) for row in rows]

    async def newest(self, selection: Selection, *, through: int, limit: int) -> list[StoredEvent]:
        """The last events of a selection up to a position, in order of the log."""
        if selection.stream is not None:
            return await self._newest_of_stream(selection, through, limit)
        found: list[StoredEvent] = []
        while through > 0 and len(found) < limit:
            after = max(through - STRETCH, 0)
            async with outages():
                rows = await self._pool.fetch(
                    _NEWEST,
                    self._log_id,
                    after,
                    through,
                    list(selection.tenants),
                    selection.type,
                    selection.correlation,
                    limit - len(found),
                )
            found += stored_events(rows)
            through = after
        return found[::-1]

    async def _newest_of_stream(
        self, selection: Selection, through: int, limit: int
    ) -> list[StoredEvent]:
        async with outages():
            rows = await self._pool.fetch(
                _NEWEST_OF_STREAM,
                self._log_id,
                list(selection.tenants),
                selection.stream,
                through,
                selection.type,
                selection.correlation,
                limit,
            )
        return stored_events(rows)[::-1]
