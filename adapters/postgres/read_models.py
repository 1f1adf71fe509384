"""Rows for queries: one tenant, one snapshot, three round trips.

Which build answers is looked up ahead, not with every query. A process turns to a newer build
only once that has everything that the older one is known to have, so nothing that a client has
seen can be unseen by the change.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import structlog

from adapters.postgres.connect import Acquired, Pool, outages
from application.event_store import ForeignIncarnation, Outage
from application.positions import Position
from application.progress import Progress
from projections.projection import Projection, schema_of

log = structlog.get_logger(__name__)

Row = TypeVar("Row")

REFRESH = 0.5  # seconds between looks at which builds there are
FIRST_LOOK = 0.02  # seconds that a waiter trusts in being told, before it looks itself ...
LONGEST_LOOK = 0.25  # ... and then ever more rarely, up to this

_ACTIVE = """
    SELECT g.projection, g.generation, coalesce((
        SELECT c.position FROM annals.checkpoints AS c
        WHERE c.log_id = $1 AND c.projection = g.projection AND c.generation = g.generation
        ORDER BY c.previous DESC LIMIT 1
    ), 0)
    FROM annals.generations AS g
    WHERE g.log_id = $1 GROUP BY g.projection, g.generation
    HAVING bool_or(g.step = 'active') AND NOT bool_or(g.step = 'retired')
    ORDER BY g.projection, g.generation
"""
_POSITION = """
    SELECT l.incarnation, coalesce((
        SELECT c.position FROM annals.checkpoints AS c
        WHERE c.log_id = $1 AND c.projection = $2 AND c.generation = $3
        ORDER BY c.previous DESC LIMIT 1
    ), 0)
    FROM annals.logs AS l WHERE l.log_id = $1
