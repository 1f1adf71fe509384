"""The write side's schema: numbered SQL files, applied once each, in order, by one process.

The roles are the cluster's while databases may be many, so making them is a race that is simply
run again when lost. What was applied is remembered with its checksum: a file that changed
afterwards, or a schema newer than this program, stops everything before any harm is done.
"""

import asyncio
import hashlib
import re
from importlib import resources

import asyncpg
import msgspec

import migrations
from adapters.postgres.connect import Connection, close, connect, outages
from adapters.postgres.partitions import PartitionKeeper

ROLES = ("annals_owner", "annals_appender", "annals_projector", "annals_reader")

_LOCK = 0x414E4E414C53  # "ANNALS": the key of the advisory lock that migrations take
_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_TRIES = 20


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


class SchemaTooNew(Exception):  # noqa: N818 - a fact about the database
    """The database was migrated by a newer version of the program."""


class SchemaTooOld(Exception):  # noqa: N818 - a fact about the database
    """The database lacks migrations; `annals migrate` applies them."""


class MigrationChanged(Exception):  # noqa: N818 - a fact about the database
    """A migration was applied from a file that reads differently now."""


def known() -> list[Migration]:
    """Every migration that this program carries, in order."""
    found = [
        Migration(number=int(match[1]), name=match[2], sql=file.read_text(encoding="utf-8"))
        for file in resources.files(migrations).iterdir()
        if (match := _NAME.fullmatch(file.name))
    ]
    found.sort(key=lambda each: each.number)
    if [each.number for each in found] != list(range(1, len(found) + 1)):
        raise RuntimeError("the migrations are not numbered from 1 without gaps")
    return found


async def migrate(url: str) -> list[Migration]:
    """Bring the database to this program's schema; gives what was applied now.

    Safe to run at once from several processes, and again. Also makes the partitions that are
    needed next.

    Raises:
        Outage: when the database does not answer.
        SchemaTooNew, MigrationChanged: and nothing was done.
    """
    connection = await connect(url, role=None, name="annals migrate")
    try:
        async with outages():
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            applied = await _migrate(connection)
            await connection.execute("SET ROLE annals_owner")
            await PartitionKeeper.on(connection)
    finally:
        await close(connection)
    return applied


async def check_schema(connection: Connection) -> None:
    """Make sure that the database has exactly the schema that this program was written for.

    Raises:
        SchemaTooOld, SchemaTooNew, MigrationChanged: when it has another.
    """
    try:
        missing = await _missing(connection)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        missing = known()
    if missing:
        raise SchemaTooOld(
            f"the database lacks migration {missing[0].number:04} ({missing[0].name}); "
            "run `annals migrate`"
        )


async def _migrate(connection: Connection) -> list[Migration]:
    await _prepare(connection)
    missing = await _missing(connection)
    for migration in missing:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE annals_owner")
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO annals.migrations (number, name, checksum) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.checksum,
            )
    return missing


async def _missing(connection: Connection) -> list[Migration]:
    rows = await connection.fetch("SELECT number, name, checksum FROM annals.migrations")
    applied = {row["number"]: row for row in rows}
    carried = known()
    newest = max(applied, default=0)
    if newest > len(carried):
        raise SchemaTooNew(
            f"the database's schema is {newest}, this program knows up to {len(carried)}; "
            "use a newer version"
        )
    for each in carried:
        row = applied.get(each.number)
        if row is not None and row["checksum"] != each.checksum:
            raise MigrationChanged(f"migration {each.number:04} was applied from another file")
    return [each for each in carried if each.number not in applied]


async def make_roles(connection: Connection) -> None:
    """Make the roles that are missing, and let ours act as them in this database.

    They are the cluster's, so two databases may race for them: who loses tries again.
    """
    for left in reversed(range(_TRIES)):
        try:
            async with connection.transaction():
                await _make_roles(connection)
            break
        except (asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError):
            if not left:
                raise
        except asyncpg.InternalServerError as error:  # "tuple concurrently updated"
            if not left or "concurrently" not in str(error):
                raise
        await asyncio.sleep(0.02)


async def _prepare(connection: Connection) -> None:
    """Roles, schema and the table of migrations."""
    await make_roles(connection)
    async with connection.transaction():
        await connection.execute(
            """
            CREATE SCHEMA IF NOT EXISTS annals AUTHORIZATION annals_owner;
            CREATE TABLE IF NOT EXISTS annals.migrations (
                number     integer     PRIMARY KEY,
                name       text        NOT NULL,
                checksum   text        NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
            );
            ALTER TABLE annals.migrations OWNER TO annals_owner;
            """
        )


async def _make_roles(connection: Connection) -> None:
    for role in ROLES:
        if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f"CREATE ROLE {role} NOLOGIN")
        if not await connection.fetchval("SELECT pg_has_role(current_user, $1, 'SET')", role):
            await connection.execute(f"GRANT {role} TO CURRENT_USER")
    grant = "SELECT format('GRANT CREATE ON DATABASE %I TO annals_owner', current_database())"
    if not await connection.fetchval(
        "SELECT has_database_privilege('annals_owner', current_database(), 'CREATE')"
    ):
        await connection.execute(await connection.fetchval(grant))
