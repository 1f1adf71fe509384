"""Pages of the log for everything that follows it: read once, decoded once, however many follow.

Followers at the same place get the same page, whether that place is the live end or the beginning
of a build. An event is decoded when the first of them wants it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from application.codec import EventCodec
from application.event_store import ForeignIncarnation, Outage, StoredEvent
from application.tail import Tail
from domain.recorded import Recorded

BULK = 4000
"""Events to a page when many follow."""


class Undecodable(msgspec.Struct, frozen=True):
    """An event that a follower wants and nobody can read."""

    position: int
    error: Exception


class Page:
    """Consecutive events, up to the first that is newer than this code."""

    def __init__(self, after: int, events: Sequence[StoredEvent], codec: EventCodec) -> None:
        """`events` follow `after` without a gap."""
        known = next((n for n, each in enumerate(events) if not codec.knows(each)), len(events))
        self.unknown = events[known].position if known < len(events) else None
        self.last = events[known - 1].position if known else after
        self.full = len(events) >= BULK
        self._events = events[:known]
        self._codec = codec
        self._decoded: dict[int, Recorded[Any]] = {}

    async def wanted(
        self, handles: Collection[str], leave_out: Collection[int]
    ) -> tuple[list[Recorded[Any]], Undecodable | None]:
        """The events of these types, up to one that cannot be decoded.

        Raises:
            Outage: when a key that is needed cannot be fetched.
        """
        chosen = [e for e in self._events if e.type in handles and e.position not in leave_out]
        missing = [each for each in chosen if each.position not in self._decoded]
        fault = await self._decode(missing) if missing else None
        if fault is not None:
            chosen = [each for each in chosen if each.position < fault.position]
        return [self._decoded[each.position] for each in chosen], fault

    async def _decode(self, events: Sequence[StoredEvent]) -> Undecodable | None:
        try:
            decoded = await self._codec.decode(events)
        except (Outage, ForeignIncarnation):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, one event is at fault
            if len(events) == 1:
                return Undecodable(events[0].position, error)
            middle = len(events) // 2
            return await self._decode(events[:middle]) or await self._decode(events[middle:])
        self._decoded.update((each.position, each) for each in decoded)
        return None


class Feed:
    """The pages of one process."""

    def __init__(self, tail: Tail, codec: EventCodec, *, kept: int = 4) -> None:
        """`kept` pages stay for followers that come a little later."""
        self.tail = tail
        self._codec = codec
        self._kept = kept
        self._pages: OrderedDict[int, Page] = OrderedDict()
        self._reading: dict[int, asyncio.Task[Page]] = {}

    async def next(self, after: int) -> Page:
        """The events behind a position; waits until there are any.

        Raises:
            Outage, ForeignIncarnation: as the store does.
        """
        await self.tail.started()
        while True:
            page = await self.page(after)
            if page.last > after or page.unknown is not None:
                return page
            await self.tail.news(after)

    async def page(self, after: int) -> Page:
        """The events behind a position, perhaps none. Raises as `next` does."""
        page = self._pages.get(after)
        if page is not None and (page.full or page.last >= self.tail.position):
            self._pages.move_to_end(after)
            return page
        reading = self._reading.get(after)
        if reading is None or reading.done():  # what one has found may be old by now
            reading = self._reading[after] = asyncio.create_task(self._read(after))
            reading.add_done_callback(lambda task: self._read_ended(after, task))
        return await asyncio.shield(reading)

    def forget(self) -> None:
        """Drop every page: the log was replaced."""
        self._pages.clear()

    def _read_ended(self, after: int, task: asyncio.Task[Page]) -> None:
        if self._reading.get(after) is task:
            del self._reading[after]
        if not task.cancelled():
            task.exception()  # whoever still waits hears it; nobody may be there any more

    async def _read(self, after: int) -> Page:
        page = Page(after, await self.tail.read(after, BULK), self._codec)
        self._pages[after] = page
        self._pages.move_to_end(after)
        if len(self._pages) > self._kept:
            self._pages.popitem(last=False)
        return page
