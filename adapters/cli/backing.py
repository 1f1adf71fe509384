"""What `annals backup` works with: the log, its repository, and signs of life while it works.

A command does its work itself, and says in the log that it does, so that no worker does it as well.
Should it be killed, a scheduler finds that its signs of life have ended, and records that.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from adapters.capabilities import DECIDERS, UPCASTS
from adapters.cli.opening import OpenLog, open_log
from adapters.cli.running import Failed, Invocation
from adapters.clock import now
from adapters.crypto.master import MasterKey, load_master_key
from adapters.open_backups import opened_backups
from adapters.postgres.leases import PostgresLeases
from adapters.redis.backup_board import RedisBackupBoard
from adapters.redis.client import RedisClient
from application.backup_commands import handlers
from application.backup_repository import (
    BackupRepository,
    Damaged,
    NoSuchVersion,
    RepositoryFailed,
)
from application.backups import (
    Backups,
    DumpFailed,
    NoBoard,
    ProgressBoard,
    Tell,
    VerificationFailed,
)
from application.bus import Bus
from application.event_store import Outage
from application.unit import Done

T = TypeVar("T")

LATEST = "latest"
_SIGN = 3.0  # seconds between two signs of life
_LIFE = timedelta(seconds=10)
_MEGA = 20  # bits


@dataclass(frozen=True)
class Opened:
    """The log and the repository, for one command."""

    invocation: Invocation
    log: OpenLog
    backups: Backups
    leases: PostgresLeases

    @cached_property
    def _bus(self) -> Bus:
        return Bus(self.log.pipeline, handlers(self.backups))

    async def execute(self, command: object) -> Any:
        """Carry out a command as the person at the terminal; its result."""
        done = await self._bus.execute(command, self.log.context())
        assert isinstance(done, Done)  # noqa: S101 - only keyed commands are replayed
        return done.result

    async def work(self, what: str, version: str, work: Callable[[Tell], Awaitable[T]]) -> T:
        """Do some work on a version, with a bar, and signs of life for everybody else."""
        signs = asyncio.create_task(self._show_life(f"backup/{version}"))
        try:
            with self.invocation.output.progress(f"{what}, MB", 1) as bar:

                async def shown(tell: Tell) -> T:
                    def both(done: int, total: int) -> None:
                        tell(done, total)
                        bar(done >> _MEGA, max(total >> _MEGA, 1))

                    return await work(both)

                return await self.backups.told(what, version, shown)
        finally:
            signs.cancel()
            await asyncio.gather(signs, return_exceptions=True)

    async def _show_life(self, name: str) -> None:
        try:
            while True:
                with contextlib.suppress(Outage):
                    await self.leases.note(name, self.log.now() + _LIFE)
                await asyncio.sleep(_SIGN)
        finally:
            with contextlib.suppress(Outage):
                await self.leases.forget(name)


@asynccontextmanager
async def opened(invocation: Invocation) -> AsyncIterator[Opened]:
    """Open the log and the repository. Raises as `open_log`."""
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(open_log(invocation))
        board = await _board(stack, log)
        leases = await PostgresLeases.open(log.settings.database_url)
        stack.push_async_callback(leases.aclose)

        def master() -> MasterKey:
            return load_master_key(log.settings.master_key_file, create=False)

        backups = opened_backups(log.settings, master, board, DECIDERS, UPCASTS, now)
        with told():
            yield Opened(invocation, log, backups, leases)


async def _board(stack: AsyncExitStack, log: OpenLog) -> ProgressBoard:
    """Where others can watch this command's work, while there is a Redis."""
    if not log.settings.redis_url:
        return NoBoard()
    redis = await RedisClient.open(log.settings.redis_url)
    stack.push_async_callback(redis.aclose)
    return RedisBackupBoard(redis, lambda: log.store.incarnation)


@contextmanager
def told() -> Iterator[None]:
    """Turn what backups can meet into one line.

    Raises:
        Failed: with that line.
    """
    try:
        yield
    except (RepositoryFailed, Damaged, DumpFailed, VerificationFailed) as error:
        raise Failed(str(error)) from None


async def version_of(repository: BackupRepository, text: str) -> str:
    """The version that a person means: one in full, or the latest."""
    if text != LATEST:
        return text
    versions = await asyncio.to_thread(repository.versions)
    if not versions:
        raise NoSuchVersion(f"there is no backup in {repository.place}")
    return versions[0]
