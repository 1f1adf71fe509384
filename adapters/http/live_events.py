"""The log's events as they come: first from the log, where the reader was, then at its tail."""

from collections.abc import AsyncGenerator

import msgspec

from adapters.http.calls import Call
from adapters.http.event_views import view_events
from adapters.http.log_views import sees_platform
from adapters.http.sse import Blocks, event_block
from application.event_store import StoredEvent
from application.history import Selection
from application.positions import Position

SEARCHED = 500


async def events_after(call: Call, selection: Selection, start: Position) -> Blocks:
    """Events of the selection behind `start`; their ids are tokens to resume with."""
    async for page in pages_after(call, selection, start.number):
        views = await view_events(
            call.platform,
            page,
            start.incarnation,
            permissions=call.principal.permissions,
            linked=sees_platform(call.principal),
        )
        yield b"".join(
            event_block(msgspec.json.encode(view), id_=view.token.encode()) for view in views
        )


async def pages_after(
    call: Call, selection: Selection, after: int
) -> AsyncGenerator[list[StoredEvent], None]:
    """Search the log up to its end, then follow the ring that this process's readers share."""
    while True:
        found = await call.platform.history.find(selection, after=after, limit=SEARCHED)
        if found.events:
            yield list(found.events)
        after = max(after, found.through)
        if found.is_end:
            break
    async for page in call.platform.tail.follow(after):
        mine = [event for event in page if selection.takes(event)]
        if mine:
            yield mine
