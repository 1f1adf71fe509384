"""One follower at work: from page to page, its rows and its checkpoint in one transaction.

Alone in its transaction and its task, it can neither hold up nor roll back its neighbours. It
ends, with the reason, when it cannot go on; the projector decides when it may try again.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import msgspec
import structlog

from adapters.postgres.checkpoints import Mark, Step, advance, read
from adapters.postgres.connect import LOST, Pool
from adapters.postgres.follower import AfterCommit, Follower
from application.endings import give_way
from application.event_store import ForeignIncarnation, Outage
from application.feed import Feed
from domain.recorded import Recorded
from projections.projection import BUILDS

log = structlog.get_logger(__name__)

AWAY = (
    Outage,
    ForeignIncarnation,
    *LOST,
    asyncpg.TransactionRollbackError,
)
"""What says nothing about an event: the database was away, the log was replaced."""

SHORTEST_PAUSE = 0.02  # seconds
LONGEST_PAUSE = 1.0  # seconds between tries while the database is away


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a follower stands still: "failed" at an event, or it is "unknown" to this code."""

    kind: str
    position: int
    error: str


class FenceLost(Exception):  # noqa: N818 - a fact, not a fault
    """Another process has moved the checkpoint on."""


class Stopped(Exception):  # noqa: N818 - a fact that is recorded
    """The follower cannot go on."""

    def __init__(self, failure: Failure) -> None:
        """Say where and why."""
        super().__init__(failure.error)
        self.failure = failure


class Member:
    """A follower, where it is, and what it may do."""

    def __init__(
        self,
        follower: Follower,
        *,
        pool: Pool,
        feed: Feed,
        log_id: int,
        moved: Callable[["Member"], None],
    ) -> None:
        """`moved` is called whenever rows include more than before."""
        self.follower = follower
        self.mark = Mark(follower.name, follower.generation)
        self.position = 0
        self.persisted = 0
        self.running = False
        self.skipped: Collection[int] = ()
        self.writing = asyncio.Lock()
        self._pool = pool
        self._feed = feed
        self._log_id = log_id
        self._moved = moved

    @property
    def version(self) -> int:
        """The version of the follower's code, as skips name it."""
        return self.mark.generation // BUILDS

    @property
    def idle_step(self) -> Step | None:
        """What is passed but not recorded, because there was nothing to write."""
        if not self.running or self.position <= self.persisted:
            return None
        return Step(mark=self.mark, previous=self.persisted, position=self.position)

    async def run(self) -> None:
        """Follow the log until cancelled.

        Raises:
            Stopped: at an event that cannot be applied or is unknown to this code.
        """
        pause = SHORTEST_PAUSE
        try:
            while True:
                begun = self.position
                try:
                    await self._load()
                    await self._follow()
                except Stopped:
                    await self._settle()
                    raise
                except FenceLost:
                    log.info("follower_overtaken", follower=self.mark.name)
                except AWAY as error:
                    give_way(error)
                    log.warning(
                        "follower_interrupted",
                        follower=self.mark.name,
                        generation=self.mark.generation,
                        error=type(error).__name__,
                    )
                self.running = False
                pause = SHORTEST_PAUSE if self.position > begun else min(2 * pause, LONGEST_PAUSE)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        finally:
            self.running = False

    async def _load(self) -> None:
        async with self._pool.acquire() as connection:
            marks = await read(connection, self._log_id, [self.mark])
        self.position = self.persisted = marks[self.mark]
        self.running = True
        self._moved(self)

    async def _follow(self) -> None:
        """Apply page after page, reading the next while one is written."""
        page = await self._feed.next(self.position)
        while True:
            ahead = None
            if page.full and page.unknown is None:
                ahead = asyncio.ensure_future(self._feed.page(page.last))
            try:
                recorded, fault = await page.wanted(self.follower.handles, self.skipped)
                recorded = [each for each in recorded if each.position > self.position]
                if fault is not None:
                    await self._pass(recorded, fault.position - 1)
                    raise Stopped(_failed(fault.position, fault.error))
                await self._pass(recorded, page.last)
                if page.unknown is not None:
                    error = "newer than this version of the program"
                    raise Stopped(Failure(kind="unknown", position=page.unknown, error=error))
                page = await (ahead or self._feed.next(self.position))
                if page.last <= self.position:
                    page = await self._feed.next(self.position)
            finally:
                if ahead is not None:
                    ahead.cancel()

    async def _pass(self, recorded: Sequence[Recorded[Any]], upto: int) -> None:
        """Be at `upto`, with these events applied, or as many of them as can be.

        Raises:
            Stopped: at the one that cannot, with everything before it applied.
        """
        if not recorded:
            if upto > self.position:
                self.position = upto
                self._moved(self)
            return
        try:
            await self._commit(recorded, upto)
        except (FenceLost, *AWAY):
            raise
        except Exception as error:
            if len(recorded) == 1:
                position = recorded[0].position
                await self._pass((), position - 1)
                raise Stopped(_failed(position, error)) from error
            middle = len(recorded) // 2
            await self._pass(recorded[:middle], recorded[middle].position - 1)
            await self._pass(recorded[middle:], upto)

    async def _commit(self, recorded: Sequence[Recorded[Any]], upto: int) -> None:
        async with self.writing:
            step = Step(mark=self.mark, previous=self.persisted, position=upto)
            async with self._pool.acquire() as connection, connection.transaction():
                if not await advance(connection, self._log_id, step):
                    raise FenceLost
                after: AfterCommit | None = await self.follower.apply(connection, recorded)
            self.position = self.persisted = upto
        self._moved(self)
        if after is not None:
            await self._after(after)

    async def _settle(self) -> None:
        """Record how far it came, for people to see, before it stands still."""
        step = self.idle_step
        if step is None:
            return
        with suppress(*AWAY):
            async with self.writing, self._pool.acquire() as connection:
                if await advance(connection, self._log_id, step):
                    self.persisted = step.position

    async def _after(self, after: AfterCommit) -> None:
        try:
            await after()
        except Exception:  # what follows a commit is a courtesy; a sweep makes up for it
            log.exception("after_commit_failed", follower=self.mark.name)


def _failed(position: int, error: Exception) -> Failure:
    """Name the error without its text, which may hold a value from an event."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f" at {where.tb_frame.f_globals.get('__name__')}:{where.tb_lineno}" if where else ""
    return Failure(kind="failed", position=position, error=f"{type(error).__name__}{place}")
