"""The clock of planned changes in one scheduler process: its ports wired, and the chore."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from adapters.platform import Platform
from adapters.postgres.connect import Pool
from adapters.postgres.tenants import tenants_of
from application.context import Context
from application.flags.change_clock import ChangeClock, Name
from application.flags.planned import CarryOutChange, Planned
from application.unit import Done
from domain.flags.planned import Ended, Running
from domain.recorded import DEFAULT_TENANT
from projections.flag_changes import PROJECTION, find_scheduled
from projections.reading import ReadModels

log = structlog.get_logger(__name__)

ACTOR = "scheduler/flag-changes"

_PAGE = 1000
_PATIENCE = 10.0  # seconds that one step may spend on races with others


@dataclass(frozen=True)
class ReadScheduledChanges:
    """Implements `application.flags.change_clock.ScheduledChanges`."""

    readers: Pool
    read_models: ReadModels
    log_id: int = 1

    async def scheduled(self) -> tuple[int, AsyncIterator[Sequence[tuple[Name, datetime]]]]:
        """See `ScheduledChanges`.

        The position comes first: whoever has rows there has events that are seen afterwards.
        """
        async with self.read_models.rows(PROJECTION, DEFAULT_TENANT) as rows:
            position = await rows.position()
        return position.number, self._pages(await tenants_of(self.readers, self.log_id))

    async def _pages(
        self, tenants: Sequence[str]
    ) -> AsyncIterator[Sequence[tuple[Name, datetime]]]:
        for tenant in tenants:
            after: tuple[datetime | None, str] = (None, "")
            while True:
                async with self.read_models.rows(PROJECTION, tenant) as rows:
                    page = await find_scheduled(rows, after=after, limit=_PAGE)
                if page:
                    yield [(Name(tenant, row.id), row.next_at) for row in page]
                    after = (page[-1].next_at, page[-1].id)
                if len(page) < _PAGE:
                    break


def change_clock(platform: Platform) -> ChangeClock:
    """The clock of this process."""

    async def carry_out(name: Name) -> datetime | None:
        context = Context(
            actor=ACTOR,
            tenant=name.tenant,
            correlation_id=UUID(name.change),  # so that all steps of a change are found together
            deadline=asyncio.get_running_loop().time() + _PATIENCE,
        )
        command = CarryOutChange(change=name.change, at=platform.now())
        done = await platform.bus.execute(command, context)
        assert isinstance(done, Done)  # noqa: S101 - only keyed commands are replayed
        assert isinstance(done.result, Planned)  # noqa: S101 - the handler's answer
        change = done.result.change
        tried = done.result.flag is not None  # or another scheduler has, and told
        if tried and isinstance(change, Ended) and change.failure is not None:
            told = {"flag": change.plan.flag, "code": change.failure.code}
            log.warning("flag_change_failed", change=name.change, **told)
        return change.next_at if isinstance(change, Running) else None

    return ChangeClock(
        ReadScheduledChanges(platform.readers, platform.read_models),
        platform.tail,
        platform.codec,
        carry_out,
        now=platform.now,
    )


async def carry_out_flag_changes(platform: Platform) -> None:
    """The chore: carry out what is due for as long as the process runs."""
    await change_clock(platform).run()
