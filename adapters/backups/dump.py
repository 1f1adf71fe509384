"""Makes a version: everything in it is from one snapshot of the database.

One connection holds the snapshot and tells what belongs to it; pg_dump and psql work in it, one
after the other, and what they write is packed on a thread. Read models, their checkpoints and
builds, leases and failures stay out: they are derived. Effects, their claims and settlements, and
how far reactions are, cannot be derived, or everything would be sent again after a restore.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from uuid import UUID

import asyncpg
import msgspec

from adapters.backups.events_copy import COLUMNS, copy_out, keys_out
from adapters.backups.packing import Packer
from adapters.backups.programs import ProgramFailed, Tool
from adapters.backups.threads import Work, in_thread
from adapters.postgres.connect import Connection, close, connect, outages
from application.backup_repository import (
    EVENTS_PART,
    KEYS_PART,
    LOG_PART,
    BackupRepository,
    Draft,
    Manifest,
    Part,
)
from application.backups import DumpFailed, Tell
from application.event_store import Outage

_DERIVED = ("events", "data_keys", "leases", "generations", "failures")
"""Tables whose rows are not in the archive: they have a part of their own, or are made anew."""
_READ = 1 << 20  # bytes at once
_FACTS = """
    SELECT pg_export_snapshot() AS snapshot, l.incarnation,
        current_setting('server_version') AS postgres,
        (SELECT max(number) FROM annals.migrations) AS schema_version,
        coalesce(e.position, 0) AS position, e.recorded_at,
        (SELECT count(*) FROM annals.events WHERE log_id = l.log_id) AS events,
        pg_relation_size('annals.events') AS size
    FROM annals.logs AS l LEFT JOIN LATERAL (
        SELECT position, recorded_at FROM annals.events WHERE log_id = l.log_id
        ORDER BY position DESC LIMIT 1
    ) AS e ON true
    WHERE l.log_id = $1
"""


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says; `size` is about how many bytes will be dumped."""

    snapshot: str
    incarnation: UUID
    postgres: str
    schema_version: int
    position: int
    recorded_at: datetime | None
    events: int
    size: int


class PgDumper:
    """`Dumper` of the log at a URL into a repository."""

    def __init__(
        self,
        url: str,
        repository: BackupRepository,
        *,
        now: Callable[[], datetime],
        log_id: int = 1,
    ) -> None:
        """Nothing is opened yet."""
        self._url = url
        self._repository = repository
        self._now = now
        self._log_id = log_id

    async def __call__(self, version: str, label: str, *, attempt: int, tell: Tell) -> Manifest:
        """See `Dumper`."""
        started_at = self._now()
        connection = await connect(self._url, role="annals_owner", name="annals backup")
        try:
            async with (
                outages(),
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                facts = await self._facts(connection)

                def dump(work: Work) -> Manifest:
                    writer = _Writer(self._url, self._log_id, facts, work, tell)
                    with self._repository.draft(version, attempt) as draft:
                        parts = writer.parts(draft)
                        work.check()
                        manifest = self._manifest(version, label, attempt, facts, parts, started_at)
                        draft.publish(manifest)
                    return manifest

                return await in_thread(dump)
        except asyncpg.PostgresError as error:
            raise DumpFailed(f"the database refused ({error.sqlstate}): {error}") from error
        except ProgramFailed as failed:
            if not await _answers(connection):
                raise Outage("the database went away during the dump") from failed
            raise DumpFailed(str(failed)) from failed
        finally:
            await close(connection)

    async def _facts(self, connection: Connection) -> _Facts:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            await connection.execute(f"SET LOCAL {name} = 0")
        [row] = await connection.fetch(_FACTS, self._log_id, timeout=600)
        return msgspec.convert(dict(row), _Facts)

    def _manifest(
        self,
        version: str,
        label: str,
        attempt: int,
        facts: _Facts,
        parts: list[Part],
        started_at: datetime,
    ) -> Manifest:
        return Manifest(
            version=version,
            attempt=attempt,
            label=label,
            log_id=self._log_id,
            incarnation=facts.incarnation,
            position=facts.position,
            events=facts.events,
            recorded_at=facts.recorded_at,
            schema_version=facts.schema_version,
            program=metadata.version("annals"),
            postgres=facts.postgres,
            started_at=started_at,
            completed_at=self._now(),
            columns=COLUMNS,
            parts=tuple(parts),
        )


class _Writer:
    """The parts of one version, one program after the other."""

    def __init__(self, url: str, log_id: int, facts: _Facts, work: Work, tell: Tell) -> None:
        self._url = url
        self._log_id = log_id
        self._facts = facts
        self._work = work
        self._tell = tell
        self._done = 0

    def parts(self, draft: Draft) -> list[Part]:
        """Write them all."""
        facts = self._facts
        events = copy_out(log_id=self._log_id, upto=facts.position, snapshot=facts.snapshot)
        keys = keys_out(log_id=self._log_id, snapshot=facts.snapshot)
        archive = [
            "--format=custom",
            "--compress=none",
            "--schema=annals",
            "--role=annals_owner",
            f"--snapshot={facts.snapshot}",
            *(f"--exclude-table-data=annals.{table}" for table in _DERIVED),
        ]
        return [
            self._part(draft, LOG_PART, "pg_dump", archive),
            self._part(draft, EVENTS_PART, "psql", events),
            self._part(draft, KEYS_PART, "psql", keys),
        ]

    def _part(self, draft: Draft, name: str, program: str, arguments: list[str]) -> Part:
        packer = Packer(name, draft.part(name))
        with self._work.running(Tool(program, self._url, arguments)) as tool:
            while data := tool.pipe.read(_READ):
                packer.feed(data)
                self._done += len(data)
                self._tell(self._done, max(self._facts.size, self._done))
            tool.finish()
        return packer.finish()


async def _answers(connection: Connection) -> bool:
    """Whether the server is there: then a program's failure is not its absence."""
    try:
        async with asyncio.timeout(5.0):
            await connection.fetchval("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True
