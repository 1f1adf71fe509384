"""The live end of the log: one reader per process, and everybody who wants news behind it.

New events are fetched once, whoever asks, into one bounded ring. Cache invalidation, waiters and
live streams are served from the ring; who falls out of it while listening is told so (`Lagged`)
and comes back with its last position, instead of making the ring grow.

Every look has its price in every process, and more so has each transaction of whoever follows. So
where news come faster than they are looked at, they are let gather for a moment and taken together;
who waits for a position that was recorded already is in a hurry and is not kept waiting.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice
from uuid import UUID

import structlog

from application.event_store import EventStore, ForeignIncarnation, Outage, StoredEvent
from application.waiting import wait_at_most

log = structlog.get_logger(__name__)

PAGE = 1000  # events fetched at once
LISTENING_POLL = 1.0  # seconds between looks while notifications work
SHORTEST_POLL = 0.01  # seconds between looks without them, doubled while nothing happens ...
LONGEST_POLL = 0.25  # ... up to this
LONGEST_PAUSE = 1.0  # seconds between tries while the log does not answer
GATHER = 0.05  # seconds between looks while news are crowding
CROWDED = 1.25  # calls to look, per look; one client that waits for what it did never makes two

OnEvents = Callable[[Sequence[StoredEvent]], None]
OnReplaced = Callable[[UUID], None]


class Lagged(Exception):  # noqa: N818 - a fact about the reader
    """A live reader was slower than the ring is long; it resumes behind `position`."""

    def __init__(self, position: int) -> None:
        """Say where the reader is."""
        super().__init__(f"the reader fell behind at position {position}")
        self.position = position


class Ring:
    """The newest events without gaps, bounded in number and bytes."""

    def __init__(self, capacity: int, max_bytes: int) -> None:
        """Start empty, at position 0."""
        self.position = 0
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._bytes = 0
        self._events: deque[StoredEvent] = deque()

    def reset(self, position: int) -> None:
        """Forget everything and go on behind a position."""
        self._events.clear()
        self._bytes = 0
        self.position = position

    def extend(self, events: Sequence[StoredEvent]) -> None:
        """Add what follows, and forget the oldest beyond the bounds."""
        for event in events:
            self._events.append(event)
            self._bytes += len(event.data) + len(event.meta)
        while len(self._events) > self._capacity or self._bytes > self._max_bytes:
            oldest = self._events.popleft()
            self._bytes -= len(oldest.data) + len(oldest.meta)
        self.position = events[-1].position

    def after(self, position: int, limit: int) -> list[StoredEvent] | None:
        """Events behind a position; None where the ring begins later than that."""
        oldest = self.position - len(self._events) + 1
        if position < oldest - 1:
            return None
        start = position - oldest + 1
        newest = len(self._events) - start
        if newest <= limit:  # the usual case: a few at the end, and a deque is slow in its middle
            return list(islice(reversed(self._events), max(newest, 0)))[::-1]
        return list(islice(self._events, start, start + limit))


class Tail:
    """Follows the log and feeds everybody in this process.

    `run` does the work, for ever; the rest may be called before it has started. Something that
    listens for the log's notifications calls `wake`, and sets `listening` while it does.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        capacity: int = 8192,
        max_bytes: int = 16 * 1024 * 1024,
        gather: float = GATHER,
    ) -> None:
        """The ring keeps `capacity` events and `max_bytes` of their data at most.

        `gather` is how many seconds lie between looks while news are crowding.
        """
        self.listening = False
        self.incarnation: UUID | None = None
        self._store = store
        self._gather = gather
        self._ring = Ring(capacity, max_bytes)
        self._awake = asyncio.Event()
        self._calls = 0
        self._crowd = 1.0
        self._hurry = asyncio.Event()
        self._news = asyncio.Event()
        self._started = asyncio.Event()
        self._on_events: list[OnEvents] = []
        self._on_replaced: list[OnReplaced] = []

    @property
    def position(self) -> int:
        """The last position that was seen."""
        return self._ring.position

    def wake(self) -> None:
        """There is something to look at."""
        self._calls += 1
        self._awake.set()

    def hurry(self, position: int) -> None:
        """Somebody waits for a position that was recorded: let nothing gather before it."""
        if self._ring.position < position:
            self._hurry.set()

    def on_events(self, callback: OnEvents) -> None:
        """Call this with every batch of new events, in order; it must not wait for anything."""
        self._on_events.append(callback)

    def on_replaced(self, callback: OnReplaced) -> None:
        """Call this with the new incarnation when the log was replaced."""
        self._on_replaced.append(callback)

    async def started(self) -> None:
        """Wait until the end of the log is known."""
        await self._started.wait()

    async def wait_for(self, position: int) -> None:
        """Wait until a position that was recorded is seen here.

        Raises:
            ForeignIncarnation: the log was replaced meanwhile.
        """
        incarnation = self.incarnation
        while self._ring.position < position:
            self.hurry(position)
            await self._news.wait()
            incarnation = self._same(incarnation)

    async def news(self, after: int) -> None:
        """Wait until something behind a position is seen here; it may have gathered first.

        Raises:
            ForeignIncarnation: the log was replaced meanwhile.
        """
        incarnation = self.incarnation
        while self._ring.position <= after:
            await self._news.wait()
            incarnation = self._same(incarnation)

    async def read(self, after: int, limit: int = PAGE) -> list[StoredEvent]:
        """Events behind a position, from the ring or else from the store.

        Raises:
            Outage, ForeignIncarnation: as the store does.
        """
        found = self._ring.after(after, limit) if self._started.is_set() else None
        return await self._store.read_log(after=after, limit=limit) if found is None else found

    async def follow(self, after: int) -> AsyncIterator[list[StoredEvent]]:
        """Pages of events behind a position, for ever.

        Raises:
            Lagged: the reader had arrived at the ring and fell out of it.
            Outage: while it was still behind, and the store did not answer.
            ForeignIncarnation: the log was replaced.
        """
        await self.started()
        incarnation = self.incarnation
        position, arrived = after, False
        while True:
            page = self._ring.after(position, PAGE)
            if page is None:
                if arrived:
                    raise Lagged(position)
                page = await self._store.read_log(after=position, limit=PAGE)
            else:
                arrived = True
            if page:
                yield page
                position = page[-1].position
            else:
                await self._news.wait()
            incarnation = self._same(incarnation)

    async def run(self) -> None:
        """Follow the log until cancelled; nothing that happens to the database ends it."""
        pause = poll = SHORTEST_POLL
        loop = asyncio.get_running_loop()
        while True:
            looked = loop.time()
            try:
                found = await self._look()
            except Outage as outage:
                log.warning("tail_interrupted", detail=outage.detail)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            except ForeignIncarnation as replaced:
                self._replaced(replaced.current)
                await asyncio.sleep(LONGEST_POLL)
                continue
            pause = SHORTEST_POLL
            poll = SHORTEST_POLL if found else min(2 * poll, LONGEST_POLL)
            await wait_at_most(self._awake, LISTENING_POLL if self.listening else poll)
            if self._is_crowded():
                await wait_at_most(self._hurry, looked + self._gather - loop.time())
            self._hurry.clear()

    def _is_crowded(self) -> bool:
        """Whether of late there was more than one call to look by the time of the look."""
        self._crowd += 0.2 * (self._calls - self._crowd)
        self._calls = 0
        return self._crowd > CROWDED

    async def _look(self) -> bool:
        """Fetch what is new; whether there was anything."""
        if not self._started.is_set() or not self._awake.is_set():
            await self._check()
        self._awake.clear()
        found = False
        while events := await self._store.read_log(after=self._ring.position, limit=PAGE):
            found = True
            self._ring.extend(events)
            self._tell(events)
            if len(events) < PAGE:
                break
        return found

    async def _check(self) -> None:
        """Compare the log's incarnation, and begin at its end the first time."""
        tail = await self._store.tail()
        if tail.incarnation == self.incarnation and self._started.is_set():
            return
        self._replaced(tail.incarnation)
        self._ring.reset(tail.position)
        self._started.set()
        self._announce()

    def _replaced(self, current: UUID | None) -> None:
        """Take note of the log's incarnation, and tell everybody when it is another one."""
        known = self.incarnation
        if current is None or current == known:
            return
        self.incarnation = current
        if known is None:
            return
        log.warning("log_replaced", incarnation=str(current))
        self._started.clear()
        self._ring.reset(0)
        for callback in self._on_replaced:
            callback(current)
        self._announce()

    def _same(self, incarnation: UUID | None) -> UUID | None:
        if incarnation is not None and self.incarnation != incarnation:
            raise ForeignIncarnation(self.incarnation)
        return self.incarnation

    def _tell(self, events: Sequence[StoredEvent]) -> None:
        for callback in self._on_events:
            try:
                callback(events)
            except Exception:  # one consumer's fault is not the others'
                log.exception("tail_consumer_failed", consumer=repr(callback))
        self._announce()

    def _announce(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
