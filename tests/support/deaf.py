"""A wire to a Redis that can be told to lose everything that is said to it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.support.services import LoopThread


class DeafWire:
    """Passes bytes on; while it is `deaf`, what clients say is taken and lost."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.deaf = False
        self.url = ""

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        login = f":{self._target.password}@" if self._target.password else ""
        self.url = f"redis://{login}127.0.0.1:{port}/0"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await _cut(set(self._open))

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        at = self._target
        connected = (
            asyncio.open_unix_connection(at.path)
            if at.scheme == "unix"
            else asyncio.open_connection(at.hostname, at.port)
        )
        server, to_server = await connected
        pair = {to_client, to_server}
        self._open |= pair
        try:
            with suppress(OSError):
                await asyncio.gather(self._hear(client, to_server), _pass(server, to_client))
        finally:
            await _cut(pair)
            self._open -= pair

    async def _hear(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while chunk := await source.read(2**16):
            if not self.deaf:
                sink.write(chunk)
        sink.close()


async def _cut(writers: set[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.transport.abort()
    for writer in writers:
        with suppress(OSError):
            await writer.wait_closed()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(2**16):
        sink.write(chunk)
    sink.close()


@contextmanager
def deaf_wire(url: str) -> Iterator[DeafWire]:
    """A wire to the Redis of `url`; connect to its own `url` instead."""
    thread, wire = LoopThread(), DeafWire(url)
    thread.run(wire.open())
    try:
        yield wire
    finally:
        thread.run(wire.close())
        thread.close()
