"""A restore from its beginning to its end, which may be begun again wherever it was killed.

What is durable of it while it runs: `restore.started` in the live log, the fence, and a database
that is being filled, whose comment says so. Begun again, it drops that database and fills another;
the switch at the end is one transaction. So at any moment the name of the log's database leads to
the old log or to the new one, and nothing needs to be undone but the fence.

One at a time: whoever works on it holds an advisory lock in a database beside the log's.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
import structlog

from adapters.backups.begun import Asked
from adapters.backups.fence import ClosedByAnother, LogEnd, close_log, open_log
from adapters.backups.fill import Filling, NotReached, Program, Tells
from adapters.backups.replay import Diverged
from adapters.backups.scratch import LoadFailed
from adapters.backups.switch import (
    NEW,
    OLD,
    InUse,
    Mark,
    NotAllowed,
    beside,
    create_like,
    drop,
    maintaining,
    mark,
    marked,
    missing_rights,
    name_of,
    new_name,
    old_name,
    switch,
)
from adapters.crypto.master import BadMasterKey, MasterKey
from adapters.postgres.connect import Connection
from adapters.postgres.migrations import MigrationChanged, SchemaTooNew
from application.backup_repository import (
    BackupRepository,
    Damaged,
    NoSuchVersion,
    RepositoryFailed,
)
from application.event_store import Outage
from domain.restores import CompleteRestore

log = structlog.get_logger(__name__)

ATTEMPTS = 3
"""A restore that was killed so often is given up: it may be what kills."""

_TOLD = 0.5  # seconds between two notes of how far it is

FAULTS = (
    NotAllowed,
    InUse,
    NotReached,
    Diverged,
    LoadFailed,
    Damaged,
    NoSuchVersion,
    RepositoryFailed,
    BadMasterKey,
    MigrationChanged,
    SchemaTooNew,
    ClosedByAnother,
    asyncpg.PostgresError,
)
"""What a restore is given up for: to try again would end the same way."""


class Replaced(msgspec.Struct, frozen=True, kw_only=True):
    """The switch was made: the new log, where the old one ended, and where that is kept."""

    incarnation: UUID
    position: int
    kept: str


class GivenUp(Exception):  # noqa: N818 - a fact
    """The restore has failed at a step; the old log serves, and is open again."""

    def __init__(self, step: str, error: str) -> None:
        """Say where and why."""
        super().__init__(error)
        self.step = step
        self.error = error


class Elsewhere(Exception):  # noqa: N818 - a fact
    """Another process works on a restore of this log."""


@dataclass(frozen=True, kw_only=True)
class Restorer:
    """Carries restores of one log out."""

    url: str
    repository: BackupRepository
    master: MasterKey
    program: Program
    now: Callable[[], datetime]
    log_id: int = 1

    async def __call__(self, asked: Asked, tells: Tells | None = None) -> Replaced:
        """Carry a restore out, or go on with it.

        Raises:
            GivenUp: when it cannot be done; nothing has changed.
            Elsewhere: when another process is at it.
            Outage: when the server went away; call again.
        """
        tells = tells or Tells()
        async with self._alone() as upkeep:
            try:
                return await self._run(upkeep, asked, tells)
            except FAULTS as error:
                log.warning("restore_failed", restore=asked.restore, step=tells.step, exc_info=True)
                await self._clear(upkeep, asked)
                raise GivenUp(tells.step, sentence(error)) from error
            except GivenUp:
                await self._clear(upkeep, asked)
                raise

    async def _run(self, upkeep: Connection, asked: Asked, tells: Tells) -> Replaced:
        tells.begin("prepare")
        missing = await missing_rights(self.url)
        if missing:
            raise NotAllowed(missing)
        closed = await self._closed_first(asked)
        new = new_name(name_of(self.url), asked.restore)
        attempt = await self._make(upkeep, new, asked)
        filling = Filling(
            live=self.url,
            new=beside(self.url, new),
            repository=self.repository,
            version=asked.started.version,
            master=self.master,
            program=self.program,
            tells=tells,
            log_id=self.log_id,
        )
        async with self._noted(upkeep, new, asked, attempt, tells):
            await filling.load()
            await filling.replay(asked.started.position)
            if closed is None:
                closed = await close_log(self.url, asked.restore, log_id=self.log_id)
                await filling.replay(None)
            kept = old_name(name_of(self.url), asked.restore)
            command = self._completed(asked, filling, closed, kept)
            made = await filling.finish(command, asked.actor)
        tells.begin("switch")
        says = self._mark(asked, OLD)
        await switch(self.url, new=new, old=kept, says=says)
        return Replaced(incarnation=made.incarnation, position=made.position, kept=kept)

    async def _closed_first(self, asked: Asked) -> LogEnd | None:
        """Where its later events go the log was closed when the restore began; make sure it is.

        Raises:
            GivenUp: when something was recorded that nobody has confirmed may go.
        """
        if asked.started.position is None:
            return None
        closed = await close_log(self.url, asked.restore, log_id=self.log_id)
        unseen = closed.position - asked.position
        if unseen and not asked.started.discard_later:
            raise GivenUp(
                "prepare",
                f"{unseen} events came after it had begun: look again, and confirm that",
            )
        return closed

    async def _make(self, upkeep: Connection, new: str, asked: Asked) -> int:
        """An empty database; gives how often it was begun.

        Raises:
            GivenUp: when it was begun too often.
        """
        log_name = name_of(self.url)
        attempt = 1
        for each in await marked(upkeep, log_name):
            if each.mark.kind == NEW:
                if each.mark.restore == asked.restore:
                    attempt = each.mark.attempt + 1
                await drop(upkeep, each.name)
        if attempt > ATTEMPTS:
            raise GivenUp("prepare", f"it was interrupted {ATTEMPTS} times")
        await drop(upkeep, new)
        await create_like(upkeep, log_name, new)
        await mark(upkeep, new, self._mark(asked, NEW, attempt))
        return attempt

    def _completed(
        self, asked: Asked, filling: Filling, closed: LogEnd, kept: str
    ) -> CompleteRestore:
        return CompleteRestore(
            restore=asked.restore,
            version=asked.started.version,
            source=str(filling.manifest.incarnation),
            base=filling.manifest.position,
            position=filling.position,
            replaced=str(closed.incarnation),
            replaced_position=closed.position,
            kept=kept,
            parked=(),
            asked_by=asked.actor,
            asked_at=asked.at,
            reason=asked.started.reason,
            at=self.now(),
        )

    async def _clear(self, upkeep: Connection, asked: Asked) -> None:
        """Leave nothing behind, and let appends in again; what fails here is tried later."""
        with contextlib.suppress(Outage, asyncpg.PostgresError):
            await drop(upkeep, new_name(name_of(self.url), asked.restore))
        await open_log(self.url, asked.restore, log_id=self.log_id)

    def _mark(self, asked: Asked, kind: str, attempt: int = 1) -> Mark:
        return Mark(
            kind=kind,
            log=name_of(self.url),
            restore=asked.restore,
            at=self.now(),
            attempt=attempt,
        )

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Connection]:
        """Work on this log's restores alone.

        Raises:
            Elsewhere: when somebody else does.
        """
        name = name_of(self.url).encode()
        digest = hashlib.blake2b(name, digest_size=8, person=b"annals.restore").digest()
        key = int.from_bytes(digest, "big", signed=True)
        async with maintaining(self.url) as upkeep:
            if not await upkeep.fetchval("SELECT pg_try_advisory_lock($1)", key):
                raise Elsewhere
            yield upkeep

    @asynccontextmanager
    async def _noted(
        self, upkeep: Connection, new: str, asked: Asked, attempt: int, tells: Tells
    ) -> AsyncIterator[None]:
        """Note in the new database's comment, now and then, how far it is."""
        begun = self._mark(asked, NEW, attempt)

        async def note() -> None:
            noted = begun
            while True:
                now = msgspec.structs.replace(
                    begun, step=tells.step, done=tells.done, total=tells.total
                )
                if now != noted:
                    await mark(upkeep, new, now)
                    noted = now
                await asyncio.sleep(_TOLD)

        noting = asyncio.create_task(note())
        try:
            yield
        finally:
            noting.cancel()
            await asyncio.gather(noting, return_exceptions=True)


def sentence(error: BaseException) -> str:
    """What to tell people of a fault, in one line."""
    return str(error) or type(error).__name__
