"""A server that is reached through a wire which can be cut at the worst moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

ANSWER, REQUEST = "answer", "request"


class Wire:
    """Passes bytes on between clients and a Postgres server, until it is told to cut."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._cut_next = ""
        self._server: asyncio.Server | None = None
        self._port = 0
        self._open: set[asyncio.StreamWriter] = set()
        self.cuts = 0
        self.cut = asyncio.Event()
        self.url = ""

    def cut_next(self, what: str) -> None:
        """Lose the next answer after the server gave it, or the next request before it came."""
        self._cut_next = what

    async def open(self) -> None:
        """Let clients in, always at the same port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        user = self._target.netloc.rpartition("@")[0]
        there = self._target._replace(netloc=f"{user}@127.0.0.1:{self._port}")
        self.url = there._replace(query="sslmode=disable").geturl()

    async def close(self) -> None:
        """Cut everything, and let nobody in."""
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await self._connect()
        pair = {to_client, to_server}
        self._open |= pair
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(client, to_server, REQUEST, pair))
                group.create_task(self._pass(server, to_client, ANSWER, pair))
        finally:
            self._open -= pair
            for writer in pair:
                writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        query = parse_qs(self._target.query)
        host = query.get("host", [self._target.hostname or ""])[0]
        port = int(query.get("port", [str(self._target.port or 5432)])[0])
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        what: str,
        pair: set[asyncio.StreamWriter],
    ) -> None:
        with suppress(OSError):
            while chunk := await source.read(2**16):
                if self._cut_next == what:
                    self._cut_next = ""
                    self.cuts += 1
                    self.cut.set()
                    break
                sink.write(chunk)
                await sink.drain()
        for writer in pair:
            writer.transport.abort()


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """A wire to the server of `url`; connect to its own `url` instead."""
    through = Wire(url)
    await through.open()
    try:
        yield through
    finally:
        await through.close()
