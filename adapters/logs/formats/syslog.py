"""Syslog as it lies in files: RFC 3164, RFC 5424, and rsyslog's mixture of both.

The priority in angle brackets is kept by few daemons; without it the level is what the message
says near its beginning.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from typing_extensions import override

from adapters.logs import levels
from adapters.logs.formats.format import Parsed, text_of
from adapters.logs.formats.text import UndatedText
from adapters.logs.stamps import BSD, Stamps
from application.log_reader import Format, Level

FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron"),
    *("authpriv", "ftp", "ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)
_RFC3339 = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
RFC3164: Final = re.compile(
    rb"(?:<(?P<pri>\d{1,3})>)?(?P<at>" + BSD + rb"|" + _RFC3339 + rb") (?P<host>[^\s:\[]+) "
    rb"(?P<app>[^\s:\[]{1,255})(?:\[(?P<pid>[^\]\s]{1,64})\])?: ?"
)
RFC5424: Final = re.compile(
    rb"<(?P<pri>\d{1,3})>1 (?P<at>-|" + _RFC3339 + rb") (?P<host>\S{1,255}) (?P<app>\S{1,48}) "
    rb"(?P<pid>\S{1,128}) (?P<msgid>\S{1,32}) (?P<data>-|(?:\[[^\s=\]\"]+"
    rb"(?: [^\s=\]\"]+=\"(?:[^\"\\\]]|\\.)*\")*\])+)(?: (?:\xef\xbb\xbf)?|$)"
)
_ELEMENT = re.compile(rb"\[([^\s=\]\"]+)((?: [^\s=\]\"]+=\"(?:[^\"\\\]]|\\.)*\")*)\]")
_PARAMETER = re.compile(rb" ([^\s=\]\"]+)=\"((?:[^\"\\\]]|\\.)*)\"")
_ESCAPED = re.compile(r"\\([\"\\\]])")
_PLAIN = re.compile(r"[^\x00-\x1f\"\\\]\x7f\ud800-\udfff]+")
_NOT_WRITTEN: Final = ("facility", "severity")
_HIGHEST_PRIORITY: Final = 191


class Syslog(UndatedText):
    """Reads both; `header` is the one of the two that a file's lines begin with."""

    def __init__(self, name: Format, header: re.Pattern[bytes], stamps: Stamps) -> None:
        """Read times with `stamps`."""
        self.name = name
        self._header = header
        self._stamps = stamps

    @override
    def starts(self, data: bytes, start: int, end: int) -> bool:
        """See `LineFormat.starts`."""
        return start == 0 or self._header.match(data, start, end) is not None

    @override
    def moment(self, line: bytes) -> int | None:
        """See `LineFormat.moment`."""
        found = self._header.match(line)
        return None if found is None else self._at(found["at"])

    @override
    def head(self, entry: bytes) -> tuple[int | None, Level | None]:
        """See `LineFormat.head`."""
        found = self._header.match(entry)
        if found is None:
            return super().head(entry)
        return self._at(found["at"]), _level(found, entry)

    @override
    def parse(self, entry: bytes) -> Parsed:
        """See `LineFormat.parse`."""
        found = self._header.match(entry)
        if found is None:
            return super().parse(entry)
        return Parsed(
            self._at(found["at"]),
            _level(found, entry),
            text_of(entry[found.end() :]),
            _fields(found.groupdict()),
        )

    @override
    def field_is(self, entry: bytes, name: str, value: str) -> bool:
        """See `LineFormat.field_is`."""
        return self.parse(entry).fields.get(name) == value

    @override
    def needles(self, name: str, value: str) -> Sequence[bytes] | None:
        """See `LineFormat.needles`."""
        runs = _PLAIN.findall(value)
        return None if name in _NOT_WRITTEN or not runs else (max(runs, key=len).encode(),)

    @override
    def level_pattern(self, wanted: frozenset[Level]) -> str | None:
        """See `LineFormat.level_pattern`."""
        return rf"{levels.pattern_of(wanted)}|<\d"

    def _at(self, stamp: bytes) -> int | None:
        return self._stamps.iso(stamp) if stamp[:1].isdigit() else self._stamps.bsd(stamp)


def _level(found: re.Match[bytes], entry: bytes) -> Level | None:
    priority = found["pri"]
    if priority and int(priority) <= _HIGHEST_PRIORITY:
        return levels.of_severity(int(priority) % 8)
    return levels.in_text(entry[found.end() :])


def _fields(parts: dict[str, bytes | None]) -> dict[str, Any]:
    """A header's parts by name; `-` stands for nothing (RFC 5424)."""
    fields: dict[str, Any] = {}
    for name in ("host", "app", "pid", "msgid"):
        part = parts.get(name)
        if part and part != b"-":
            fields[name] = part.decode(errors="replace")
    priority = parts["pri"]
    if priority and int(priority) <= _HIGHEST_PRIORITY:
        fields["facility"] = FACILITIES[int(priority) // 8]
    for element, parameters in _ELEMENT.findall(parts.get("data") or b""):
        for name, value in _PARAMETER.findall(parameters):
            text = _ESCAPED.sub(r"\1", value.decode(errors="replace"))
            fields[f"{element.decode(errors='replace')}.{name.decode(errors='replace')}"] = text
    return fields
