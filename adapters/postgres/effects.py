"""What Postgres knows about effects, asked for many at once.

Every look-up goes by primary key from the wanted effect to its last claim and that claim's
settlement. The lateral joins with `LIMIT 1` are there so that no plan ever reads a whole
partition of done effects to find a few that are not.
"""

from collections.abc import Sequence
from typing import Any

from adapters.postgres.connect import Connection, Pool, open_pool, outages
from application.effects import EffectState, Scanned
from application.event_store import EffectId, StoredEvent

_STATES = """
    SELECT w.nth, w.tenant, e.kind, e.due_at, e.created_at,
        c.attempt, greatest(c.lease_until, l.until), s.created_at, s.retry_at
    FROM unnest($2::text[], $3::text[], $4::bigint[])
        WITH ORDINALITY AS w (tenant, reaction, position, nth)
    CROSS JOIN LATERAL (
        SELECT * FROM annals.effects AS e
        WHERE e.log_id = $1 AND e.reaction = w.reaction AND e.position = w.position
            AND e.tenant = w.tenant
        LIMIT 1
    ) AS e
    LEFT JOIN LATERAL (
        SELECT * FROM annals.claims AS c
        WHERE c.log_id = $1 AND c.reaction = w.reaction AND c.position = w.position
        ORDER BY c.attempt DESC LIMIT 1
    ) AS c ON true
    LEFT JOIN LATERAL (
        SELECT * FROM annals.settlements AS s
        WHERE s.log_id = $1 AND s.reaction = w.reaction AND s.position = w.position
            AND s.attempt = c.attempt
        LIMIT 1
    ) AS s ON true
    LEFT JOIN LATERAL (
        SELECT until FROM annals.leases AS l
        WHERE l.name = 'effect/' || w.reaction || '/' || w.position || '/' || c.attempt
        LIMIT 1
    ) AS l ON true
"""
_EVENTS = """
    SELECT position, tenant, stream, version, event_id, type, schema_version, data, recorded_at,
        actor, correlation_id, causation_id, meta
    FROM annals.events WHERE log_id = $1 AND position = ANY ($2::bigint[])
"""
_UNFINISHED = """
    SELECT p.position, p.tenant, coalesce(d.done, false)
    FROM (
        SELECT e.position, e.tenant, bool_and(
            e.created_at < clock_timestamp() - make_interval(secs => $4)
        ) OVER (ORDER BY e.position) AS is_old
        FROM (
            SELECT * FROM annals.effects AS e
            WHERE e.log_id = $1 AND e.reaction = $2 AND e.position > $3
            ORDER BY e.position LIMIT $5
        ) AS e
    ) AS p
    LEFT JOIN LATERAL (
        SELECT true AS done FROM annals.settlements AS s
        WHERE s.log_id = $1 AND s.reaction = $2 AND s.position = p.position AND s.retry_at IS NULL
        LIMIT 1
    ) AS d ON true
    WHERE p.is_old
    ORDER BY p.position
"""


class PostgresEffects:
    """`EffectRegister` over the log's own tables, read by a pool of its own."""

    def __init__(self, pool: Pool, log_id: int = 1) -> None:
        """`pool` may read the log's tables; see `open`."""
        self._pool = pool
        self._log_id = log_id

    @classmethod
    async def open(cls, url: str, *, log_id: int = 1, connections: int = 2) -> "PostgresEffects":
        """Connect.

        Raises:
            Outage: when the database does not answer.
        """

        async def plan_once(connection: Connection) -> None:
            await connection.execute("SET plan_cache_mode = force_generic_plan")
            await connection.execute("SET enable_hashjoin = off")
            await connection.execute("SET enable_mergejoin = off")

        pool = await open_pool(
            url,
            role="annals_reader",
            max_size=connections,
            name="annals effects",
            on_connect=plan_once,
        )
        return cls(pool, log_id)

    async def aclose(self) -> None:
        """Let go of the connections."""
        self._pool.terminate()

    async def states(self, effects: Sequence[EffectId]) -> list[EffectState | None]:
        """See `EffectRegister.states`."""
        rows = await self._fetch(
            _STATES,
            self._log_id,
            [each.tenant for each in effects],
            [each.reaction for each in effects],
            [each.position for each in effects],
        )
        found: list[EffectState | None] = [None] * len(effects)
        for nth, *columns in rows:
            found[nth - 1] = _state(effects[nth - 1], *columns[1:])
        return found

    async def events(self, positions: Sequence[int]) -> dict[int, StoredEvent]:
        """See `EffectRegister.events`."""
        rows = await self._fetch(_EVENTS, self._log_id, list(positions))
        return {row[0]: _event(row) for row in rows}

    async def unfinished(
        self, reaction: str, *, after: int, older_than: float, limit: int
    ) -> Scanned:
        """See `EffectRegister.unfinished`."""
        rows = await self._fetch(_UNFINISHED, self._log_id, reaction, after, older_than, limit)
        return Scanned(
            unfinished=tuple(
                EffectId(tenant=tenant, reaction=reaction, position=position)
                for position, tenant, done in rows
                if not done
            ),
            upto=rows[-1][0] if rows else after,
            full=len(rows) == limit,
        )

    async def _fetch(self, query: str, *parameters: object) -> list[Any]:
        async with outages(), self._pool.acquire(timeout=5.0) as connection:
            return await connection.fetch(query, *parameters)


def _state(effect: EffectId, *columns: Any) -> EffectState:
    kind, due_at, created_at, attempt, lease_until, settled_at, retry_at = columns
    asked_at, ready_at = created_at, due_at
    if settled_at is not None:
        asked_at, ready_at = settled_at, retry_at or settled_at
    elif attempt is not None:
        asked_at, ready_at = lease_until, lease_until
    return EffectState(
        effect=effect,
        kind=kind,
        attempts=attempt or 0,
        done=settled_at is not None and retry_at is None,
        lost=attempt is not None and settled_at is None,
        asked_at=asked_at,
        ready_at=ready_at,
    )


def _event(row: Any) -> StoredEvent:
    return StoredEvent(
        position=row[0],
        tenant=row[1],
        stream=row[2],
        version=row[3],
        id=row[4],
        type=row[5],
        schema_version=row[6],
        data=row[7],
        recorded_at=row[8],
        actor=row[9],
        correlation_id=row[10],
        causation_id=row[11],
        meta=row[12],
    )
