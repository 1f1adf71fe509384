"""Looks at a version: every file of it, then what comes out when it is restored beside the log.

First each file's checksums, so that all damage is named and not only the first. Then a scratch
database: its events are counted, digested, and every stream is folded, which needs the data keys
and so tries them, too. Where the living log is the one that was backed up, it must say the same.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import asyncpg
import msgspec

from adapters.backups.events_copy import copy_out
from adapters.backups.folding import Unreadable, folds
from adapters.backups.programs import ProgramFailed, Tool
from adapters.backups.scratch import LoadFailed, load, scratch_database
from adapters.backups.threads import Work, in_thread
from adapters.crypto.master import BadMasterKey, MasterKey
from adapters.crypto.vault import PostgresVault
from adapters.postgres.connect import close, connect, open_pool, outages
from application.backup_parts import checked
from application.backup_repository import BackupRepository, Damaged, Manifest, NoSuchVersion
from application.backups import Sound, Tell, Unsound, VerificationFailed
from application.codec import EventCodec
from application.event_kinds import Upcast
from domain.decider import Decider

_READ = 1 << 20  # bytes at once
_FACTS = """
    SELECT l.incarnation, (SELECT max(number) FROM annals.migrations) AS schema_version,
        (SELECT count(*) FROM annals.events WHERE log_id = l.log_id) AS events,
        (SELECT coalesce(max(position), 0) FROM annals.events WHERE log_id = l.log_id) AS position
    FROM annals.logs AS l WHERE l.log_id = $1
"""


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a database says of its log."""

    incarnation: UUID
    schema_version: int
    events: int
    position: int


class PgVerifier:
    """`Verifier` beside the log at a URL."""

    def __init__(
        self,
        url: str,
        repository: BackupRepository,
        master: Callable[[], MasterKey],
        deciders: Iterable[Decider[Any, Any, Any]],
        upcasts: Mapping[tuple[str, int], Upcast],
    ) -> None:
        """Nothing is opened yet; `master` is asked when there is something to open."""
        self._url = url
        self._repository = repository
        self._master = master
        self._deciders = tuple(deciders)
        self._upcasts = upcasts

    async def __call__(self, version: str, *, attempt: int, tell: Tell) -> Sound | Unsound:
        """See `Verifier`."""
        found = await in_thread(lambda work: self._look_at_files(version, work))
        if isinstance(found, Unsound):
            return found
        name = f"{scratch_name(self._url, version)}{attempt}"
        try:
            async with scratch_database(self._url, name) as scratch:
                await load(scratch, self._repository, version, tell=tell)
                return await self._look_at_database(scratch, found)
        except (Damaged, NoSuchVersion) as damaged:  # since the look at its files
            return Unsound(faults=(str(damaged),))
        except (BadMasterKey, Unreadable) as unreadable:
            return Unsound(faults=(str(unreadable),))
        except (LoadFailed, ProgramFailed) as failed:
            raise VerificationFailed(str(failed)) from failed
        except asyncpg.PostgresError as error:
            raise VerificationFailed(f"the database refused ({error.sqlstate}): {error}") from error

    def _look_at_files(self, version: str, work: Work) -> Manifest | Unsound:
        try:
            manifest = self._repository.manifest(version)
        except (Damaged, NoSuchVersion) as damaged:
            return Unsound(faults=(str(damaged),))
        faults = []
        for part in manifest.parts:
            try:
                for _ in checked(self._repository, manifest, part.name):
                    work.check()
            except Damaged as damaged:
                faults.append(str(damaged))
            except NoSuchVersion:
                faults.append(f"{part.name} of backup {version} is missing")
        return Unsound(faults=tuple(faults)) if faults else manifest

    async def _look_at_database(self, scratch: str, manifest: Manifest) -> Sound | Unsound:
        facts = await _facts(scratch, manifest.log_id)
        faults = _differences(facts, manifest)
        digest = await _digest(scratch, manifest)
        if digest != manifest.digest:
            faults.append(f"the digest over every event is {digest}, not {manifest.digest}")
        live = await _facts(self._url, manifest.log_id)
        same_log = live.incarnation == manifest.incarnation
        if same_log and live.position < manifest.position:
            faults.append(f"the log ends at {live.position}, before the backup's end")
        elif same_log and await _digest(self._url, manifest) != manifest.digest:
            faults.append("the log says otherwise: its digest over the same events differs")
        if faults:
            return Unsound(faults=tuple(faults))
        streams = await self._compare_folds(scratch, manifest, same_log=same_log)
        if isinstance(streams, Unsound):
            return streams
        return Sound(events=facts.events, position=facts.position, streams=streams)

    async def _compare_folds(
        self, scratch: str, manifest: Manifest, *, same_log: bool
    ) -> int | Unsound:
        """How many streams there are; with the backup's keys, both logs come to the same."""
        async with AsyncExitStack() as stack:
            pool = await open_pool(
                scratch, role="annals_appender", min_size=0, max_size=2, name="annals verify"
            )
            stack.callback(pool.terminate)
            vault = PostgresVault(pool, self._master(), log_id=manifest.log_id)
            await vault.check()
            codec = EventCodec(self._deciders, vault, self._upcasts)
            upto, log_id = manifest.position, manifest.log_id
            copied = folds(scratch, codec, self._deciders, upto=upto, log_id=log_id)
            lived = folds(self._url, codec, self._deciders, upto=upto, log_id=log_id)
            stack.push_async_callback(copied.aclose)
            stack.push_async_callback(lived.aclose)
            streams = 0
            async for stream in copied:
                streams += 1
                if same_log and await anext(lived, None) != stream:
                    return Unsound(faults=(f"{stream.stream} comes to something else in the log",))
            return streams


def scratch_name(url: str, version: str) -> str:
    """How the databases begin that a version is restored into, one for each attempt."""
    return f"{scratch_prefix(url)}{version.replace('-', '')[-20:]}_"


def scratch_prefix(url: str) -> str:
    """How the names of this log's scratch databases begin."""
    return f"{unquote(urlsplit(url).path[1:])[:30]}_verify_"


def _differences(facts: _Facts, manifest: Manifest) -> list[str]:
    told = {
        "events": (facts.events, manifest.events),
        "position": (facts.position, manifest.position),
        "events up to its last position": (facts.events, facts.position),
        "schema version": (facts.schema_version, manifest.schema_version),
        "incarnation": (facts.incarnation, manifest.incarnation),
    }
    return [
        f"{name}: {found} after the restore, not {expected}"
        for name, (found, expected) in told.items()
        if found != expected
    ]


async def _facts(url: str, log_id: int) -> _Facts:
    connection = await connect(url, role="annals_reader", name="annals verify")
    try:
        async with outages():
            await connection.execute("SET statement_timeout = 0")
            [row] = await connection.fetch(_FACTS, log_id, timeout=600)
    finally:
        await close(connection)
    return msgspec.convert(dict(row), _Facts)


async def _digest(url: str, manifest: Manifest) -> str:
    """SHA-256 over a log's events up to the backup's end, as `Manifest.digest`."""
    arguments = copy_out(log_id=manifest.log_id, upto=manifest.position, columns=manifest.columns)

    def digest(work: Work) -> str:
        hashed = hashlib.sha256()
        with work.running(Tool("psql", url, arguments)) as tool:
            while data := tool.pipe.read(_READ):
                hashed.update(data)
            tool.finish()
        return hashed.hexdigest()

    return await in_thread(digest)
