"""Checkpoints of followers that had nothing to write: many of them in one statement.

Most events concern few followers. The others pass them without a transaction of their own; that
they did is recorded a moment later, all together, so that it costs next to nothing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from adapters.postgres.checkpoints import Mark, advance_many
from adapters.postgres.connect import Pool
from adapters.postgres.member import AWAY, LONGEST_PAUSE, Member
from application.endings import give_way

log = structlog.get_logger(__name__)

PATIENCE = 0.05  # seconds that a step may wait for others to go with it


class IdleSteps:
    """Records the steps of those that have passed events without writing."""

    def __init__(self, pool: Pool, log_id: int, overtaken: Callable[[Mark], None]) -> None:
        """`overtaken` is called for a follower whose checkpoint somebody else has moved."""
        self._pool = pool
        self._log_id = log_id
        self._overtaken = overtaken
        self._noticed = asyncio.Event()

    def notice(self) -> None:
        """Some follower has passed something."""
        self._noticed.set()

    async def run(self, members: Mapping[Mark, Member]) -> None:
        """Record steps until cancelled."""
        while True:
            await self._noticed.wait()
            await asyncio.sleep(PATIENCE)
            self._noticed.clear()
            idle = [m for m in members.values() if m.idle_step and not m.writing.locked()]
            if idle and not await self._record(idle):
                self._noticed.set()
                await asyncio.sleep(LONGEST_PAUSE)

    async def _record(self, members: Sequence[Member]) -> bool:
        """Whether the database took them, those of followers that were overtaken aside."""
        for member in members:
            await member.writing.acquire()  # free, as was just seen: nothing waits here
        try:
            steps = [step for member in members if (step := member.idle_step)]
            async with self._pool.acquire() as connection:
                taken = await advance_many(connection, self._log_id, steps)
            reached = {step.mark: step.position for step in steps}
            for member in members:
                if member.mark in taken:
                    member.persisted = reached[member.mark]
        except AWAY as error:
            give_way(error)
            log.warning("checkpoints_not_recorded", error=type(error).__name__)
            return False
        finally:
            for member in members:
                member.writing.release()
        for mark in reached.keys() - taken:
            self._overtaken(mark)
        return True
