"""What all programs write, in one stream: each line says whose it is.

Our own programs keep their lines in files of their own. What nobody else keeps (the servers' lines,
a traceback that never became a line) goes into ours.
"""

import re
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from adapters.telemetry.log_files import LineFile

SERVERS = frozenset({"postgres", "valkey"})
"""Programs that keep no lines themselves."""

_GRAVE = re.compile(r"\b(?:(PANIC|FATAL|ERROR)|WARNING):")
_WIDTH = 11
_COLORS = (36, 33, 35, 32, 34, 31)


class Output:
    """Merges lines for a terminal (a name before each) or for machines (each one JSON object)."""

    def __init__(
        self, *, console: bool, stream: TextIO = sys.stderr, file: LineFile | None = None
    ) -> None:
        """Write to `stream`, in colours where that is a terminal; `file` keeps what nobody does."""
        self._console = console
        self._file = file
        self._stream = stream
        self._colored = console and stream.isatty()
        self._colors: dict[str, int] = {}

    def __call__(self, name: str, line: str) -> None:
        """Pass on one line of one program."""
        if self._file is not None and self._nobody_keeps(name, line):
            self._file.write(self._as_json(name, line).encode() + b"\n")
        try:
            self._stream.write(
                (self._titled if self._console else self._as_json)(name, line) + "\n"
            )
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone; the programs matter more
            return

    def _nobody_keeps(self, name: str, line: str) -> bool:
        """Readable text of ours cannot be told from a traceback, but is kept as JSON anyway."""
        return name in SERVERS or (not self._console and not line.startswith("{"))

    def _titled(self, name: str, line: str) -> str:
        title = f"{name:<{_WIDTH}}|"
        if self._colored:
            color = self._colors.setdefault(name, _COLORS[len(self._colors) % len(_COLORS)])
            title = f"\x1b[{color}m{title}\x1b[0m"
        return f"{title} {line}"

    def _as_json(self, name: str, line: str) -> str:
        if line.startswith("{") and line.endswith("}"):
            return line
        now = datetime.now(UTC).isoformat()
        plain = {"event": line, "level": _level(line), "timestamp": now, "process": name}
        return msgspec.json.encode(plain).decode()


def _level(line: str) -> str:
    """How grave a server says that its line is."""
    grave = _GRAVE.search(line)
    if grave is None:
        return "info"
    return "error" if grave[1] else "warning"
