"""One connection to Redis: commands out in the order of their calls, replies back in that order.

Whatever one turn of the event loop gathers leaves in one write. Replies need no ids: Redis answers
in order, so the oldest waiting call gets the next reply. That also means that a connection on
which one reply is late is late for all behind it; so it is given up as a whole.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis
from typing_extensions import override

from application.event_store import Outage

Word = str | bytes | int | float


_pack = cast("Callable[[tuple[Word, ...]], bytes]", hiredis.pack_command)  # its stub says 1-tuple

_GRACE = 0.05  # seconds; a late reply may already wait in the socket while our own loop stalled
_OUT_OF_SERVICE = frozenset(
    {
        "BUSY",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOAUTH",
        "NOREPLICAS",
        "OOM",
        "READONLY",
        "TRYAGAIN",
    }
)
_CHANGED_ROLES = frozenset({"READONLY", "MASTERDOWN", "NOAUTH"})


class ReplyError(Exception):
    """Redis understood and refused; `code` is the reply's first word."""

    def __init__(self, message: str) -> None:
        """Keep the message, find the code."""
        super().__init__(message)
        self.code = message.partition(" ")[0]


class Link(asyncio.Protocol):
    """A connection that pipelines by itself; see the module."""

    def __init__(self, *, timeout: float, bound: int, lost: Callable[[], None]) -> None:
        """`timeout` in seconds for each call, `bound` calls may wait; `lost` is told the end."""
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._bound = bound
        self._lost = lost
        self._reader = hiredis.Reader(replyError=ReplyError)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._out: list[bytes] = []
        self._flushing = False
        self._paused = False
        self._sent = 0
        self._answered = 0
        self._flushes: deque[tuple[int, float]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._suspect = -1
        self._reason = "the connection to Redis was lost"
        self.gone = False

    @property
    def in_flight(self) -> int:
        """How many calls wait for their reply."""
        return len(self._waiting)

    def send(self, *words: Word) -> asyncio.Future[Any]:
        """Put a command on its way; the future brings the reply.

        Raises:
            Outage: at once, when the link is gone or too much waits already. The future raises
                it too, with outcome "unknown" when the command may have been carried out.
            ReplyError: from the future, when Redis refuses.
        """
        if self.gone:
            raise Outage(self._reason)
        if len(self._waiting) >= self._bound:
            raise Outage("Redis does not keep up with its callers")
        self._out.append(_pack(words))
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(future)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
        return future

    def give_up(self, reason: str) -> None:
        """Cut the connection; all that waits is told."""
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        self._flushing = False
        if self._paused or self.gone or not self._out or self._transport is None:
            return
        self._sent += len(self._out)
        self._transport.write(b"".join(self._out))
        self._out.clear()
        self._flushes.append((self._sent, self._loop.time() + self._timeout))
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout, self._check)

    def _check(self) -> None:
        """Give up when a flush has not been answered in time, though we looked twice."""
        self._watch = None
        while self._flushes and self._flushes[0][0] <= self._answered:
            self._flushes.popleft()
        if not self._flushes or self.gone:
            return
        left = self._flushes[0][1] - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._check)
        elif self._suspect == self._answered:
            self.give_up(f"Redis did not answer within {self._timeout:g} s")
        else:
            self._suspect = self._answered
            self._watch = self._loop.call_later(_GRACE, self._check)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        """Hand each reply to the call that waits longest."""
        reader, waiting = self._reader, self._waiting
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not False:
                if isinstance(reply, hiredis.PushNotification):
                    continue
                future = waiting.popleft()
                self._answered += 1
                if future.done():  # its caller has gone
                    continue
                if isinstance(reply, ReplyError):
                    self._refuse(future, reply)
                else:
                    future.set_result(reply)
        except (hiredis.HiredisError, IndexError):
            self.give_up("Redis answered what is not its protocol")

    @override
    def pause_writing(self) -> None:
        """The socket is full: gather longer."""
        self._paused = True

    @override
    def resume_writing(self) -> None:
        """The socket takes more."""
        self._paused = False
        self._flush()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end(self._reason if exc is None else f"{self._reason}: {exc}")

    def _refuse(self, future: asyncio.Future[Any], reply: ReplyError) -> None:
        if reply.code not in _OUT_OF_SERVICE:
            future.set_exception(reply)
            return
        future.set_exception(Outage(f"Redis is out of service: {reply}"))
        if reply.code in _CHANGED_ROLES:
            self.give_up("Redis has changed its role")

    def _end(self, reason: str) -> None:
        if self.gone:
            return
        self.gone = True
        self._reason = reason
        if self._watch is not None:
            self._watch.cancel()
        waiting, unsent = list(self._waiting), len(self._out)
        self._waiting.clear()
        self._out.clear()
        for index, future in enumerate(waiting):
            if not future.done():
                sent = index < len(waiting) - unsent
                future.set_exception(Outage(reason, outcome="unknown" if sent else "failed"))
        self._lost()
