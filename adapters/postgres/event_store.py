"""The log on Postgres: appends through one group-committing connection, reads through a pool."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from adapters.postgres.appender import Appender, Limits
from adapters.postgres.connect import Connection, Pool, close, connect, open_pool, outages
from adapters.postgres.migrations import check_schema
from application.event_store import (
    Append,
    ForeignIncarnation,
    KeyFound,
    Outage,
    Outcome,
    StoredEvent,
    StreamName,
    Tail,
)

COLUMNS = (
    "position, tenant, stream, version, event_id, type, schema_version, data, recorded_at, "
    "actor, correlation_id, causation_id, meta"
)
_READ_LOG = f"""
    SELECT {COLUMNS} FROM annals.events
    WHERE log_id = $1 AND position > $2 ORDER BY position LIMIT $3
"""  # noqa: S608 - constants
_READ_STREAM = f"""
    SELECT {COLUMNS} FROM annals.events
    WHERE log_id = $1 AND tenant = $2 AND stream = $3 AND version > $4
    ORDER BY version LIMIT $5
"""  # noqa: S608 - constants
_VERSIONS = """
    SELECT coalesce((
        SELECT e.version FROM annals.events AS e
        WHERE e.log_id = $1 AND e.tenant = s.tenant AND e.stream = s.stream
        ORDER BY e.version DESC LIMIT 1
    ), 0)
    FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS s (tenant, stream, nth) ORDER BY s.nth
"""
_FIND_KEY = """
    SELECT l.incarnation, k.fingerprint, k.response, k.last
    FROM annals.keys AS k JOIN annals.logs AS l USING (log_id)
    WHERE k.log_id = $1 AND k.tenant = $2 AND k.digest = $3
"""
_INCARNATION = "SELECT incarnation FROM annals.logs WHERE log_id = $1"
_TAIL = """
    SELECT l.incarnation, coalesce(e.position, 0), coalesce(e.recorded_at, l.created_at)
    FROM annals.logs AS l LEFT JOIN LATERAL (
        SELECT position, recorded_at FROM annals.events
        WHERE log_id = l.log_id ORDER BY position DESC LIMIT 1
    ) AS e ON true
    WHERE l.log_id = $1
"""


class PostgresEventStore:
    """`EventStore` on Postgres; open it with `opened` or `open`."""

    def __init__(self, pool: Pool, appender: Appender, incarnation: UUID, log_id: int) -> None:
        """Of parts that are already open; they are closed with the store."""
        self._pool = pool
        self._appender = appender
        self._incarnation = incarnation
        self._log_id = log_id

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        log_id: int = 1,
        readers: int = 4,
        limits: Limits | None = None,
        on_replaced: Callable[[ForeignIncarnation], None] = lambda _: None,
        on_clock_ahead: Callable[[float], None] = lambda _: None,
    ) -> "PostgresEventStore":
        """Connect to a migrated database; `readers` bounds the pool for reads.

        Raises:
            Outage: when the log does not answer.
            SchemaTooOld, SchemaTooNew: when the schema is not this program's.
        """
        incarnation = await _opened_log(url, log_id)

        async def expect_the_log(connection: Connection) -> None:
            _check(await connection.fetchval(_INCARNATION, log_id), incarnation)

        try:
            pool = await open_pool(
                url,
                role="annals_reader",
                max_size=readers,
                name="annals reads",
                on_connect=expect_the_log,
            )
        except ForeignIncarnation as foreign:
            raise Outage("the log was replaced just now", retry_after=1.0) from foreign
        try:
            appender = Appender(
                url,
                incarnation=incarnation,
                log_id=log_id,
                limits=limits,
                on_replaced=on_replaced,
                on_clock_ahead=on_clock_ahead,
            )
            await appender.start()
        except BaseException:
            pool.terminate()
            raise
        return cls(pool, appender, incarnation, log_id)

    async def aclose(self) -> None:
        """Record what is queued, then let go of every connection."""
        await self._appender.aclose()
        self._pool.terminate()

    @property
    def incarnation(self) -> UUID:
        """Which log this is."""
        return self._incarnation

    async def append(self, item: Append) -> Outcome:
        """See `EventStore.append`."""
        return await self._appender.append(item)

    async def read_log(self, *, after: int, limit: int) -> list[StoredEvent]:
        """See `EventStore.read_log`."""
        return stored_events(await self._fetch(_READ_LOG, self._log_id, after, limit))

    async def read_stream(
        self, stream: StreamName, *, after: int = 0, limit: int = 1000
    ) -> list[StoredEvent]:
        """See `EventStore.read_stream`."""
        return stored_events(await self._fetch(_READ_STREAM, self._log_id, *stream, after, limit))

    async def versions(self, streams: Sequence[StreamName]) -> list[int]:
        """See `EventStore.versions`."""
        rows = await self._fetch(
            _VERSIONS, self._log_id, [each[0] for each in streams], [each[1] for each in streams]
        )
        return [row[0] for row in rows]

    async def find_key(self, tenant: str, digest: bytes) -> KeyFound | None:
        """See `EventStore.find_key`."""
        rows = await self._fetch(_FIND_KEY, self._log_id, tenant, digest)
        if not rows:
            return None
        incarnation, fingerprint, response, last = rows[0]
        self._expect(incarnation)
        return KeyFound(
            incarnation=incarnation, fingerprint=fingerprint, response=response, last=last
        )

    async def tail(self) -> Tail:
        """See `EventStore.tail`."""
        [(incarnation, position, recorded_at)] = await self._fetch(_TAIL, self._log_id)
        self._expect(incarnation)
        return Tail(incarnation=incarnation, position=position, recorded_at=recorded_at)

    async def _fetch(self, query: str, *parameters: object) -> list[Any]:
        self._appender.expect_same_log()
        try:
            async with outages(), self._pool.acquire(timeout=5.0) as connection:
                return await connection.fetch(query, *parameters)
        except ForeignIncarnation as foreign:
            self._appender.replace(foreign)
            raise

    def _expect(self, incarnation: UUID) -> None:
        if incarnation != self._incarnation:
            foreign = ForeignIncarnation(incarnation)
            self._appender.replace(foreign)
            raise foreign


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[PostgresEventStore]:
    """A store that is closed at the end; options as for `PostgresEventStore.open`."""
    store = await PostgresEventStore.open(url, **options)
    try:
        yield store
    finally:
        await store.aclose()


async def _opened_log(url: str, log_id: int) -> UUID:
    """The incarnation of a log whose schema is this program's."""
    connection = await connect(url, role=None, name="annals start")
    try:
        async with outages():
            await check_schema(connection)
            return await connection.fetchval(_INCARNATION, log_id)  # type: ignore[no-any-return]
    finally:
        await close(connection)


def _check(found: UUID, known: UUID) -> None:
    if found != known:
        raise ForeignIncarnation(found)


def stored_events(rows: list[Any]) -> list[StoredEvent]:
    """Rows of these columns as events."""
    return [
        StoredEvent(
            position=position,
            tenant=tenant,
            stream=stream,
            version=version,
            id=id_,
            type=type_,
            schema_version=schema_version,
            data=data,
            recorded_at=recorded_at,
            actor=actor,
            correlation_id=correlation_id,
            causation_id=causation_id,
            meta=meta,
        )
        for (
            position,
            tenant,
            stream,
            version,
            id_,
            type_,
            schema_version,
            data,
            recorded_at,
            actor,
            correlation_id,
            causation_id,
            meta,
        ) in rows
    ]
