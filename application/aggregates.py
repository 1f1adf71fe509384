"""What is counted in memory and recorded now and then: many small facts become one event.

A process that is killed loses what it had not recorded yet, which is lost without loss; what was
recorded is never recorded twice, because each batch is a stream that takes one batch.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec
import structlog

from application.context import Context
from application.event_store import ForeignIncarnation, Outage
from application.pipeline import Pipeline
from application.unit import Unit
from domain.decider import Decider
from domain.rejections import Rejection

log = structlog.get_logger(__name__)

ACTOR = "platform/aggregates"

ROWS = 1000
"""Rows that may be recorded in one interval: of more, each takes its share of time."""
LONGEST = 600.0
"""Seconds after which even the largest aggregate is recorded."""
PATIENCE = 5.0
"""Seconds that recording one batch may spend on races with others."""
AT_THE_END = 2.0
"""Seconds for recording what is left when a process ends."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A command that records a part of what was counted, once; `rows` is how much of it."""

    id: UUID
    tenant: str
    decider: Decider[Any, Any, Any]
    command: Any
    rows: int


class Counting(Protocol):
    """Something that counts in memory."""

    @property
    def full(self) -> bool:
        """Whether it should be recorded now, however long it has been."""
        ...

    def take(self, at: datetime) -> Sequence[Batch]:
        """Begin to count anew, and give what was counted."""
        ...


class Recorder:
    """Records what is counted in one process."""

    def __init__(
        self,
        counting: Sequence[Counting],
        pipeline: Pipeline,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        interval: float,
    ) -> None:
        """`interval` is in seconds; `run` does the work until `aclose` does the last of it."""
        self._counting = counting
        self._pipeline = pipeline
        self._now = now
        self._new_id = new_id
        self._interval = interval
        self._waiting: list[Batch] = []
        self._one_at_a_time = asyncio.Lock()
        self._closed = False

    async def run(self) -> None:
        """Record every interval, or sooner what has grown large, until cancelled."""
        pause = self._interval
        while True:
            await self._pause(pause)
            try:
                rows = await self.record()
            except Outage as outage:
                log.warning("aggregates_wait", detail=outage.detail)
                continue
            pause = min(max(self._interval, self._interval * rows / ROWS), LONGEST)

    async def record(self) -> int:
        """Record what was counted; how many rows that were.

        Raises:
            Outage: the log does not answer. What was not recorded is kept for the next time.
        """
        async with self._one_at_a_time:
            if self._closed:
                return 0
            if not self._waiting:
                at = self._now()
                self._waiting = [each for some in self._counting for each in some.take(at)]
            rows = sum(batch.rows for batch in self._waiting)
            while self._waiting:
                await self._record(self._waiting[0])
                del self._waiting[0]
            return rows

    async def aclose(self) -> None:
        """Record what is left, if the log answers; nothing is recorded afterwards."""
        try:
            async with asyncio.timeout(AT_THE_END):
                await self.record()  # what had to wait before
                await self.record()
        except (Outage, TimeoutError) as error:
            log.warning("aggregates_lost", error=type(error).__name__)
        self._closed = True

    async def _record(self, batch: Batch) -> None:
        async def decide(unit: Unit) -> None:
            await unit.decide(batch.decider, str(batch.id), batch.command)

        context = Context(
            actor=ACTOR,
            tenant=batch.tenant,
            correlation_id=self._new_id(),
            deadline=asyncio.get_running_loop().time() + PATIENCE,
        )
        try:
            await self._pipeline.run(decide, context)
        except (Rejection, ForeignIncarnation) as refusal:
            log.error("aggregate_refused", error=type(refusal).__name__, rows=batch.rows)  # noqa: TRY400 - it is told, not traced

    async def _pause(self, seconds: float) -> None:
        """Wait so long, unless something is full before."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(left, self._interval))
            if any(each.full for each in self._counting):
                return
