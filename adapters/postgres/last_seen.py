"""When things were last seen, in Postgres: gathered in memory and written in batches."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from adapters.postgres.connect import Pool, outages
from application.event_store import Outage

AT_THE_END = 2.0
"""Seconds for writing what is left when a process ends."""

_MOST = 10_000  # rows in one statement

# In order, so that two processes that write the same rows do not wait for each other in a circle.
_WRITE = """
    INSERT INTO annals.last_seen AS l (log_id, kind, id, seen_at)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::timestamptz[]) ORDER BY 2, 3
    ON CONFLICT (log_id, kind, id) DO UPDATE SET seen_at = excluded.seen_at
    WHERE l.seen_at < excluded.seen_at
"""
_READ = """
    SELECT id, seen_at FROM annals.last_seen
    WHERE log_id = $1 AND kind = $2 AND id = ANY ($3::text[])
"""

log = structlog.get_logger(__name__)


class PostgresLastSeen:
    """`LastSeen` over `annals.last_seen`."""

    def __init__(
        self,
        writers: Pool,
        readers: Pool,
        *,
        now: Callable[[], datetime],
        interval: float,
        log_id: int = 1,
    ) -> None:
        """`interval` is in seconds; `run` writes until `aclose` does so for the last time."""
        self._writers = writers
        self._readers = readers
        self._now = now
        self._interval = interval
        self._log_id = log_id
        self._gathered: dict[tuple[str, str], datetime] = {}

    def saw(self, kind: str, id_: str) -> None:
        """See `LastSeen.saw`."""
        self._gathered[kind, id_] = self._now()

    async def seen(self, kind: str, ids: Sequence[str]) -> dict[str, datetime]:
        """See `LastSeen.seen`."""
        async with outages(), self._readers.acquire(timeout=5.0) as connection:
            rows = await connection.fetch(_READ, self._log_id, kind, list(ids))
        found: dict[str, datetime] = {row["id"]: row["seen_at"] for row in rows}
        for id_ in ids:
            here = self._gathered.get((kind, id_))
            if here is not None:
                found[id_] = max(here, found.get(id_, here))
        return found

    async def run(self) -> None:
        """Write every interval until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.write()
            except Outage as outage:
                log.warning("last_seen_waits", detail=outage.detail)

    async def write(self) -> None:
        """Write what was gathered; what cannot be written is kept for the next time.

        Raises:
            Outage: Postgres does not answer.
        """
        while self._gathered:
            some = list(self._gathered.items())[:_MOST]
            kinds, ids = zip(*(key for key, _ in some), strict=True)
            times = [at for _, at in some]
            async with outages(), self._writers.acquire(timeout=5.0) as connection:
                await connection.execute(_WRITE, self._log_id, kinds, ids, times)
            for key, at in some:
                if self._gathered.get(key) == at:
                    del self._gathered[key]

    async def aclose(self) -> None:
        """Write what is left, if Postgres answers."""
        try:
            async with asyncio.timeout(AT_THE_END):
                await self.write()
        except (Outage, TimeoutError) as error:
            log.warning("last_seen_lost", error=type(error).__name__)
