"""Live events as server-sent events (WHATWG HTML, section 9.2).

A stream begins in the log, where the reader was, and goes on at the tail, from the ring that all
readers of this process share. Whoever is too slow for the ring, or whose process stops, is sent
away with `retry:`; the browser comes back with its `Last-Event-ID`, so nothing is lost or twice.

A stream outlives the request that opened it, so its credential is asked again before anything is
written: a session that has ended and a key that was revoked read no further.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from adapters.http.authentication import authenticate
from adapters.http.calls import Call
from adapters.http.event_views import view_events
from application.event_store import ForeignIncarnation, Outage, StoredEvent
from application.history import Selection
from application.positions import Position
from application.tail import Lagged
from domain.rejections import Rejection

HEARTBEAT = 15.0  # seconds without an event after which a comment keeps the connection open
WRITE_TIMEOUT = 10.0  # seconds in which a reader must take what was written
RETRY = b"retry: 1000\n\n"  # milliseconds
SEARCHED = 500

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class LiveEvents:
    """One reader's stream."""

    def __init__(self, call: Call, selection: Selection, start: Position, *, needs: str) -> None:
        """Events of the selection behind `start`, for as long as the caller has a permission."""
        self._call = call
        self._needs = needs
        self._selection = selection
        self._start = start

    async def send(self) -> None:
        """Send events until the reader goes away, falls behind, or this process stops."""
        call = self._call
        headers = [*_HEADERS, (b"correlation-id", str(call.correlation_id).encode())]
        await call.send({"type": "http.response.start", "status": 200, "headers": headers})
        if call.scope["method"] == "HEAD":
            await self._write(b"", more=False)
            return
        await self._write(RETRY)
        readers = call.platform.metrics.live_readers
        readers.inc()
        writer = asyncio.create_task(self._follow())
        ends = [
            writer,
            asyncio.create_task(self._gone()),
            asyncio.create_task(call.platform.draining.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            readers.dec()
            for task in ends:
                task.cancel()
            results = await asyncio.gather(*ends, return_exceptions=True)
        await self._finish(results[0])

    async def _finish(self, result: Any) -> None:
        """Say good-bye; a fault of our own is passed on to be logged."""
        expected = (Lagged, Outage, ForeignIncarnation, OSError, Rejection)
        if isinstance(result, TimeoutError):  # it takes nothing, so not this either
            return
        try:
            await self._write(RETRY, more=False)
        except (TimeoutError, OSError):
            return
        if isinstance(result, Exception) and not isinstance(result, expected):
            raise result

    async def _gone(self) -> None:
        """Wait until the reader has gone away."""
        receive = self._call.receive
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _follow(self) -> None:
        pages = self._pages()
        following = asyncio.ensure_future(anext(pages))
        try:
            while True:
                done, _ = await asyncio.wait([following], timeout=HEARTBEAT)
                await self._still_may()
                if not done:
                    await self._write(b": still here\n\n")
                    continue
                await self._write_events(following.result())
                following = asyncio.ensure_future(anext(pages))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await pages.aclose()

    async def _still_may(self) -> None:
        """Make sure that the credential opens this stream still.

        Raises:
            Rejection: when it does not.
            Outage: when nobody can tell now.
        """
        await authenticate(self._call)
        self._call.require(self._needs)

    async def _pages(self) -> AsyncGenerator[Sequence[StoredEvent], None]:
        """Search the log up to its end, then follow its tail."""
        history, after = self._call.platform.history, self._start.number
        while True:
            found = await history.find(self._selection, after=after, limit=SEARCHED)
            if found.events:
                yield found.events
            after = max(after, found.through)
            if found.is_end:
                break
        async for page in self._call.platform.tail.follow(after):
            mine = [event for event in page if self._selection.takes(event)]
            if mine:
                yield mine

    async def _write_events(self, events: Sequence[StoredEvent]) -> None:
        role, incarnation = self._call.principal.role, self._start.incarnation
        views = await view_events(self._call.platform, events, incarnation, role=role)
        blocks = [
            b"id: %b\ndata: %b\n\n" % (view.token.encode(), msgspec.json.encode(view))
            for view in views
        ]
        await self._write(b"".join(blocks))

    async def _write(self, chunk: bytes, *, more: bool = True) -> None:
        """Write, as fast as the reader takes it.

        Raises:
            TimeoutError: when the reader does not take it at all.
        """
        message = {"type": "http.response.body", "body": chunk, "more_body": more}
        async with asyncio.timeout(WRITE_TIMEOUT):
            await self._call.send(message)
