"""Live answers as server-sent events (WHATWG HTML, section 9.2).

Whoever is too slow for what feeds a stream, or whose process stops, is sent away with `retry:`; the
browser comes back with its `Last-Event-ID`, so that nothing is lost or twice.

A stream outlives the request that opened it, so its credential is asked again before anything is
written: a session that has ended and a key that was revoked read no further.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from adapters.http.authentication import authenticate
from adapters.http.calls import Call
from application.event_store import ForeignIncarnation, Outage
from application.tail import Lagged
from domain.rejections import Rejection

HEARTBEAT = 15.0  # seconds without an event after which a comment keeps the connection open
WRITE_TIMEOUT = 10.0  # seconds in which a reader must take what was written
RETRY = b"retry: 1000\n\n"  # milliseconds

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]

Blocks = AsyncGenerator[bytes, None]
"""What is written as it comes: one or more whole events each (see `event_block`)."""


def event_block(data: bytes, *, id_: bytes | None = None, event: bytes | None = None) -> bytes:
    """One event: its data on one line, and what a reader may resume with and listen for."""
    lines = []
    if event is not None:
        lines.append(b"event: %b\n" % event)
    if id_ is not None:
        lines.append(b"id: %b\n" % id_)
    return b"".join((*lines, b"data: %b\n\n" % data))


class LiveAnswer:
    """One reader's stream."""

    def __init__(self, call: Call, blocks: Blocks, *, needs: str) -> None:
        """Write blocks for as long as the caller has a permission; `blocks` is closed at the end.

        Where `blocks` ends, or raises `Lagged`, `Outage` or a rejection, the reader is sent away.
        """
        self._call = call
        self._needs = needs
        self._blocks = blocks

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
        following = asyncio.ensure_future(anext(self._blocks))
        try:
            while True:
                done, _ = await asyncio.wait([following], timeout=HEARTBEAT)
                await self._still_may()
                if not done:
                    await self._write(b": still here\n\n")
                    continue
                try:
                    block = following.result()
                except StopAsyncIteration:
                    return
                await self._write(block)
                following = asyncio.ensure_future(anext(self._blocks))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await self._blocks.aclose()

    async def _still_may(self) -> None:
        """Make sure that the credential opens this stream still.

        Raises:
            Rejection: when it does not.
            Outage: when nobody can tell now.
        """
        await authenticate(self._call)
        self._call.require(self._needs)

    async def _write(self, chunk: bytes, *, more: bool = True) -> None:
        """Write, as fast as the reader takes it.

        Raises:
            TimeoutError: when the reader does not take it at all.
        """
        message = {"type": "http.response.body", "body": chunk, "more_body": more}
        async with asyncio.timeout(WRITE_TIMEOUT):
            await self._call.send(message)
