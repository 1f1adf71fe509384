"""The reminders' clock of one scheduler process: its ports wired, and the chore that runs it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from adapters.platform import Platform
from adapters.postgres.connect import Pool
from adapters.postgres.tenants import tenants_of
from adapters.redis.due_set import RedisDueSet
from application.context import Context
from application.due_set import Name
from application.reminder_clock import ReminderClock
from application.reminders import FireOutcome, FireReminder, LoggedReminders
from application.unit import Done
from domain.recorded import DEFAULT_TENANT
from projections.reading import ReadModels
from projections.reminders import PROJECTION, find_pending

ACTOR = "scheduler/reminders"

_PAGE = 1000
_FIRING = 5.0  # seconds that one firing may spend on races with others


@dataclass(frozen=True)
class ReadPendingReminders:
    """Implements `application.reminders.PendingReminders`."""

    readers: Pool
    read_models: ReadModels
    log_id: int = 1

    async def pending(self) -> tuple[int, AsyncIterator[Sequence[tuple[Name, datetime]]]]:
        """See `PendingReminders`. Pages are read one by one; what changes meanwhile follows.

        The position comes first: whoever has rows there has events that are seen afterwards.
        """
        async with self.read_models.rows(PROJECTION, DEFAULT_TENANT) as rows:
            position = await rows.position()
        return position.number, self._pages(await self._tenants())

    async def _tenants(self) -> list[str]:
        return await tenants_of(self.readers, self.log_id)

    async def _pages(
        self, tenants: Sequence[str]
    ) -> AsyncIterator[Sequence[tuple[Name, datetime]]]:
        for tenant in tenants:
            after = ""
            while True:
                async with self.read_models.rows(PROJECTION, tenant) as rows:
                    page = await find_pending(rows, after=after, limit=_PAGE)
                if page:
                    yield [(Name(tenant, row.id), row.next_at) for row in page]
                    after = page[-1].id
                if len(page) < _PAGE:
                    break


def reminder_clock(platform: Platform) -> ReminderClock:
    """The clock of this process."""
    store, codec = platform.store, platform.codec

    async def fire(name: Name) -> FireOutcome:
        context = Context(
            actor=ACTOR,
            tenant=name.tenant,
            correlation_id=platform.new_id(),
            deadline=asyncio.get_running_loop().time() + _FIRING,
        )
        done = await platform.bus.execute(FireReminder(reminder=name.reminder), context)
        outcome = cast("Done[Any]", done).result
        assert isinstance(outcome, FireOutcome)  # noqa: S101 - the handler's answer
        if outcome.late_by is not None:
            platform.metrics.reminder_lateness.observe(outcome.late_by)
        return outcome

    return ReminderClock(
        RedisDueSet(platform.redis, incarnation=lambda: store.incarnation),
        LoggedReminders(ReadPendingReminders(platform.readers, platform.read_models), store, codec),
        platform.tail,
        codec,
        fire,
        now=platform.now,
    )


async def run_reminders(platform: Platform) -> None:
    """The chore: fire reminders for as long as the process runs."""
    await reminder_clock(platform).run()
