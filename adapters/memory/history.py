"""The log searched by reading it from end to end: for tests."""

from datetime import datetime

from application.event_store import EventStore, StoredEvent
from application.history import Found, Selection

_PAGE = 1000


class ScanningHistory:
    """`History` over any event store."""

    def __init__(self, store: EventStore) -> None:
        """Search this store."""
        self._store = store

    async def find(self, selection: Selection, *, after: int, limit: int) -> Found:
        """See `History`."""
        found: list[StoredEvent] = []
        while True:
            page = await self._store.read_log(after=after, limit=_PAGE)
            for event in page:
                after = event.position
                if selection.takes(event):
                    found.append(event)
                    if len(found) == limit:
                        return Found(events=found, through=after, is_end=False)
            if len(page) < _PAGE:
                return Found(events=found, through=after, is_end=True)

    async def position_at(self, moment: datetime) -> int:
        """See `History`."""
        low, high = 0, (await self._store.tail()).position
        while low < high:
            middle = (low + high + 1) // 2
            (event,) = await self._store.read_log(after=middle - 1, limit=1)
            if event.recorded_at <= moment:
                low = middle
            else:
                high = middle - 1
        return low
