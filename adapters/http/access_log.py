"""One line per request at level info.

A line tells who asked what, how it ended and under which correlation id; never a query, a body,
an address or a credential.
"""

from typing import TYPE_CHECKING, TextIO

import msgspec

from adapters.telemetry.lines import Lines
from adapters.telemetry.log_files import LineFile

if TYPE_CHECKING:
    from adapters.http.calls import Call


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


class AccessLog:
    """Writes a line for each request, or none at all."""

    def __init__(
        self, *, enabled: bool = True, out: TextIO | None = None, file: LineFile | None = None
    ) -> None:
        """Write to `out`, or to stderr as it is then, and to `file`."""
        self._enabled = enabled
        self._lines = Lines(out=out, file=file)

    def add(
        self, call: "Call", route: str, status: int, seconds: float, correlation_id: str
    ) -> None:
        """One request was answered."""
        if not self._enabled:
            return
        line = Line(
            timestamp=self._lines.timestamp(),
            level="info",
            event="request",
            route=route,
            status=status,
            ms=round(seconds * 1000, 3),
            actor=call.principal.actor,
            tenant=call.principal.tenant,
            correlation_id=correlation_id,
        )
        self._lines.add(line)
