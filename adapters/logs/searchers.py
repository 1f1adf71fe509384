"""The searchers of one process: started when they are needed, ended when they are not.

A search that nobody waits for any more ends with its process: that is the one way to stop any
pattern on any text at once, and a new searcher is there in a tenth of a second.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec
import structlog

from adapters.logs.requests import LENGTH, Limits, Reply, Request, raised
from application.event_store import Outage
from application.log_reader import LogsBusy, SearchTooSlow

_GRACE: Final = 5.0  # seconds beyond a request's own, for one piece that takes longer than it may
_LARGEST_REPLY: Final = 256 << 20
IDLE: Final = 60.0
MOST: Final = 2
MOST_WAITING: Final = 32

log = structlog.get_logger(__name__)


class Searchers:
    """At most `most` searchers at once, and a bounded queue before them."""

    def __init__(self, limits: Limits, *, most: int = MOST, idle: float = IDLE) -> None:
        """Start none yet; one that had nothing to do for `idle` seconds is ended."""
        self._limits = limits
        self._idle = idle
        self._free: list[asyncio.subprocess.Process] = []
        self._places = asyncio.Semaphore(most)
        self._waiting = 0
        self._endings: dict[int, asyncio.TimerHandle] = {}
        self._ended: set[asyncio.Task[None]] = set()

    async def ask(self, request: Request, seconds: float) -> Reply:
        """The answer to a request that takes up to `seconds` by itself.

        Raises:
            LogsBusy: too many are waiting.
            SearchTooSlow: it took much longer.
            Outage: the searcher died.
            Invalid, LinesGone, ArchiveTooLarge, TooManyFiles: as the searcher says.
        """
        if self._waiting >= MOST_WAITING:
            raise LogsBusy(retry_after=1.0)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            reply = await self._asked(request, seconds + _GRACE)
        finally:
            self._places.release()
        if reply.refused is not None:
            raise raised(reply.refused)
        return reply

    async def aclose(self) -> None:
        """End all of them."""
        for searcher in self._free:
            self._end(searcher)
        self._free.clear()
        if self._ended:
            await asyncio.wait(self._ended)

    async def _asked(self, request: Request, seconds: float) -> Reply:
        """The answer; one that died while it had nothing to do is no reason to fail."""
        while self._free:
            with suppress(Outage):
                async with self._searcher() as searcher:
                    return await _answered(searcher, request, seconds)
        async with self._searcher() as searcher:
            return await _answered(searcher, request, seconds)

    @asynccontextmanager
    async def _searcher(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """A searcher of one's own; whatever goes wrong meanwhile is its end."""
        searcher = self._taken() or await self._started()
        try:
            yield searcher
        except BaseException:
            self._end(searcher)
            raise
        self._free.append(searcher)
        timer = asyncio.get_running_loop().call_later(self._idle, self._retire, searcher)
        self._endings[searcher.pid] = timer

    def _taken(self) -> asyncio.subprocess.Process | None:
        while self._free:
            searcher = self._free.pop()
            self._endings.pop(searcher.pid).cancel()
            if searcher.returncode is None:
                return searcher
        return None

    async def _started(self) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "adapters.logs.searcher"),
                msgspec.json.encode(self._limits).decode(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=1 << 20,
            )
        except OSError as error:
            raise Outage(f"no searcher can be started: {error}") from error

    def _retire(self, searcher: asyncio.subprocess.Process) -> None:
        self._free.remove(searcher)
        self._end(searcher)

    def _end(self, searcher: asyncio.subprocess.Process) -> None:
        timer = self._endings.pop(searcher.pid, None)
        if timer is not None:
            timer.cancel()
        task = asyncio.create_task(_ended(searcher))
        self._ended.add(task)
        task.add_done_callback(self._ended.discard)


async def _answered(
    searcher: asyncio.subprocess.Process, request: Request, seconds: float
) -> Reply:
    sent, received = searcher.stdin, searcher.stdout
    assert sent is not None  # noqa: S101 - both are pipes
    assert received is not None  # noqa: S101
    body = msgspec.json.encode(request)
    try:
        async with asyncio.timeout(seconds):
            sent.write(LENGTH.pack(len(body)) + body)
            await sent.drain()
            length = LENGTH.unpack(await received.readexactly(LENGTH.size))[0]
            if length > _LARGEST_REPLY:
                raise Outage("a searcher's answer is too large")
            return msgspec.json.decode(await received.readexactly(length), type=Reply)
    except TimeoutError:
        raise SearchTooSlow from None
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        log.warning("log_searcher_died", pid=searcher.pid, code=searcher.returncode)
        raise Outage("a searcher died") from error


async def _ended(searcher: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        searcher.kill()
    await searcher.wait()
