"""Looking back over the log on Postgres.

A search goes through the log in stretches of positions, so that a question whose answers lie far
apart costs a bounded number of short reads and never one that holds a connection for long. One
stream is found by its index at once.
"""

import re
from datetime import datetime
from typing import Any

from adapters.postgres.connect import Pool, outages
from adapters.postgres.event_store import COLUMNS, stored_events
from application.event_store import StoredEvent
from application.history import Found, Selection

STRETCH = 20_000  # positions gone through by one read
STRETCHES = 25  # reads to one search

_TAIL = "SELECT coalesce(max(position), 0) FROM annals.events WHERE log_id = $1"
_SEARCH = f"""
    SELECT {COLUMNS} FROM annals.events
    WHERE log_id = $1 AND position > $2 AND position <= $3 AND tenant = ANY($4::text[])
      AND ($5::text IS NULL OR type = $5) AND ($6::uuid IS NULL OR correlation_id = $6)
      AND ($7::text[] IS NULL
        OR actor LIKE ANY ($7) OR stream LIKE ANY ($7) OR data::text LIKE ANY ($7))
    ORDER BY position LIMIT $8
"""  # noqa: S608 - constants
_STREAM = f"""
    SELECT {COLUMNS} FROM annals.events
    WHERE log_id = $1 AND position > $2 AND position <= $3 AND tenant = ANY($4::text[])
      AND stream = $5
      AND ($6::text IS NULL OR type = $6) AND ($7::uuid IS NULL OR correlation_id = $7)
      AND ($8::text[] IS NULL
        OR actor LIKE ANY ($8) OR stream LIKE ANY ($8) OR data::text LIKE ANY ($8))
    ORDER BY position LIMIT $9
"""  # noqa: S608 - constants
_POSITION_AT = """
    WITH RECURSIVE bisection (low, high) AS (
        SELECT 0::bigint, (SELECT coalesce(max(position), 0) FROM annals.events WHERE log_id = $1)
        UNION ALL
        SELECT CASE WHEN e.recorded_at <= $2 THEN b.middle ELSE b.low END,
               CASE WHEN e.recorded_at <= $2 THEN b.high ELSE b.middle - 1 END
        FROM (
            SELECT low, high, (low + high + 1) / 2 AS middle FROM bisection WHERE low < high
        ) AS b
        JOIN annals.events AS e ON e.log_id = $1 AND e.position = b.middle
    )
    SELECT low FROM bisection WHERE low = high
"""


class PostgresHistory:
    """`History` on Postgres."""

    def __init__(self, pool: Pool, log_id: int = 1) -> None:
        """The pool's role may read the log."""
        self._pool = pool
        self._log_id = log_id

    async def find(self, selection: Selection, *, after: int, limit: int) -> Found:
        """See `History`."""
        async with outages(), self._pool.acquire(timeout=5.0) as connection:
            tail: int = await connection.fetchval(_TAIL, self._log_id)
            if selection.stream is not None:
                rows = await connection.fetch(_STREAM, *self._stream(selection, after, tail, limit))
                return _found(stored_events(rows), through=max(after, tail), limit=limit)
            found: list[StoredEvent] = []
            for _ in range(STRETCHES):
                through = min(after + STRETCH, tail)
                if through <= after:
                    break
                wanted = self._search(selection, after, through, limit - len(found))
                found += stored_events(await connection.fetch(_SEARCH, *wanted))
                if len(found) == limit:
                    return Found(events=found, through=found[-1].position, is_end=False)
                after = through
        return Found(events=found, through=after, is_end=after >= tail)

    async def position_at(self, moment: datetime) -> int:
        """See `History`; a binary search over positions, since times never decrease along them."""
        async with outages(), self._pool.acquire(timeout=5.0) as connection:
            position: int = await connection.fetchval(_POSITION_AT, self._log_id, moment)
        return position

    def _stream(self, which: Selection, after: int, through: int, limit: int) -> list[Any]:
        head = [self._log_id, after, through, list(which.tenants), which.stream]
        return [*head, which.type, which.correlation, _patterns(which), limit]

    def _search(self, which: Selection, after: int, through: int, limit: int) -> list[Any]:
        head = [self._log_id, after, through, list(which.tenants)]
        return [*head, which.type, which.correlation, _patterns(which), limit]


def _patterns(which: Selection) -> list[str] | None:
    """What contains one of the ids, as LIKE says it."""
    found = [re.sub(r"([\\%_])", r"\\\1", id_) for id_ in which.naming]
    return [f"%{each}%" for each in found] or None


def _found(events: list[StoredEvent], *, through: int, limit: int) -> Found:
    if len(events) == limit:
        return Found(events=events, through=events[-1].position, is_end=False)
    return Found(events=events, through=through, is_end=True)