"""


class Build(msgspec.Struct):
    """The build that answers for a projection here, and how far it is known to be."""

    generation: int
    position: int


class PostgresRows:
    """`Rows` in an open transaction."""

    def __init__(
        self, connection: Acquired, projection: Projection, generation: int, log_id: int
    ) -> None:
        self.generation = generation
        self._connection = connection
        self._projection = projection
        self._log_id = log_id

    async def find(self, row: type[Row], sql: str, *values: Any) -> list[Row]:
        """See `Rows.find`."""
        found = await self._connection.fetch(self._named(sql), *values)
        return [_row(row, each) for each in found]

    async def find_one(self, row: type[Row], sql: str, *values: Any) -> Row | None:
        """See `Rows.find_one`."""
        found = await self._connection.fetchrow(self._named(sql), *values)
        return None if found is None else _row(row, found)

    async def position(self) -> Position:
        """See `Rows.position`."""
        found = await self._connection.fetchrow(
            _POSITION, self._log_id, self._projection.name, self.generation
        )
        assert found is not None  # noqa: S101 - the log is there
        return Position(found[0], found[1])

    def _named(self, sql: str) -> str:
        schema = schema_of(self._projection.name, self.generation)
        for table in self._projection.tables:
            sql = sql.replace(f"{{{table.name}}}", f'"{schema}"."{table.name}"')
        return sql


class PostgresReadModels:
    """`ReadModels` on Postgres; `run` keeps it up to date."""

    def __init__(
        self,
        pool: Pool,
        projections: Iterable[Projection],
        progress: Progress,
        incarnation: UUID,
        *,
        log_id: int = 1,
    ) -> None:
        """`pool` acts as annals_reader; `incarnation` is the log's."""
        self._pool = pool
        self._projections = {each.name: each for each in projections}
        self._progress = progress
        self._incarnation = incarnation
        self._log_id = log_id
        self._builds: dict[str, Build] = {}
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Hear of progress and of builds until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look_around())

    @asynccontextmanager
    async def rows(
        self,
        projection: Projection,
        tenant: str,
        *,
        after: Position | None = None,
        patience: float = 5.0,
    ) -> AsyncIterator[PostgresRows]:
        """See `ReadModels.rows`."""
        if after is not None:
            await self.consistent(projection, after, patience=patience)
        build = await self._build(projection)
        begin = (
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
            f"SET LOCAL annals.tenant = {_quoted(tenant)}"
        )
        async with outages(), self._pool.acquire(timeout=patience) as connection:
            await connection.execute(begin)
            try:
                yield PostgresRows(connection, projection, build.generation, self._log_id)
            except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
                await self.refresh()
                if self._builds.get(projection.name) == build:
                    raise  # the query is wrong, not the build gone
                raise Outage(f"{projection.name} has turned to another build") from error
            finally:
                await connection.execute("ROLLBACK")  # nothing was written; this also ends errors

    async def consistent(
        self, projection: Projection, position: Position, *, patience: float = 5.0
    ) -> None:
        """See `ReadModels.consistent`."""
        if position.incarnation != self._incarnation:
            raise ForeignIncarnation(self._incarnation)
        build = self._builds.get(projection.name)
        if build is not None and build.position >= position.number:
            return
        try:
            async with asyncio.timeout(patience):
                await self._wait(projection, position.number)
        except TimeoutError as error:
            detail = f"{projection.name} does not include position {position.number} yet"
            raise Outage(detail) from error

    async def ready(self) -> Sequence[str]:
        """See `ReadModels.ready`."""
        await self.refresh()
        return [name for name in self._projections if name not in self._builds]

    async def refresh(self) -> None:
        """Look at which builds there are, and how far they are.

        Raises:
            Outage: when the database does not answer.
        """
        async with outages(), self._pool.acquire(timeout=5.0) as connection:
            rows = await connection.fetch(_ACTIVE, self._log_id)
        there: dict[str, dict[int, int]] = {}
        for name, generation, position in rows:
            projection = self._projections.get(name)
            if projection is not None and generation in projection.generations:
                there.setdefault(name, {})[generation] = position
        for name in self._builds.keys() - there.keys():
            del self._builds[name]
        for name, builds in there.items():
            self._choose(name, builds)
        self._announce()

    def _choose(self, name: str, builds: dict[int, int]) -> None:
        """Turn to the newest build, if it has all that the one at hand is known to have."""
        at_hand = self._builds.get(name)
        newest = max(builds)
        if at_hand is None or at_hand.generation not in builds:
            self._builds[name] = Build(newest, builds[newest])
            return
        at_hand.position = max(at_hand.position, builds[at_hand.generation])
        if newest != at_hand.generation and builds[newest] >= at_hand.position:
            self._builds[name] = Build(newest, builds[newest])

    async def _build(self, projection: Projection) -> Build:
        if projection.name not in self._builds:
            await self.refresh()
        build = self._builds.get(projection.name)
        if build is None:
            raise Outage(f"{projection.name} is being built", retry_after=5.0)
        return build

    async def _wait(self, projection: Projection, position: int) -> None:
        """Be told, or look now and then."""
        pause = FIRST_LOOK
        self._progress.wish(position)
        while True:
            moved = self._moved
            build = self._builds.get(projection.name)
            if build is not None and build.position >= position:
                return
            try:
                async with asyncio.timeout(pause):
                    await moved.wait()
            except TimeoutError:
                await self.refresh()
                pause = min(2 * pause, LONGEST_LOOK)

    async def _listen(self) -> None:
        async for reached in self._progress.subscribe():
            build = self._builds.get(reached.name)
            if build is None or build.generation != reached.generation:
                continue
            if reached.incarnation == self._incarnation and reached.position > build.position:
                build.position = reached.position
                self._announce()

    async def _look_around(self) -> None:
        while True:
            try:
                await self.refresh()
            except Outage as outage:
                log.warning("builds_not_known", detail=outage.detail)
            await asyncio.sleep(REFRESH)

    def _announce(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def _quoted(text: str) -> str:
    """A literal for a statement that takes no parameters."""
    if not text.isprintable() or "\\" in text:
        raise ValueError("no tenant has such a name")
    return "'" + text.replace("'", "''") + "'"


def _row(row: type[Row], found: asyncpg.Record) -> Row:
    """A struct from a record; bytes are JSON, which nothing has parsed yet."""
    values = {
        name: msgspec.json.decode(value) if type(value) is bytes else value
        for name, value in found.items()
    }
    return msgspec.convert(values, row)
