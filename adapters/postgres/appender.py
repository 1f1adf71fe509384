"""Group commit: one connection that records whatever has gathered while the last batch committed.

The log's lock admits one batch at a time, so the way to be fast is not to hold it more often but
to carry more each time. There is no timer: a batch takes what is there once the clients of the one
before have been woken and had one turn of the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog

from adapters.postgres.batch import Entry
from adapters.postgres.line import UNSTORABLE, Line, Patience, Recorded
from application.boundary import check_append
from application.event_store import Append, EffectTaken, ForeignIncarnation, Outage, Outcome
from domain.rejections import Invalid

_HALVED_FROM = 24
"""Items that gathered at once and are sent in two halves: while the log works on one, this process
works on the clients of the other, instead of each waiting for the other's turn."""

_CLOCK_AHEAD = 5.0  # seconds that the database's clock may be ahead of ours

_log = structlog.get_logger(__name__)


class Limits(Patience, frozen=True, kw_only=True):
    """The bounds of an appender; times are in seconds."""

    queue_items: int = 20_000
    queue_bytes: int = 64 * 1024 * 1024
    queue_age: float = 5.0
    """How old the oldest item in the queue may be before newcomers are turned away."""
    batch_items: int = 512
    batch_bytes: int = 4 * 1024 * 1024


