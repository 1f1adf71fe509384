"""A new database becomes the log that it is to be: loaded, brought up to date, replayed, signed.

Nobody is connected to it but us until it takes the log's place, so nothing here needs to be
undone: what fails is dropped and begun again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec

from adapters.backups import parked
from adapters.backups.begun import begun_streams
from adapters.backups.fence import LogEnd, as_owner
from adapters.backups.newest_keys import bury_missing, overlay_live
from adapters.backups.replay import Diverged, goes_on, last_position, replay_backup, replay_live
from adapters.backups.scratch import load
from adapters.crypto.ids import new_id
from adapters.crypto.master import MasterKey
from adapters.crypto.vault import PostgresVault
from adapters.postgres import generations
from adapters.postgres.connect import Pool, open_pool
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.migrations import migrate
from adapters.postgres.streams import PostgresStreams
from application.backup_repository import BackupRepository, Manifest
from application.codec import EventCodec
from application.context import Context
from application.event_kinds import Upcast
from application.pipeline import Pipeline
from application.reactions import Reaction
from application.unit import Unit
from domain.decider import Decider
from domain.restores import RESTORE, CompleteRestore, FailRestore, Parked
from projections.projection import Projection

_PATIENCE = 60.0  # seconds for the one command that a new log begins with

_NEW_LOG = "UPDATE annals.logs SET incarnation = $2, fence = NULL WHERE log_id = $1"
_WHEN = "SELECT recorded_at FROM annals.events WHERE log_id = $1 AND position = $2"


class NotReached(Exception):  # noqa: N818 - a fact
    """Neither the live log nor a newer backup has the events up to the wished position."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What this program knows of events, and what follows them."""

    deciders: Sequence[Decider[Any, Any, Any]]
    upcasts: Mapping[tuple[str, int], Upcast]
    reactions: Sequence[Reaction]
    projections: Sequence[Projection]


class Tells:
    """How far a step is; whoever wants to know looks, now and then."""

    def __init__(self) -> None:
        """Nothing has begun."""
        self.step, self.done, self.total = "", 0, 0

    def begin(self, step: str) -> None:
        """Another step has begun."""
        self.step, self.done, self.total = step, 0, 0

    def __call__(self, done: int, total: int) -> None:
        """So much of the step is done."""
        self.done, self.total = done, total


