"""A load generator: HTTP/1.1 keep-alive over raw sockets, each connection one request at a time.

It runs as a process of its own, takes a `Load` as JSON on stdin and answers with a `Result`:

    python -m benchmarks.http_load < load.json

It does as little per request as Python can, since it shares the machine with what it measures: a
request is bytes that were made before, and of an answer it reads the status and the length.
"""

import asyncio
import subprocess
import sys
import time
from typing import cast

import msgspec
import uvloop
from typing_extensions import override

from benchmarks.load import Figure, figure


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: each connection sends one of the requests, again and again, for `seconds`."""

    host: str
    port: int
    requests: list[bytes]
    connections: int
    seconds: float


class Result(Figure, frozen=True, kw_only=True):
    """What came back, and how often with which status."""

    statuses: dict[str, int]


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: bytes, until: float) -> None:
        self.times: list[float] = []
        self.statuses: dict[bytes, int] = {}
        self.ended = asyncio.get_running_loop().create_future()
        self._request = request
        self._until = until
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._sent = 0.0

    def itself(self) -> "Client":
        return self

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        if self._sent < self._until:
            self._transport.write(self._request)
        else:
            self._transport.close()

    @override
    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + _length(data, end):
            self._rest = data
            return
        self._rest = b""
        status = data[9:12]
        self.times.append(time.perf_counter() - self._sent)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self._send()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(exc)


def _length(data: bytes, end: int) -> int:
    at = data.find(b"content-length: ", 0, end)
    return int(data[at + 16 : data.index(b"\r\n", at)]) if at >= 0 else 0


def post(path: str, body: bytes, token: str = "") -> bytes:
    """A request as bytes."""
    credential = f"authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: annals\r\n{credential}"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send(load: Load) -> Result:
    """Send it, from this process."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    clients = [
        Client(load.requests[number % len(load.requests)], began + load.seconds)
        for number in range(load.connections)
    ]
    for client in clients:
        await loop.create_connection(client.itself, load.host, load.port)
    await asyncio.gather(*(client.ended for client in clients))
    took = time.perf_counter() - began
    timed = figure([each for client in clients for each in client.times], took)
    statuses: dict[str, int] = {}
    for client in clients:
        for status, count in client.statuses.items():
            statuses[status.decode()] = statuses.get(status.decode(), 0) + count
    return Result(
        per_second=timed.per_second,
        p50=timed.p50,
        p99=timed.p99,
        statuses=statuses,
    )


def send_apart(load: Load) -> Result:
    """Send it from a process of its own, and wait."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load"],
        input=msgspec.json.encode(load),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return msgspec.json.decode(told, type=Result)


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(send(given))))
