"""Pairs of a sign-in at one API process and a read with its token at another, right afterwards.

Runs as a process of its own, takes a `Pairs` as JSON on stdin and answers with a `PairsResult`:

    python -m benchmarks.session_pairs < pairs.json
"""

import asyncio
import subprocess
import sys
import time

import msgspec
import uvloop

from benchmarks.http_load import post

_TOKEN = b'"token":"'
_ID = b'"id":"'


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """How many pairs, by how many clients, whose requests go to which ports."""

    create_at: int
    read_at: int
    bodies: list[str]
    clients: int
    pairs: int


class PairsResult(msgspec.Struct, frozen=True, kw_only=True):
    """How many pairs a second, and after how many sign-ins the session was not there."""

    pairs: int
    per_second: float
    misses: int


class Client:
    """One connection to each of the two processes."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs

    async def run(self, number: int, count: int) -> int:
        """Do so many pairs; how many missed."""
        create = await asyncio.open_connection("127.0.0.1", self._pairs.create_at)
        read = await asyncio.open_connection("127.0.0.1", self._pairs.read_at)
        bodies, misses = self._pairs.bodies, 0
        request = post("/v1/sessions", bodies[number % len(bodies)].encode())
        for _ in range(count):
            status, body = await asked(*create, request)
            if status != b"201":
                raise RuntimeError(f"a sign-in was answered {status!r}: {body[:300]!r}")
            status, found = await asked(*read, current(_member(body, _TOKEN)))
            misses += status != b"200" or _member(found, _ID) != _member(body, _ID)
        for _, writer in (create, read):
            writer.close()
        return misses


def current(token: bytes) -> bytes:
    """The request for the session that a token opens."""
    head = b"GET /v1/sessions/current HTTP/1.1\r\nhost: annals\r\nauthorization: Bearer %b\r\n\r\n"
    return head % token


async def asked(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[bytes, bytes]:
    """Send a request; the answer's status and body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    at = head.find(b"content-length: ")
    length = int(head[at + 16 : head.index(b"\r\n", at)]) if at >= 0 else 0
    return head[9:12], await reader.readexactly(length)


def _member(body: bytes, name: bytes) -> bytes:
    start = body.index(name) + len(name)
    return body[start : body.index(b'"', start)]


async def measure(pairs: Pairs) -> PairsResult:
    """Do them all, from this process."""
    each = pairs.pairs // pairs.clients
    began = time.perf_counter()
    misses = await asyncio.gather(
        *(Client(pairs).run(number, each) for number in range(pairs.clients))
    )
    done = each * pairs.clients
    took = time.perf_counter() - began
    return PairsResult(pairs=done, per_second=done / took, misses=sum(misses))


def measured_apart(pairs: Pairs) -> PairsResult:
    """Do them all, from a process of its own."""
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.session_pairs"],
        input=msgspec.json.encode(pairs),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return msgspec.json.decode(told, type=PairsResult)


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Pairs)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(measure(given))))
