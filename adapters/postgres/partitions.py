"""Upkeep of partitions that never stands in the way of an append.

`CREATE TABLE ... PARTITION OF` and `DROP` need locks that wait behind a running dump, with every
append queueing behind them. So a partition is made as a table of its own and then attached, and
detached concurrently before it is dropped; each step gives up after 100 ms and is tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

import asyncpg
import structlog

from adapters.clock import now
from adapters.postgres.connect import Connection, close, connect, outages
from adapters.postgres.partition_catalogue import (
    Held,
    Partition,
    dropping,
    expect_free,
    left_over,
    partitions,
)

DAYS_AHEAD = 7
KEYS_KEPT = timedelta(hours=24)
RANGES_AHEAD = 3
RANGE = 1_000_000
"""Positions in a partition of effects, claims and settlements."""
HEADROOM = 50_000_000
"""Positions for which there must be partitions beyond the log's end: a quarter of an hour."""

_LOCK = 0x504152544954  # "PARTIT": one keeper at a time
_BY_POSITION = ("effects", "claims", "settlements")

_log = structlog.get_logger(__name__)


class PartitionKeeper:
    """Makes partitions ahead of need and removes those that nobody needs any more."""

    def __init__(
        self,
        url: str,
        *,
        reactions: Collection[str] = (),
        tries: int = 5,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """`url` names a user who may act as annals_owner; each step is tried `tries` times.

        `reactions` are the names of all reactions that are at work: nothing is removed that one
        of them, standing further back, may still need.
        """
        self._url = url
        self._reactions = list(reactions)
        self._clock = clock
        self._tries = tries

    @classmethod
    async def on(cls, connection: Connection) -> None:
        """Make what is missing, on a connection that acts as the owner."""
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        try:
            await cls("")._make(connection)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)

    async def maintain(self) -> bool:
        """Do what is due; False where a lock could not be had, to be tried again next time.

        A reaction that is named and has no checkpoint counts as standing at the log's beginning.

        Raises:
            Outage: when the database does not answer.
        """
        connection = await connect(self._url, role="annals_owner", name="annals partitions")
        try:
            async with outages():
                if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                    return True  # another process is at it
                await connection.execute("SET lock_timeout = '100ms'")
                return await self._make(connection) and await self._remove(connection)
        finally:
            await close(connection)

    async def _make(self, connection: Connection) -> bool:
        done = True
        today = self._clock().replace(hour=0, minute=0, second=0, microsecond=0)
        for ahead in range(-1, DAYS_AHEAD + 1):
            day = today + timedelta(days=ahead)
            name = f"keys_{day:%Y%m%d}"
            lower, upper = day.isoformat(), (day + timedelta(days=1)).isoformat()
            done &= await self._attach(connection, "keys", name, lower, upper)
        for lower_end, upper_end in await self._ranges(connection):
            for parent in _BY_POSITION:
                done &= await self._attach(
                    connection, parent, f"{parent}_{lower_end}", str(lower_end), str(upper_end)
                )
        return done

    async def _ranges(self, connection: Connection) -> list[tuple[int, int]]:
        """The ranges of positions that must exist now: some small ones and room enough."""
        tail = await connection.fetchval("SELECT coalesce(max(position), 0) FROM annals.events")
        bounds: dict[int, int] = {}
        for parent in _BY_POSITION:
            for each in await partitions(connection, parent):
                bounds[int(each.lower)] = int(each.upper)
        end = max(bounds.values(), default=0)
        while sum(upper > tail for upper in bounds.values()) <= RANGES_AHEAD:
            bounds[end] = end + RANGE
            end += RANGE
        if end < tail + HEADROOM:
            bounds[end] = tail + HEADROOM + RANGE
        return sorted(bounds.items())

    async def _attach(
        self, connection: Connection, parent: str, name: str, lower: str, upper: str
    ) -> bool:
        if await connection.fetchval(
            "SELECT relispartition FROM pg_class WHERE oid = to_regclass($1)", f"annals.{name}"
        ):
            return True
        create = f"CREATE TABLE IF NOT EXISTS annals.{name} (LIKE annals.{parent} INCLUDING ALL)"
        grant = f"GRANT SELECT ON annals.{name} TO annals_appender, annals_projector, annals_reader"
        attach = (
            f"ALTER TABLE annals.{parent} ATTACH PARTITION annals.{name} "
            f"FOR VALUES FROM ('{lower}') TO ('{upper}')"
        )

        async def step() -> None:
            async with connection.transaction():
                await connection.execute(create)
                await connection.execute(grant)
                await connection.execute(attach)

        return await self._tried(step, name)

    async def _remove(self, connection: Connection) -> bool:
        done = True
        for each in await self._spent(connection):
            done = done and await self._drop(connection, each)  # effects go before their marks
        for name in await left_over(connection):
            done &= await self._tried(dropping(connection, name), name)
        return done

    async def _spent(self, connection: Connection) -> list[Partition]:
        before = (self._clock() - KEYS_KEPT).isoformat()
        spent = [
            each
            for each in await partitions(connection, "keys")
            if await connection.fetchval(
                "SELECT $1::text::timestamptz <= $2::text::timestamptz", each.upper, before
            )
            and await self._keys_unneeded(connection, each)
        ]
        live = set()
        for each in await partitions(connection, "effects"):
            if await self._effects_done(connection, each):
                spent.append(each)
            else:
                live.add(each.lower)
        spent += [
            other
            for parent in ("claims", "settlements")
            for other in await partitions(connection, parent)
            if other.lower not in live
        ]
        return spent

    async def _keys_unneeded(self, connection: Connection, partition: Partition) -> bool:
        """Whether no reaction still stands before an event of that day.

        A reaction's commands are made unrepeatable by keys, which must outlive its checkpoint.
        """
        return not await connection.fetchval(
            """
            SELECT EXISTS (
                SELECT FROM annals.logs AS l CROSS JOIN LATERAL unnest($1::text[]) AS r (name)
                CROSS JOIN LATERAL (
                    SELECT coalesce(max(position), 0) AS position FROM annals.checkpoints
                    WHERE log_id = l.log_id AND projection = r.name
                ) AS c
                JOIN annals.events AS e ON e.log_id = l.log_id AND e.position = c.position + 1
                WHERE e.recorded_at < $2::text::timestamptz
            )
            """,
            self._reactions,
            partition.upper,
        )

    async def _effects_done(self, connection: Connection, partition: Partition) -> bool:
        """Whether every reaction has passed the range and every effect in it is done."""
        return bool(
            await connection.fetchval(
                f"""
                SELECT NOT EXISTS (
                    SELECT FROM annals.logs AS l CROSS JOIN LATERAL unnest($1::text[]) AS r (name)
                    WHERE coalesce((
                        SELECT max(position) FROM annals.checkpoints
                        WHERE log_id = l.log_id AND projection = r.name
                    ), 0) < $2
                ) AND (
                    SELECT coalesce(max(position), 0) >= $2 FROM annals.events
                ) AND NOT EXISTS (
                    SELECT FROM annals.{partition.name} AS e WHERE NOT EXISTS (
                        SELECT FROM annals.settlements AS s
                        WHERE s.log_id = e.log_id AND s.reaction = e.reaction
                            AND s.position = e.position AND s.retry_at IS NULL
                    )
                )
                """,  # noqa: S608 - the name comes from the catalogue
                self._reactions,
                int(partition.upper) - 1,
            )
        )

    async def _drop(self, connection: Connection, partition: Partition) -> bool:
        table = f"annals.{partition.name}"

        async def detach() -> None:
            pending = await connection.fetchval(
                "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass($1)", table
            )
            if pending:
                await expect_free(connection, partition.name)
            if pending is not None:
                how = "FINALIZE" if pending else "CONCURRENTLY"
                await connection.execute(
                    f"ALTER TABLE annals.{partition.parent} DETACH PARTITION {table} {how}"
                )

        return await self._tried(detach, partition.name) and await self._tried(
            dropping(connection, partition.name), partition.name
        )

    async def _tried(self, step: Callable[[], Awaitable[None]], name: str) -> bool:
        for left in reversed(range(self._tries)):
            try:
                await step()
            except (asyncpg.LockNotAvailableError, Held):
                if left:
                    await asyncio.sleep(0.05)
            else:
                return True
        _log.info("partition_busy", partition=name)
        return False
