"""What all programs write, in one stream: each line says whose it is."""

import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

_WIDTH = 11
_COLORS = (36, 33, 35, 32, 34, 31)


class Output:
    """Merges lines for a terminal (a name before each) or for machines (each one JSON object)."""

    def __init__(self, *, console: bool, stream: TextIO = sys.stderr) -> None:
        """Write to `stream`, in colours where that is a terminal."""
        self._console = console
        self._stream = stream
        self._colored = console and stream.isatty()
        self._colors: dict[str, int] = {}

    def __call__(self, name: str, line: str) -> None:
        """Pass on one line of one program."""
        try:
            self._stream.write(
                (self._titled if self._console else self._as_json)(name, line) + "\n"
            )
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone; the programs matter more
            return

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
        plain = {"event": line, "level": "info", "timestamp": now, "process": name}
        return msgspec.json.encode(plain).decode()
