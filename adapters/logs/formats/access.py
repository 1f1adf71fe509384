"""Web servers' access logs: the common log format, and the combined one with two more fields.

The message is the request line, and the level tells how bad the answer's status is.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from typing_extensions import override

from adapters.logs import levels
from adapters.logs.formats.format import Parsed
from adapters.logs.formats.text import UndatedText
from adapters.logs.stamps import Stamps
from application.log_reader import Format, Level

_QUOTED = rb'"((?:[^"\\\n]|\\.)*)"'
COMMON: Final = re.compile(
    rb"(?P<client>\S+) (?P<ident>\S+) (?P<user>[^\[\n]*?) \[(?P<at>[^\]\n]{20,40})\] "
    rb'"(?P<request>(?:[^"\\\n]|\\.)*)" (?P<status>\d{3}|-) (?P<size>\d+|-)'
)
_COMBINED = re.compile(rb" " + _QUOTED + rb" " + _QUOTED)
_REQUEST = re.compile(r"([A-Z]+) (\S+)(?: (HTTP/[\d.]+))?")
_PLAIN = re.compile(r"[^\x00-\x1f\"\\\x7f-\U0010ffff]+")
_AT_FIRST: Final = 200  # bytes before which a line's stamp begins


class AccessLog(UndatedText):
    """Reads both; `name` tells which of the two was detected."""

    def __init__(self, name: Format, stamps: Stamps) -> None:
        """Read times with `stamps`."""
        self.name = name
        self._stamps = stamps

    @override
    def starts(self, data: bytes, start: int, end: int) -> bool:
        """See `LineFormat.starts`."""
        return start == 0 or COMMON.match(data, start, end) is not None

    @override
    def moment(self, line: bytes) -> int | None:
        """See `LineFormat.moment`."""
        opened = line.find(b"[", 0, _AT_FIRST)
        return self._stamps.clf(line[opened + 1 : opened + 40]) if opened > 0 else None

    @override
    def head(self, entry: bytes) -> tuple[int | None, Level | None]:
        """See `LineFormat.head`."""
        found = COMMON.match(entry)
        if found is None:
            return super().head(entry)
        return self._stamps.clf(found["at"]), _level(found["status"])

    @override
    def parse(self, entry: bytes) -> Parsed:
        """See `LineFormat.parse`."""
        found = COMMON.match(entry)
        if found is None:
            return super().parse(entry)
        request = found["request"].decode(errors="replace")
        fields: dict[str, Any] = {
            name: found[name].decode(errors="replace")
            for name in ("client", "ident", "user")
            if found[name] not in (b"-", b"")
        }
        if parts := _REQUEST.fullmatch(request):
            names = ("method", "path", "protocol")
            fields |= {name: part for name, part in zip(names, parts.groups(), strict=True) if part}
        for name in ("status", "size"):
            if found[name] != b"-":
                fields[name] = int(found[name])
        if more := _COMBINED.match(entry, found.end()):
            for name, value in zip(("referer", "agent"), more.groups(), strict=True):
                if value not in (b"-", b""):
                    fields[name] = value.decode(errors="replace")
        return Parsed(self._stamps.clf(found["at"]), _level(found["status"]), request, fields)

    @override
    def field_is(self, entry: bytes, name: str, value: str) -> bool:
        """See `LineFormat.field_is`."""
        found = self.parse(entry).fields.get(name)
        return found is not None and str(found) == value

    @override
    def needles(self, name: str, value: str) -> Sequence[bytes] | None:
        """See `LineFormat.needles`."""
        runs = _PLAIN.findall(value)
        return (max(runs, key=len).encode(),) if runs else None

    @override
    def level_pattern(self, wanted: frozenset[Level]) -> str | None:
        """See `LineFormat.level_pattern`."""
        if "info" in wanted:
            return None
        return rf'{levels.pattern_of(wanted)}|" [45]\d\d'


def is_combined(line: bytes) -> bool:
    """Whether a common line goes on with a referer and an agent."""
    found = COMMON.match(line)
    return found is not None and _COMBINED.match(line, found.end()) is not None


def _level(status: bytes) -> Level | None:
    return None if status == b"-" else levels.of_status(int(status))
