"""The clock that fires reminders: sleeps until one is due, takes what is due, and fires it.

Any number of clocks may run. Each brings the log to the set of what is due, and each takes from
it; the set's order and the reminders' streams see to it that nothing is applied or fired twice.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from application.codec import EventCodec
from application.due_set import DueLost, DueSet, DueSource, Name, Taken
from application.event_store import ForeignIncarnation, Outage
from application.reminders import FireOutcome, due_changes
from application.tail import Lagged, Tail
from application.waiting import wait_at_most

log = structlog.get_logger(__name__)

Fire = Callable[[Name], Awaitable[FireOutcome]]
"""Fires what is due of a reminder. Raises `Outage`."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How the clock goes about it; times in seconds."""

    batch: int = 500
    """At most so many are taken and fired together."""
    lease: float = 10.0
    """How long what was taken is not taken again, unless the log says that it has fired."""
    longest_sleep: float = 1.0
    """After so long it looks, due or not: this is how it notices that the set was lost."""
    pause: float = 1.0
    """Between tries while something does not answer, more or less."""


class ReminderClock:
    """Fires what is due, for as long as it runs."""

    def __init__(
        self,
        due: DueSet,
        source: DueSource,
        tail: Tail,
        codec: EventCodec,
        fire: Fire,
        *,
        now: Callable[[], datetime],
        pace: Pace | None = None,
    ) -> None:
        """`source` is where a lost set is rebuilt from."""
        self._due = due
        self._source = source
        self._tail = tail
        self._codec = codec
        self._fire = fire
        self._now = now
        self._pace = pace or Pace()
        self._awake = asyncio.Event()

    async def run(self) -> None:
        """Follow the log and fire until cancelled; no outage ends it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="reminders: follow the log")
            group.create_task(self._poll(), name="reminders: fire what is due")

    async def once(self) -> Taken:
        """Take what is due now, at most a batch, and fire it.

        Raises:
            Outage: the set does not answer.
            DueLost: it must be rebuilt.
        """
        lease = timedelta(seconds=self._pace.lease)
        taken = await self._due.take(self._now(), limit=self._pace.batch, lease=lease)
        if taken.names:
            outcomes = await asyncio.gather(*(self._fired(name) for name in taken.names))
            not_fired = [
                (name, outcome.next_at)
                for name, outcome in zip(taken.names, outcomes, strict=True)
                if outcome is not None and outcome.late_by is None
            ]
            if not_fired:
                await self._due.give_back(taken, not_fired)
        return taken

    async def _fired(self, name: Name) -> FireOutcome | None:
        """Fire; None leaves it to the end of the lease."""
        try:
            return await self._fire(name)
        except Outage as outage:
            log.warning("reminder_waits", reminder=name.reminder, detail=outage.detail)
        except Exception:  # one that cannot be fired is not the others' affair
            log.exception("reminder_stuck", tenant=name.tenant, reminder=name.reminder)
        return None

    async def _poll(self) -> None:
        while True:
            self._awake.clear()
            try:
                taken = await self.once()
            except DueLost:
                await self._rebuild()
            except Outage as outage:
                log.warning("reminders_wait", detail=outage.detail)
                await self._rest()
            else:
                if not taken.names:
                    await self._sleep(taken.next_at)

    async def _sleep(self, until: datetime | None) -> None:
        """Until the moment, or until the log has said something, but not for long."""
        length = self._pace.longest_sleep
        if until is not None:
            length = min(length, (until - self._now()).total_seconds())
        await wait_at_most(self._awake, length)

    async def _follow(self) -> None:
        """Bring the log to the set, and wake the other half when it has said something."""
        await self._tail.started()
        while True:
            try:
                reached = await self._due.applied()
                if reached is None:
                    await self._rebuild()
                    continue
                log.info("reminders_followed", position=reached)
                await self._follow_behind(reached)
            except (Outage, ForeignIncarnation, Lagged) as interruption:
                log.warning("reminders_interrupted", error=type(interruption).__name__)
                await self._rest()
            except DueLost:
                await self._rebuild()

    async def _follow_behind(self, position: int) -> None:
        """Apply page after page, for as long as the set is not behind what was applied."""
        async for page in self._tail.follow(position):
            upto = page[-1].position
            changes = await due_changes(page, self._codec)
            if await self._due.follow(changes, after=position, upto=upto) < position:
                return
            position = upto
            if changes:
                self._awake.set()

    async def _rebuild(self) -> None:
        try:
            await self._due.rebuild(self._source)
        except (Outage, ForeignIncarnation) as failure:
            log.warning("reminders_rebuild_failed", error=type(failure).__name__)
            await self._rest()
        else:
            log.info("reminders_rebuilt")
            self._awake.set()

    async def _rest(self) -> None:
        await asyncio.sleep(self._pace.pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