class Appender:
    """The one writer of a log in this process."""

    def __init__(
        self,
        url: str,
        *,
        incarnation: UUID,
        log_id: int = 1,
        limits: Limits | None = None,
        on_replaced: Callable[[ForeignIncarnation], None] = lambda _: None,
        on_clock_ahead: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Not connected yet: `start` begins.

        `on_replaced` hears once that the log was replaced; `on_clock_ahead` hears, for each
        batch, by how many seconds the database's clock is too far ahead.
        """
        self._limits = limits or Limits()
        self._line = Line(url, log_id=log_id, incarnation=incarnation, patience=self._limits)
        self._on_replaced = on_replaced
        self._on_clock_ahead = on_clock_ahead
        self._queue: deque[Entry] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._closing = False
        self._replaced: ForeignIncarnation | None = None
        self._is_ahead = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and begin to work.

        Raises:
            Outage: when the log does not answer.
        """
        await self._line.open()
        self._task = asyncio.create_task(self._run(), name="appender")

    async def aclose(self) -> None:
        """Record what is queued, bounded by the limits, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            bound = self._limits.settle + self._limits.one_try
            with suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(self._task, bound)
            self._task = None
        self._fail_queue(Outage("the platform is shutting down"))
        await self._line.aclose()

    async def append(self, item: Append) -> Outcome:
        """See `EventStore.append`; the caller's cancellation leaves the item where it is.

        Raises:
            Invalid: when the item could never be stored.
        """
        check_append(item)
        self.expect_same_log()
        if self._closing:
            raise Outage("the platform is shutting down")
        loop = asyncio.get_running_loop()
        entry = Entry(item, loop.create_future(), loop.time())
        self._admit(entry)
        self._queue.append(entry)
        self._bytes += entry.size
        self._wake.set()
        return await entry.answer

    def replace(self, foreign: ForeignIncarnation) -> None:
        """Refuse everything from now on: this process knows another log."""
        if self._replaced is None:
            self._replaced = foreign
            self._fail_queue(foreign)
            self._on_replaced(foreign)

    def expect_same_log(self) -> None:
        """Raises `ForeignIncarnation` once it is known that the log was replaced."""
        if self._replaced is not None:
            raise ForeignIncarnation(self._replaced.current)

    def _admit(self, entry: Entry) -> None:
        queue, limits = self._queue, self._limits
        if queue and (
            len(queue) >= limits.queue_items
            or self._bytes + entry.size > limits.queue_bytes
            or entry.since - queue[0].since > limits.queue_age
        ):
            raise Outage("more is being written than the log can take", retry_after=1.0)

    async def _run(self) -> None:
        while True:
            at_most = self._limits.batch_items
            if not self._queue:
                if not await self._gathered():
                    return
                if len(self._queue) >= _HALVED_FROM:
                    at_most = min(at_most, len(self._queue) // 2)
            batch = self._take(at_most)
            if batch:
                await self._record_safely(batch)

    async def _gathered(self) -> bool:
        """Wait for items, and one turn for more to come; False when there will be none."""
        await asyncio.sleep(0)  # the clients that the last batch woke add to this one
        if not self._queue:
            if self._closing:
                return False
            self._wake.clear()
            await self._wake.wait()
            await asyncio.sleep(0)
        return bool(self._queue) or not self._closing

    def _take(self, at_most: int) -> list[Entry]:
        """The next batch: in order, and no two that share a stream, a key or an effect."""
        batch: list[Entry] = []
        left: list[Entry] = []
        taken: set[object] = set()
        size = 0
        queue, most_bytes = self._queue, self._limits.batch_bytes
        while queue and len(batch) < at_most and size < most_bytes:
            entry = queue.popleft()
            if taken.isdisjoint(entry.names):
                batch.append(entry)
                size += entry.size
            else:
                left.append(entry)
            taken.update(entry.names)  # those left behind keep their order too
        queue.extendleft(reversed(left))
        self._bytes -= size
        return batch

    async def _record_safely(self, batch: Sequence[Entry]) -> None:
        try:
            await self._record(batch)
        except asyncio.CancelledError:
            _fail(batch, Outage("the platform is shutting down", outcome="unknown"))
            raise
        except Exception:  # noqa: BLE001 - the one writer must outlive any fault
            _log.exception("append_broke", items=len(batch))
            _fail(batch, Outage("the append broke", outcome="unknown"))
            self._line.drop()

    async def _record(self, batch: Sequence[Entry]) -> None:
        def unsure(why: Outage) -> bool:
            _fail(batch, Outage(why.detail, outcome="unknown"))
            return not self._closing

        try:
            recorded = await self._line.record(batch, unsure=unsure, waiting=self._expire)
        except UNSTORABLE as error:
            await self._record_apart(batch, error)
        except ForeignIncarnation as foreign:
            _fail(batch, foreign)
            self.replace(foreign)
        except Outage as error:
            _fail(batch, error)
        else:
            self._deliver(batch, recorded)

    async def _record_apart(self, batch: Sequence[Entry], error: asyncpg.PostgresError) -> None:
        """Find by halving the item that the log cannot hold, and record the others."""
        if len(batch) == 1:
            _refuse(batch[0], error)
            return
        middle = len(batch) // 2
        await self._record(batch[:middle])
        await self._record(batch[middle:])

    def _deliver(self, batch: Sequence[Entry], recorded: Recorded) -> None:
        self._watch_clock(recorded.answer["recorded_at"])
        for entry, outcome in zip(batch, recorded.outcomes, strict=True):
            entry.resolve(outcome)

    def _watch_clock(self, recorded_at: datetime) -> None:
        ahead = (recorded_at - datetime.now(UTC)).total_seconds()
        if ahead > _CLOCK_AHEAD:
            self._on_clock_ahead(ahead)
            if not self._is_ahead:
                _log.warning("clock_ahead", seconds=round(ahead, 3))
        self._is_ahead = ahead > _CLOCK_AHEAD

    def _expire(self) -> None:
        """Turn away, while the log is away, those who have waited long enough."""
        oldest = asyncio.get_running_loop().time() - self._limits.queue_age
        while self._queue and self._queue[0].since < oldest:
            entry = self._queue.popleft()
            self._bytes -= entry.size
            entry.fail(Outage("the log does not answer"))

    def _fail_queue(self, error: Exception) -> None:
        _fail(self._queue, error)
        self._queue.clear()
        self._bytes = 0


def _fail(entries: Iterable[Entry], error: Exception) -> None:
    for entry in entries:
        entry.fail(error)


def _refuse(entry: Entry, error: asyncpg.PostgresError) -> None:
    """Answer for the one item that the log cannot hold."""
    mark = entry.item.claim or entry.item.settlement
    no_partition = isinstance(error, asyncpg.CheckViolationError) and "partition" in str(error)
    if no_partition and mark is not None:  # the effect is done and its partition gone
        entry.resolve(EffectTaken(effect=mark.effect, attempt=mark.attempt))
    elif no_partition:
        entry.fail(Outage("there is no room prepared for idempotency keys of today"))
    else:
        _log.warning("item_refused", sqlstate=error.sqlstate)
        entry.fail(Invalid(detail="the log cannot hold this"))
