"""Lines that come by the thousand: encoded one by one, written together once per loop's turn.

Through structlog's processors one line costs more than routing a request; so what is said about
every request and every attempt goes this way, to stderr and into the process's file.
"""

import asyncio
import sys
from datetime import UTC, datetime
from time import time_ns
from typing import TextIO

import msgspec

from adapters.telemetry.log_files import LineFile

_MOST = 1000

_encode = msgspec.json.Encoder().encode


class Lines:
    """Gathers lines and writes them at the end of the loop's turn."""

    def __init__(self, *, out: TextIO | None = None, file: LineFile | None = None) -> None:
        """Write to `out`, or to stderr as it is then, and to `file`."""
        self._out = out
        self._file = file
        self._lines: list[bytes] = []
        self._second = (0, "")

    def add(self, line: msgspec.Struct) -> None:
        """Say one line soon."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(_encode(line))
        if len(self._lines) >= _MOST:
            self.flush()

    def timestamp(self) -> str:
        """The time in UTC to the millisecond; the date is put together once a second."""
        whole, millis = divmod(time_ns() // 1_000_000, 1000)
        if self._second[0] != whole:
            self._second = (whole, datetime.fromtimestamp(whole, UTC).strftime("%FT%T"))
        return f"{self._second[1]}.{millis:03}Z"

    def flush(self) -> None:
        """Write what was gathered."""
        if not self._lines:
            return
        self._lines.append(b"")
        said = b"\n".join(self._lines)
        self._lines.clear()
        if self._file is not None:
            self._file.write(said)
        out = self._out or sys.stderr
        out.write(said.decode())
        out.flush()
