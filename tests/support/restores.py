"""A log with a backup repository beside it, small enough to be restored many times."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from adapters.backups.begun import Asked, Begun
from adapters.backups.carry_out import carry_out
from adapters.backups.closing import ClosingStore
from adapters.backups.directory import DirectoryRepository
from adapters.backups.dump import PgDumper
from adapters.backups.fence import as_owner
from adapters.backups.fill import Program
from adapters.backups.restore import Replaced, Restorer
from adapters.capabilities import DECIDERS, PROJECTIONS, REACTIONS, UPCASTS
from adapters.crypto.ids import new_id
from adapters.crypto.master import MasterKey
from adapters.crypto.vault import PostgresVault
from adapters.postgres.connect import Pool, open_pool
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.streams import PostgresStreams
from application.codec import EventCodec
from application.context import Context
from application.pipeline import Pipeline
from application.unit import Unit
from domain.flags.commands import ChangeFlag
from domain.flags.decider import FLAG
from domain.flags.edits import Describe, Enable
from domain.flags.state import About
from domain.restores import RESTORE, StartRestore

MASTER = MasterKey(bytes(range(32)))
PROGRAM = Program(deciders=DECIDERS, upcasts=UPCASTS, reactions=REACTIONS, projections=PROJECTIONS)


def now() -> datetime:
    return datetime.now(UTC)


def log_name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@dataclass(frozen=True, kw_only=True)
class OpenLog:
    """One log as the platform has it open."""

    url: str
    store: PostgresEventStore
    codec: EventCodec
    vault: PostgresVault
    pipeline: Pipeline
    readers: Pool

    async def decide(self, decider: Any, id_: str, command: object) -> int:
        """Let a stream answer; gives the position of the last event."""

        async def decide(unit: Unit) -> None:
            await unit.decide(decider, id_, command)

        done = await self.pipeline.run(decide, context())
        return done.position.number

    async def last(self, decider: Any, id_: str, command: object, *, tail: int | None) -> None:
        """As `decide`, with an append that closes the log behind itself."""

        async def decide(unit: Unit) -> None:
            await unit.decide(decider, id_, command)

        store = ClosingStore(self.url, self.store, id_, tail=tail)
        await Pipeline(store, self.codec, new_id).run(decide, context())

    async def flags(self, *keys: str) -> int:
        """Define these flags, an event or two each; the log's end behind them."""
        for key in keys:
            edits = (Describe(about=About(group="")), Enable(environment="default"))
            command = ChangeFlag(flag=key, edits=edits, at=now())
            last = await self.decide(FLAG, key, command)
        return last

    async def start(
        self, version: str, base: int, position: int | None, *, later: bool = False
    ) -> Asked:
        """Record that a restore begins, confirmed with the log's end as it is."""
        id_ = str(new_id())
        tail = await self.store.tail()
        command = StartRestore(
            restore=id_,
            version=version,
            base=base,
            position=position,
            tail=tail.position,
            discard_later=later,
            reason="a test",
            at=now(),
        )
        if position is None:
            await self.decide(RESTORE, id_, command)
        else:
            await self.last(RESTORE, id_, command, tail=None if later else tail.position)
        asked = await Begun(self.store, self.codec, PostgresStreams(self.readers)).find(id_)
        assert asked is not None
        return asked

    async def rows(self, upto: int | None = None) -> list[tuple[Any, ...]]:
        """Every event, every column, as the database has it."""
        async with self.readers.acquire() as connection:
            found = await connection.fetch(
                "SELECT * FROM annals.events WHERE $1::bigint IS NULL OR position <= $1"
                " ORDER BY position",
                upto,
            )
        return [tuple(row) for row in found]


def context() -> Context:
    deadline = asyncio.get_running_loop().time() + 30
    return Context(actor="account/ada", correlation_id=new_id(), deadline=deadline)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[OpenLog]:
    store = await PostgresEventStore.open(url)
    readers = await open_pool(url, role="annals_reader")
    keys = await open_pool(url, role="annals_appender")
    try:
        vault = PostgresVault(keys, MASTER)
        codec = EventCodec(DECIDERS, vault, UPCASTS)
        yield OpenLog(
            url=url,
            store=store,
            codec=codec,
            vault=vault,
            pipeline=Pipeline(store, codec, new_id),
            readers=readers,
        )
    finally:
        await store.aclose()
        readers.terminate()
        keys.terminate()


@dataclass(frozen=True)
class Plant:
    """A database's URL and a repository."""

    url: str
    repository: DirectoryRepository

    @classmethod
    def at(cls, url: str, directory: Path) -> "Plant":
        return cls(url, DirectoryRepository(directory))

    @property
    def directory(self) -> str:
        """Where the repository is."""
        return self.repository.place

    async def backup(self) -> tuple[str, int]:
        """Make a version; it and where it ends."""
        version = str(new_id())
        dump = PgDumper(self.url, self.repository, now=now)
        manifest = await dump(version, "", attempt=1, tell=lambda _done, _total: None)
        return version, manifest.position

    def restorer(self, **change: Any) -> Restorer:
        values: dict[str, Any] = {
            "url": self.url,
            "repository": self.repository,
            "master": MASTER,
            "program": PROGRAM,
            "now": now,
        }
        return Restorer(**(values | change))

    async def restore(self, asked: Asked, log: OpenLog) -> Replaced | None:
        return await carry_out(self.restorer(), asked, log.pipeline)

    async def databases(self) -> Sequence[str]:
        """Ours on the server: the log's, and what restores have left beside it."""
        stem = log_name(self.url)
        connection: Any = await asyncpg.connect(self.url)
        try:
            rows = await connection.fetch(
                "SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1", stem
            )
        finally:
            await connection.close()
        return [row[0].removeprefix(stem) for row in rows]


async def incarnation(url: str) -> UUID:
    connection: Any = await asyncpg.connect(url)
    try:
        found: UUID = await connection.fetchval("SELECT incarnation FROM annals.logs")
    finally:
        await connection.close()
    return found


async def closed_by(url: str) -> str | None:
    """The restore that has closed the log."""
    async with as_owner(url) as connection:
        found: str | None = await connection.fetchval("SELECT fence FROM annals.logs")
    return found
