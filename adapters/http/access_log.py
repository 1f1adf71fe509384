"""One line per request at level info, written as JSON in batches so that it costs little.

A line tells who asked what, how it ended and under which correlation id; never a query, a body,
an address or a credential. Lines are encoded one by one and written together once per turn of the
event loop: through structlog's processors one line costs more than routing the request.
"""

import asyncio
import sys
from datetime import UTC, datetime
from time import time_ns
from typing import TYPE_CHECKING, TextIO

import msgspec

if TYPE_CHECKING:
    from adapters.http.calls import Call

_MOST = 1000


class Line(msgspec.Struct):
    """One request; `ms` is the time to the answer in milliseconds."""

    timestamp: str
    level: str
    event: str
    route: str
    status: int
    ms: float
    actor: str
    tenant: str
    correlation_id: str


_encode = msgspec.json.Encoder().encode


class AccessLog:
    """Gathers lines and writes them at the end of the loop's turn, or not at all."""

    def __init__(self, *, enabled: bool = True, out: TextIO | None = None) -> None:
        """Write to `out`, or to stderr as it is then."""
        self._enabled = enabled
        self._out = out
        self._lines: list[bytes] = []
        self._second = (0, "")

    def add(
        self, call: "Call", route: str, status: int, seconds: float, correlation_id: str
    ) -> None:
        """One request was answered."""
        if not self._enabled:
            return
        line = Line(
            timestamp=self._timestamp(),
            level="info",
            event="request",
            route=route,
            status=status,
            ms=round(seconds * 1000, 3),
            actor=call.principal.actor,
            tenant=call.principal.tenant,
            correlation_id=correlation_id,
        )
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(_encode(line))
        if len(self._lines) >= _MOST:
            self.flush()

    def _timestamp(self) -> str:
        """The time in UTC to the millisecond; the date is put together once a second."""
        whole, millis = divmod(time_ns() // 1_000_000, 1000)
        if self._second[0] != whole:
            self._second = (whole, datetime.fromtimestamp(whole, UTC).strftime("%FT%T"))
        return f"{self._second[1]}.{millis:03}Z"

    def flush(self) -> None:
        """Write what was gathered."""
        if not self._lines:
            return
        out = self._out or sys.stderr
        text = b"\n".join(self._lines).decode() + "\n"
        self._lines.clear()
        out.write(text)
        out.flush()
