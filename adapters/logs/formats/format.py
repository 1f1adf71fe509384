"""What every format tells: where an entry begins, when it was, and what is in it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from application.log_reader import Format, Level

BLANKS = b" \t"


class Parsed(NamedTuple):
    """An entry's parts; `at` in microseconds since the epoch."""

    at: int | None
    level: Level | None
    message: str
    fields: dict[str, Any]


class LineFormat(Protocol):
    """Reads entries of one format. Never raises: a line of another kind is plain text."""

    name: Format
    mark: int
    """A byte that no line begins with but the first of an entry; -1 if there is none."""

    def starts(self, data: bytes, start: int, end: int) -> bool:
        """Whether the line `data[start:end]` begins an entry rather than going on with one.

        The line before it, which may decide, lies whole in `data`, unless `start` is 0: then
        there is none.
        """
        ...

    def moment(self, line: bytes) -> int | None:
        """An entry's time by its first line, or None."""
        ...

    def head(self, entry: bytes) -> tuple[int | None, Level | None]:
        """An entry's time and level alone, as cheaply as can be."""
        ...

    def parse(self, entry: bytes) -> Parsed:
        """All of an entry."""
        ...

    def field_is(self, entry: bytes, name: str, value: str) -> bool:
        """Whether the entry has this field with this value."""
        ...

    def needles(self, name: str, value: str) -> Sequence[bytes] | None:
        """Byte strings of which an entry with this field must contain one; None: it may not."""
        ...

    def level_pattern(self, levels: frozenset[Level]) -> str | None:
        """A pattern that an entry with one of these levels must match; None: it may not."""
        ...


def text_of(raw: bytes) -> str:
    """Bytes for people: no trailing line break, U+FFFD for what is no UTF-8."""
    return raw.rstrip(b"\r\n").decode(errors="replace").replace("\r\n", "\n")


def line_end(entry: bytes) -> int:
    """Where the first line of an entry ends, without its line break."""
    end = entry.find(b"\n")
    end = len(entry) if end < 0 else end
    return end - 1 if end and entry[end - 1] == 13 else end  # noqa: PLR2004 - carriage return


def dotted(fields: dict[str, Any], name: str) -> Any:
    """A field by its name, or by a path of names with dots between them; None if there is none."""
    if name in fields:
        return fields[name]
    value: Any = fields
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value
