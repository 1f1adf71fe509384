"""Requests at a given pace over keep-alive connections, in a process of its own.

Each request has a moment at which it is due, whatever became of those before it, and its time
counts from that moment: so a server that stalls is not spared what it held up.
"""

import asyncio
import subprocess
import sys
import time
from collections import Counter, deque
from typing import cast

import msgspec
import uvloop
from typing_extensions import override

from benchmarks.load import Figure, figure


class PacedLoad(msgspec.Struct, frozen=True, kw_only=True):
    """Send each request once, so many a second."""

    host: str
    port: int
    requests: list[bytes]
    connections: int
    per_second: float


class PacedResult(Figure, frozen=True, kw_only=True):
    """What came back, how often with which status, and the slowest in milliseconds."""

    statuses: dict[str, int]
    slowest: float


class Connection(asyncio.Protocol):
    """One connection, which has one request at a time."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._due = 0.0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._run.idle.append(self)

    def send(self, due: float, request: bytes) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    @override
    def data_received(self, data: bytes) -> None:
        self._rest += data
        end = self._rest.find(b"\r\n\r\n")
        if end < 0 or len(self._rest) < end + 4 + _length(self._rest, end):
            return
        status, self._rest = self._rest[9:12], b""
        self._run.answered(self, status.decode(), time.perf_counter() - self._due)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost(exc)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _length(data: bytes, end: int) -> int:
    at = data.find(b"content-length: ", 0, end)
    return int(data[at + 16 : data.index(b"\r\n", at)]) if at >= 0 else 0


class Run:
    """All requests of one load."""

    def __init__(self, load: PacedLoad) -> None:
        self.idle: deque[Connection] = deque()
        self.times: list[float] = []
        self.statuses: Counter[str] = Counter()
        self._load = load
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._done = asyncio.get_running_loop().create_future()

    async def send(self) -> PacedResult:
        load, loop = self._load, asyncio.get_running_loop()
        connections = [
            (await loop.create_connection(lambda: Connection(self), load.host, load.port))[1]
            for _ in range(load.connections)
        ]
        began = time.perf_counter()
        for number, request in enumerate(load.requests):
            due = began + number / load.per_second
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            self._waiting.append((due, request))
            self._start()
        await self._done
        took = time.perf_counter() - began
        for connection in connections:
            connection.close()
        timed = figure(self.times, took)
        return PacedResult(
            per_second=timed.per_second,
            p50=timed.p50,
            p99=timed.p99,
            statuses=dict(self.statuses),
            slowest=max(self.times) * 1000,
        )

    def answered(self, connection: Connection, status: str, seconds: float) -> None:
        self.times.append(seconds)
        self.statuses[status] += 1
        self.idle.append(connection)
        self._start()
        if len(self.times) == len(self._load.requests):
            self._done.set_result(None)

    def lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionResetError("the server hung up"))

    def _start(self) -> None:
        while self._waiting and self.idle:
            self.idle.popleft().send(*self._waiting.popleft())


async def send(load: PacedLoad) -> PacedResult:
    """Send it, from this process."""
    return await Run(load).send()


def send_apart(load: PacedLoad) -> PacedResult:
    """Send it from a process of its own, and wait."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.paced_load"],
        input=msgspec.msgpack.encode(load),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return msgspec.msgpack.decode(told, type=PacedResult)


if __name__ == "__main__":
    given = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=PacedLoad)
    sys.stdout.buffer.write(msgspec.msgpack.encode(uvloop.run(send(given))))
