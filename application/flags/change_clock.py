"""The clock of planned changes: sleeps until a step is due, and has it carried out.

Each clock keeps the times of all changes that run, which it reads from the read model once and from
the log from then on; it asks nothing else, so Redis may be away. Any number of clocks may run: that
a step is carried out once is decided by the change's stream. What was due while none ran is carried
out late.
"""

import asyncio
import heapq
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from application.codec import EventCodec, UnknownEvent
from application.event_store import ForeignIncarnation, Outage, StoredEvent
from application.tail import Lagged, Tail
from application.waiting import wait_at_most
from domain.flags.planned import (
    FLAG_CHANGE,
    FlagChangeApproved,
    FlagChangeEvent,
    FlagChangeProposed,
    FlagChangeResumed,
    FlagChangeStepCarriedOut,
)

log = structlog.get_logger(__name__)

BATCH = 100
"""At most so many are carried out together."""


class Name(msgspec.Struct, frozen=True):
    """A change among those of all tenants."""

    tenant: str
    change: str


CarryOut = Callable[[Name], Awaitable[datetime | None]]
"""Carries out what is due of a change; gives when it is due from then on. Raises `Outage`."""


class ScheduledChanges(Protocol):
    """The read model of planned changes, as a clock begins with it."""

    async def scheduled(self) -> tuple[int, AsyncIterator[Sequence[tuple[Name, datetime]]]]:
        """A position of the log, and what was due when there or later, of all tenants.

        Raises:
            Outage: when it does not answer or is being built.
        """
        ...


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How the clock goes about it; times in seconds."""

    longest_sleep: float = 1.0
    """After so long it looks at the time of day, which may have been set."""
    pause: float = 1.0
    """Between tries while something does not answer, more or less."""
    stuck: float = 60.0
    """Between tries of a change that cannot be carried out by a fault of ours."""


class ChangeClock:
    """Has carried out what is due, for as long as it runs."""

    def __init__(
        self,
        rows: ScheduledChanges,
        tail: Tail,
        codec: EventCodec,
        carry_out: CarryOut,
        *,
        now: Callable[[], datetime],
        pace: Pace | None = None,
    ) -> None:
        """`now` gives aware times."""
        self._rows = rows
        self._tail = tail
        self._codec = codec
        self._carry_out = carry_out
        self._now = now
        self._pace = pace or Pace()
        self._due: dict[Name, datetime] = {}
        self._awake = asyncio.Event()

    async def run(self) -> None:
        """Follow the log and carry out until cancelled; no outage ends it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="flag changes: follow the log")
            group.create_task(self._keep_time(), name="flag changes: carry out what is due")

    async def _keep_time(self) -> None:
        while True:
            self._awake.clear()
            now = self._now()
            first = heapq.nsmallest(BATCH, self._due.items(), key=lambda each: each[1])
            names = [name for name, at in first if at <= now]
            if names:
                if not all(await asyncio.gather(*map(self._carried_out, names))):
                    await self._rest()
            else:
                await self._sleep(first[0][1] if first else None)

    async def _carried_out(self, name: Name) -> bool:
        """Carry out; False while something does not answer, and it is tried again."""
        due = self._due.get(name)
        try:
            next_at = await self._carry_out(name)
        except (Outage, ForeignIncarnation) as interruption:
            log.warning("flag_change_waits", change=name.change, error=type(interruption).__name__)
            return False
        except Exception:  # one that cannot be carried out is not the others' affair
            log.exception("flag_change_stuck", tenant=name.tenant, change=name.change)
            next_at = self._now() + timedelta(seconds=self._pace.stuck)
        if self._due.get(name) == due:  # or the log has told something newer
            self._move(name, next_at)
        return True

    async def _sleep(self, until: datetime | None) -> None:
        """Until the moment, or until the log has said something, but not for long."""
        length = self._pace.longest_sleep
        if until is not None:
            length = min(length, (until - self._now()).total_seconds())
        await wait_at_most(self._awake, length)

    async def _follow(self) -> None:
        while True:
            try:
                await self._tail.started()
                position = await self._load()
                log.info("flag_changes_followed", position=position)
                async for page in self._tail.follow(position):
                    await self._apply(page)
            except (Outage, ForeignIncarnation, Lagged, UnknownEvent) as interruption:
                log.warning("flag_changes_interrupted", error=type(interruption).__name__)
            await self._rest()

    async def _load(self) -> int:
        """Begin with what the read model has; it is as old as the position that this gives."""
        position, batches = await self._rows.scheduled()
        found: dict[Name, datetime] = {}
        async for batch in batches:
            found.update(batch)
        self._due = found
        self._awake.set()
        return position

    async def _apply(self, page: Sequence[StoredEvent]) -> None:
        mine = [event for event in page if event.stream.startswith(_MINE)]
        for recorded in await self._codec.decode(mine):
            self._move(Name(recorded.tenant, recorded.stream_id), due_after(recorded.event))
        if mine:
            self._awake.set()

    def _move(self, name: Name, due_at: datetime | None) -> None:
        if due_at is None:
            self._due.pop(name, None)
        else:
            self._due[name] = due_at

    async def _rest(self) -> None:
        await asyncio.sleep(self._pace.pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


_MINE = f"{FLAG_CHANGE.category}/"


def due_after(event: FlagChangeEvent) -> datetime | None:
    """When a change is due after an event; None: not by itself."""
    match event:
        case (
            FlagChangeProposed()
            | FlagChangeApproved()
            | FlagChangeStepCarriedOut()
            | FlagChangeResumed()
        ):
            return event.next_at
        case _:
            return None
