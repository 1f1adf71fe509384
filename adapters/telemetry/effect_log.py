"""One line per attempt of a side effect, under the correlation id of what it follows from."""

import logging
from typing import TextIO

import msgspec

from adapters.telemetry.lines import Lines
from adapters.telemetry.log_files import LineFile
from application.effects import Ended

_LEVELS = {"done": "info", "gone": "info"}
"""How grave an outcome is; what is not here goes on, or went wrong, and is a warning."""


class Line(msgspec.Struct):
    """One attempt; `stream` is what it belongs to, `ms` how long it took, in milliseconds."""

    timestamp: str
    level: str
    event: str
    kind: str
    outcome: str
    attempt: int
    stream: str
    ms: float
    tenant: str
    correlation_id: str


class EffectLog:
    """Writes a line for each attempt that has ended."""

    def __init__(
        self, level: str, *, out: TextIO | None = None, file: LineFile | None = None
    ) -> None:
        """Write what is at least as grave as `level` to `out` (or stderr) and to `file`."""
        self._least = getattr(logging, level.upper())
        self._lines = Lines(out=out, file=file)

    def add(self, ended: Ended) -> None:
        """An attempt has ended."""
        level = _LEVELS.get(ended.outcome, "warning")
        if getattr(logging, level.upper()) < self._least:
            return
        line = Line(
            timestamp=self._lines.timestamp(),
            level=level,
            event="attempt",
            kind=ended.kind,
            outcome=ended.outcome,
            attempt=ended.attempt,
            stream=ended.event.stream,
            ms=round(ended.seconds * 1000, 3),
            tenant=ended.event.tenant,
            correlation_id=str(ended.event.correlation_id),
        )
        self._lines.add(line)
