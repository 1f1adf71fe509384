"""Databases beside the log's own: made empty, loaded from a backup, and dropped again.

A version is loaded by pg_restore, schema and all, so what comes out has the schema that the backup
was made with; `annals migrate` brings it to this program's. Events come in between the tables and
their indexes. What is not in a backup is empty: read models, builds, leases, failures.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import msgspec
import zstandard

from adapters.backups.events_copy import copy_in
from adapters.backups.packing import unpacked
from adapters.backups.programs import LOWEST, ProgramFailed, Tool
from adapters.backups.threads import Work, in_thread
from adapters.postgres.connect import Connection, close, connect, outages
from adapters.postgres.migrations import make_roles
from application.backup_parts import checked
from application.backup_repository import (
    EVENTS_PART,
    KEYS_PART,
    LOG_PART,
    BackupRepository,
    Damaged,
    Manifest,
    WrappedKey,
)
from application.backups import Tell

_KEYS_AT_ONCE = 5000
_ANALYZE = """
    ANALYZE annals.events, annals.keys, annals.effects, annals.claims, annals.settlements,
        annals.data_keys, annals.checkpoints
"""
_READ_MODELS = "DELETE FROM annals.checkpoints WHERE projection NOT LIKE 'reaction.%'"


_key = msgspec.json.Decoder(WrappedKey)


class LoadFailed(Exception):  # noqa: N818 - a fact
    """A version could not be loaded; the text says why in one line."""


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


@asynccontextmanager
async def scratch_database(url: str, name: str) -> AsyncIterator[str]:
    """A new empty database on the server of `url`; gives its URL and drops it in the end.

    One of this name that a killed process has left is dropped first.

    Raises:
        LoadFailed: when the role of `url` may not make databases; it names what is missing.
        Outage: when the server does not answer.
    """
    await drop_database(url, name)
    await create_database(url, name)
    try:
        yield database_url(url, name)
    finally:
        await drop_database(url, name)


async def create_database(url: str, name: str) -> None:
    """Make an empty database on the server of `url`. Raises as `scratch_database`."""
    connection = await connect(url, role=None, name="annals scratch")
    try:
        async with outages():
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0', timeout=600)
    except asyncpg.InsufficientPrivilegeError:
        user = await connection.fetchval("SELECT current_user")
        raise LoadFailed(
            f"the role {user} may not make databases: ALTER ROLE {user} CREATEDB"
        ) from None
    except asyncpg.PostgresError as error:
        raise LoadFailed(f"the database {name} cannot be made: {error}") from error
    finally:
        await close(connection)


async def drop_database(url: str, name: str) -> None:
    """Drop a database on the server of `url`, whoever is connected, if it is there.

    Raises:
        LoadFailed: when the role of `url` may not.
        Outage: when the server does not answer.
    """
    connection = await connect(url, role=None, name="annals scratch")
    try:
        async with outages():
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', timeout=600)
    except asyncpg.PostgresError as error:
        raise LoadFailed(f"the database {name} cannot be dropped: {error}") from error
    finally:
        await close(connection)


def database_url(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))


async def load(
    url: str,
    repository: BackupRepository,
    version: str,
    *,
    keys_from: str | None = None,
    tell: Tell = _silent,
    niceness: int = LOWEST,
) -> Manifest:
    """Load a version into the empty database at `url`, and gather its statistics.

    The data keys are those of the version `keys_from`, by default of the same one. With a niceness
    of 0 the work does not step back for others. Every chunk is checked before it is used. Roles of
    the cluster are made where they are missing.

    Raises:
        Damaged: a file of the version is not as it was written.
        NoSuchVersion: there is no such version.
        RepositoryFailed: the repository cannot be read.
        LoadFailed: pg_restore failed; the database is then of no use.
        Outage: the server does not answer.
    """
    connection = await connect(url, role=None, name="annals load")
    try:
        async with outages():
            await make_roles(connection)
        manifest = await in_thread(
            lambda work: _Loading(url, repository, version, work, tell, niceness).run(),
            niceness=niceness,
        )
        async with outages():
            await connection.execute("SET ROLE annals_owner")
            await _load_keys(connection, wrapped_keys(repository, keys_from or version))
            await connection.execute(_READ_MODELS)
            await connection.execute(_ANALYZE, timeout=3600)
    except asyncpg.PostgresError as error:
        raise LoadFailed(f"the database refused ({error.sqlstate}): {error}") from error
    except ProgramFailed as failed:
        raise LoadFailed(str(failed)) from failed
    finally:
        await close(connection)
    return manifest


def wrapped_keys(repository: BackupRepository, version: str) -> Iterator[WrappedKey]:
    """The data keys of a version; blocks, and raises as `load` does."""
    stored = checked(repository, repository.manifest(version), KEYS_PART)
    rest = b""
    for data in unpacked(stored):
        *lines, rest = (rest + data).split(b"\n")
        for line in filter(None, lines):
            yield _key.decode(line)


async def _load_keys(connection: Connection, keys: Iterator[WrappedKey]) -> None:
    while batch := await asyncio.to_thread(list, islice(keys, _KEYS_AT_ONCE)):
        await connection.copy_records_to_table(
            "data_keys",
            schema_name="annals",
            columns=WrappedKey.__struct_fields__,
            records=[msgspec.structs.astuple(key) for key in batch],
        )


class _Loading:
    """Feeds Postgres' programs from a version's parts."""

    def __init__(
        self,
        url: str,
        repository: BackupRepository,
        version: str,
        work: Work,
        tell: Tell,
        niceness: int,
    ) -> None:
        self._url = url
        self._niceness = niceness
        self._repository = repository
        self._manifest = repository.manifest(version)
        self._work = work
        self._tell = tell
        self._done = 0
        sizes = {part.name: part.plain_bytes for part in self._manifest.parts}
        self._total = 2 * sizes[LOG_PART] + sizes[EVENTS_PART]

    def run(self) -> Manifest:
        """Tables and their rows, then the events, then what makes it fast and safe: indexes."""
        archive = ["--exit-on-error", "--no-comments"]
        self._feed(LOG_PART, "pg_restore", [*archive, "--section=pre-data", "--section=data"])
        self._feed(EVENTS_PART, "psql", copy_in(self._manifest.columns))
        self._feed(LOG_PART, "pg_restore", [*archive, "--section=post-data"])
        return self._manifest

    def _feed(self, name: str, program: str, arguments: list[str]) -> None:
        """Let a program read a whole part, whatever of it the program looks at.

        Raises:
            Damaged: before a byte of what is damaged was used.
        """
        stored = checked(self._repository, self._manifest, name)
        tool = Tool(program, self._url, arguments, feed=True, niceness=self._niceness)
        with self._work.running(tool):
            try:
                for data in unpacked(stored):
                    self._write(tool, data)
                    self._done += len(data)
                    self._tell(self._done, self._total)
                    self._work.check()
            except zstandard.ZstdError as error:
                raise Damaged(self._manifest.version, name, str(error)) from error
            tool.finish()

    @staticmethod
    def _write(tool: Tool, data: bytes) -> None:
        """What a program does not read any more is not written; its end tells why."""
        with contextlib.suppress(BrokenPipeError):
            view = memoryview(data)
            while view:
                view = view[tool.pipe.write(view) :]
