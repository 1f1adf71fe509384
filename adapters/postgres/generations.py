"""The builds of read models: each has its tables in a schema of its own.

A new version, and a rebuild of the same version, are built beside what is being served. The
projector makes a build active once it has caught up; queries then turn to it, and the old one is
fed until somebody retires it. Making and dropping tables takes the owner's role; the rest is done
by the projector.
"""

from collections.abc import Iterable, Sequence

import asyncpg
import msgspec

from adapters.postgres.connect import Acquired, Connection
from application.event_store import Outage
from domain.rejections import Conflict, NotFound
from projections.projection import BUILDS, Projection, schema_of
from projections.tables import TENANT, TEXT, Column, Kind, Table

LOCK_TIMEOUT = 2000  # milliseconds; longer, a dump is reading the tables


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One build that is not retired."""

    projection: str
    number: int
    active: bool

    @property
    def version(self) -> int:
        """The version of the projection whose tables these are."""
        return self.number // BUILDS


class StillServing(Conflict):
    """The build is the one that queries of its version are answered from."""

    slug = "generation-still-serving"
    title = "Queries are answered from this build"


class AlreadyBuilding(Conflict):
    """Another build of this version has not caught up yet."""

    slug = "already-building"
    title = "A build of this projection is on its way"


class NoSuchGeneration(NotFound):
    """There is no such build, or it is retired."""

    slug = "no-such-generation"
    title = "There is no such build"


_LIST = """
    SELECT projection, generation, bool_or(step = 'active') FROM annals.generations
    WHERE log_id = $1 GROUP BY projection, generation
    HAVING NOT bool_or(step = 'retired') ORDER BY projection, generation
"""
_NUMBERS = """
    SELECT DISTINCT generation FROM annals.generations WHERE log_id = $1 AND projection = $2
"""
_STEP = """
    INSERT INTO annals.generations (log_id, projection, generation, step) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
"""
_EMPTY = "SELECT NOT EXISTS (SELECT 1 FROM annals.events WHERE log_id = $1)"


async def generations(connection: Acquired | Connection, log_id: int = 1) -> list[Generation]:
    """Every build that is not retired, in order."""
    rows = await connection.fetch(_LIST, log_id)
    return [Generation(projection=p, number=n, active=a) for p, n, a in rows]


async def prepare(
    connection: Connection, projections: Iterable[Projection], log_id: int = 1
) -> list[Generation]:
    """Make the tables of every projection whose version has none yet; gives what was made.

    `connection` acts as the owner. On an empty log a build is active at once. Safe to run at once
    from several processes, and again.
    """
    there = {(each.projection, each.version) for each in await generations(connection, log_id)}
    made = []
    for projection in projections:
        if (projection.name, projection.version) in there:
            continue
        number = await _next(connection, projection, log_id)
        if await _create(connection, projection, number, log_id):
            made.append(Generation(projection=projection.name, number=number, active=False))
    return made


async def rebuild(connection: Connection, projection: Projection, log_id: int = 1) -> Generation:
    """Begin another build of the same version, beside the one that serves.

    Raises:
        AlreadyBuilding: one is on its way.
    """
    for each in await generations(connection, log_id):
        same = each.projection == projection.name and each.version == projection.version
        if same and not each.active:
            raise AlreadyBuilding(projection=projection.name, generation=each.number)
    number = await _next(connection, projection, log_id)
    if not await _create(connection, projection, number, log_id):
        raise AlreadyBuilding(projection=projection.name, generation=number)
    return Generation(projection=projection.name, number=number, active=False)


async def retire(connection: Connection, name: str, number: int, log_id: int = 1) -> None:
    """Stop feeding a build and drop its tables. Safe to repeat when it was interrupted.

    Raises:
        StillServing: it is the newest active build of its version, and no newer version serves.
        NoSuchGeneration: there was never such a build.
        Outage: its tables are in use; repeat it later.
    """
    if number not in [row[0] for row in await connection.fetch(_NUMBERS, log_id, name)]:
        raise NoSuchGeneration(projection=name, generation=number)
    active = [
        each.number
        for each in await generations(connection, log_id)
        if each.projection == name and each.active
    ]
    if active and number == active[-1]:
        raise StillServing(projection=name, generation=number)
    await connection.execute(_STEP, log_id, name, number, "retired")
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT}")
            await connection.execute(f'DROP SCHEMA IF EXISTS "{schema_of(name, number)}" CASCADE')
            for table in ("checkpoints", "failures"):
                await connection.execute(
                    f"DELETE FROM annals.{table} "  # noqa: S608 - constants
                    "WHERE log_id = $1 AND projection = $2 AND generation = $3",
                    log_id,
                    name,
                    number,
                )
    except asyncpg.LockNotAvailableError as error:
        raise Outage(f"the tables of {name} {number} are in use", retry_after=10.0) from error


async def activate(connection: Acquired, log_id: int, name: str, number: int) -> bool:
    """Let queries turn to a build; whether this was the moment."""
    status = await connection.execute(_STEP, log_id, name, number, "active")
    return bool(status.endswith(" 1"))


async def _next(connection: Connection, projection: Projection, log_id: int) -> int:
    taken = [
        row[0]
        for row in await connection.fetch(_NUMBERS, log_id, projection.name)
        if row[0] // BUILDS == projection.version
    ]
    return max(taken, default=projection.generation() - 1) + 1


async def _create(connection: Connection, projection: Projection, number: int, log_id: int) -> bool:
    async with connection.transaction():
        status = await connection.execute(_STEP, log_id, projection.name, number, "created")
        if not status.endswith(" 1"):
            return False
        schema = schema_of(projection.name, number)
        for statement in _ddl(schema, projection.tables):
            await connection.execute(statement)
        if await connection.fetchval(_EMPTY, log_id):
            await connection.execute(_STEP, log_id, projection.name, number, "active")
    return True


def _ddl(schema: str, tables: Sequence[Table]) -> Iterable[str]:
    yield f'CREATE SCHEMA "{schema}"'
    yield f'GRANT USAGE ON SCHEMA "{schema}" TO annals_projector, annals_reader'
    for table in tables:
        name = f'"{schema}"."{table.name}"'
        keys = (Column(TENANT, TEXT), *table.key)
        columns = ", ".join(_column(each) for each in (*keys, *table.columns))
        key = ", ".join(f'"{each.name}"' for each in keys)
        yield f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({key}))"
        for index in table.indexes:
            listed = ", ".join(_indexed(each) for each in (TENANT, *index))
            yield f"CREATE INDEX ON {name} ({listed})"
        yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"  # for the tables' owner, too
        yield (
            f"CREATE POLICY own_tenant ON {name} FOR SELECT TO annals_reader "
            f"USING (tenant = current_setting('annals.tenant'))"
        )
        yield f"CREATE POLICY every_tenant ON {name} TO annals_projector USING (true)"
        yield f"GRANT SELECT ON {name} TO annals_reader"
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO annals_projector"


def _column(column: Column) -> str:
    collation = ' COLLATE "C"' if column.type.kind in (Kind.TEXT, Kind.TEXTS) else ""
    null = "" if column.type.null else " NOT NULL"
    return f'"{column.name}" {column.type.kind.value}{collation}{null}'


def _indexed(name: str) -> str:
    bare = name.removesuffix(" desc")
    return f'"{bare}"' + (" DESC" if bare != name else "")