@dataclass(kw_only=True)
class Filling:
    """One new database on its way; call the methods in their order."""

    live: str
    new: str
    repository: BackupRepository
    version: str
    master: MasterKey
    program: Program
    tells: Tells = field(default_factory=Tells)
    log_id: int = 1
    manifest: Manifest = field(init=False)
    position: int = field(init=False, default=0)
    goes_on: bool = field(init=False, default=False)
    """Whether the live log goes on from what is restored."""

    async def load(self) -> None:
        """The backup, with the newest key file of all, and this program's schema."""
        self.tells.begin("load")
        versions = await asyncio.to_thread(self.repository.versions)
        self.manifest = await load(
            self.new,
            self.repository,
            self.version,
            keys_from=versions[0] if versions else None,
            tell=self.tells,
            niceness=0,  # commands are refused meanwhile
        )
        self.position = self.manifest.position
        self.tells.begin("migrate")
        await migrate(self.new)
        async with as_owner(self.new) as connection:
            await connection.execute(_NEW_LOG, self.log_id, uuid4())
        await bury_missing(self.new, self.repository, self.version, log_id=self.log_id)

    async def replay(self, upto: int | None) -> None:
        """Events behind the backup: from the live log where it goes on, else from newer backups.

        Raises:
            NotReached: when they do not lead to `upto`.
        """
        self.tells.begin("replay")
        await self._look_at_live()
        if not self.goes_on and (upto is None or upto > self.position):
            await self._replay_newer(upto)
            await self._look_at_live()
        if self.goes_on:
            end = upto if upto is not None else await self._live_end()
            await replay_live(
                self.live,
                self.new,
                after=self.position,
                upto=end,
                tell=self._tell,
                log_id=self.log_id,
            )
            async with as_owner(self.new) as connection:
                self.position = await last_position(connection, self.log_id)
        if upto is not None and self.position != upto:
            raise NotReached(f"there are events up to {self.position} only, not to {upto}")

    async def finish(self, command: CompleteRestore, actor: str) -> LogEnd:
        """Park, take over the newest keys, prepare what is to be read, say what this log is.

        The live log is closed by now. Gives where the new one ends.
        """
        self.tells.begin("finish")
        await overlay_live(self.live, self.new, same_log=self.goes_on, log_id=self.log_id)
        pool = await open_pool(self.new, role="annals_appender", max_size=2, name="annals restore")
        try:
            vault = PostgresVault(pool, self.master, log_id=self.log_id)
            await vault.check()
            codec = EventCodec(self.program.deciders, vault, self.program.upcasts)
            waiting = await self._park(codec)
            async with as_owner(self.new) as connection:
                await generations.prepare(connection, self.program.projections, self.log_id)
                await connection.execute("ANALYZE annals.events")
            return await self._sign(pool, codec, command, waiting, actor)
        finally:
            await pool.close()

    async def _replay_newer(self, upto: int | None) -> None:
        for version in reversed(await asyncio.to_thread(self.repository.versions)):
            if version <= self.version or (upto is not None and self.position >= upto):
                continue
            newer = await asyncio.to_thread(self.repository.manifest, version)
            try:
                self.position = await replay_backup(
                    self.repository,
                    newer,
                    self.new,
                    after=self.position,
                    upto=upto,
                    tell=self._tell,
                    log_id=self.log_id,
                )
            except Diverged:
                continue

    async def _look_at_live(self) -> None:
        async with as_owner(self.live) as live, as_owner(self.new) as new:
            self.goes_on = await goes_on(live, new, self.position, log_id=self.log_id)

    async def _live_end(self) -> int:
        async with as_owner(self.live) as live:
            return await last_position(live, self.log_id)

    async def _park(self, codec: EventCodec) -> list[Parked]:
        """List what is owed as of the restored end, and let reactions go on behind it.

        Where nothing of the live log goes, nothing is in doubt, and what is owed follows.
        """
        reactions = self.program.reactions
        async with (
            as_owner(self.new) as new,
            as_owner(self.live) as live,
            live.transaction(isolation="repeatable_read", readonly=True),
        ):
            recorded_at: datetime | None = await new.fetchval(_WHEN, self.log_id, self.position)
            if recorded_at is None:
                return []
            if self.goes_on and self.position == await last_position(live, self.log_id):
                await parked.carry_over(live, new, log_id=self.log_id)
                return []
            end = parked.End(position=self.position, recorded_at=recorded_at)
            known = live if self.goes_on else new
            found = {
                *await parked.unfinished(known, end, log_id=self.log_id),
                *await parked.unfollowed(known, end, reactions, codec, log_id=self.log_id),
            }
            waiting = sorted(found, key=lambda each: (each.position, each.reaction))
            await parked.park(new, waiting, reactions, self.position, log_id=self.log_id)
        return waiting

    async def _sign(
        self,
        pool: Pool,
        codec: EventCodec,
        command: CompleteRestore,
        waiting: list[Parked],
        actor: str,
    ) -> LogEnd:
        store = await PostgresEventStore.open(self.new, log_id=self.log_id, readers=1)
        try:
            complete = msgspec.structs.replace(
                command, position=self.position, parked=tuple(waiting)
            )
            loop = asyncio.get_running_loop()
            context = Context(
                actor=actor, correlation_id=new_id(), deadline=loop.time() + _PATIENCE
            )

            others = await begun_streams(PostgresStreams(pool, self.log_id))

            async def decide(unit: Unit) -> None:
                await unit.decide(RESTORE, command.restore, complete)
                for other in others:  # what had begun where this log was cut goes on nowhere
                    if other != command.restore:
                        await unit.decide(RESTORE, other, _superseded(other, command))

            done = await Pipeline(store, codec, new_id).run(decide, context)
            return LogEnd(incarnation=done.position.incarnation, position=done.position.number)
        finally:
            await store.aclose()

    async def _tell(self, done: int, total: int) -> None:
        self.tells(done, total)


def _superseded(restore: str, command: CompleteRestore) -> FailRestore:
    error = f"the log was restored to before its end, by {command.restore}"
    return FailRestore(restore=restore, step="switch", error=error, at=command.at)
