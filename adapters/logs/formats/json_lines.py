"""JSON lines: an object per line, whose well-known keys are its time, level and message.

A line that is no object is text: a traceback that was printed raw, a program's banner. What other
writers take for JSON is read as one: NaN, half a character, bytes that are no UTF-8.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from adapters.logs import levels
from adapters.logs.formats.format import Parsed, line_end, text_of
from adapters.logs.formats.text import UndatedText, continues
from adapters.logs.stamps import Stamps
from application.log_reader import Format, Level

TIMES: Final = (
    *("timestamp", "time", "ts", "@timestamp", "at", "datetime", "date", "asctime", "eventTime"),
    *("@t", "t"),
)
LEVELS: Final = ("level", "severity", "levelname", "lvl", "log.level", "loglevel", "@l")
MESSAGES: Final = ("message", "msg", "event", "text", "@m", "short_message", "body")
_BRACE: Final = 123
_PLAIN = re.compile(r"[^\x00-\x1f\"\\\x7f\ud800-\udfff]+")
_LITERAL = re.compile(r"-?\d[\d.eE+\-]*|true|false|null")
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LONGEST_INTEGER: Final = 19  # digits of one that every reader takes
_values = msgspec.json.Decoder()
_raws = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Head(msgspec.Struct):
    """The keys that programs use for time and level, and nothing else: twice as fast to read."""

    timestamp: Any = None
    time: Any = None
    ts: Any = None
    level: Any = None
    severity: Any = None


_heads = msgspec.json.Decoder(_Head)


class JsonLines:
    """Reads JSON lines."""

    name: Format = "json"
    mark = _BRACE

    def __init__(self, stamps: Stamps) -> None:
        """Read times with `stamps`."""
        self._stamps = stamps
        self._text = UndatedText()

    def starts(self, data: bytes, start: int, end: int) -> bool:
        """See `LineFormat.starts`."""
        if start == 0 or data[start] == _BRACE:
            return True
        before = data.rfind(b"\n", 0, start - 1) + 1
        if data[before] == _BRACE:
            return start < end and data[start] not in b" \t\r\n"
        return not continues(data, start, end)

    def moment(self, line: bytes) -> int | None:
        """See `LineFormat.moment`."""
        if not line.startswith(b"{"):
            return None
        try:
            stamp = _heads.decode(line).timestamp
        except _BROKEN:
            stamp = None
        at = None if stamp is None else self._stamps.any(stamp)
        return self.head(line)[0] if at is None else at

    def head(self, entry: bytes) -> tuple[int | None, Level | None]:
        """See `LineFormat.head`."""
        line = entry if entry.find(b"\n") in (-1, len(entry) - 1) else entry[: line_end(entry)]
        if not line.startswith(b"{"):
            return self._text.head(entry)
        try:
            found = _heads.decode(line)
        except _BROKEN:
            parsed = self.parse(entry)
            return parsed.at, parsed.level
        stamps = (found.timestamp, found.time, found.ts)
        at = self._stamps.any(next((each for each in stamps if each is not None), None))
        level = levels.of_value(found.severity if found.level is None else found.level)
        if at is None or level is None:
            parsed = self.parse(entry)
            return parsed.at, parsed.level
        return at, level

    def parse(self, entry: bytes) -> Parsed:
        """See `LineFormat.parse`."""
        end = line_end(entry)
        fields = _object(entry[:end])
        if fields is None:
            return self._text.parse(entry)
        at = self._taken(fields, TIMES, self._stamps.any)
        level = self._taken(fields, LEVELS, levels.of_value)
        message = self._taken(fields, MESSAGES, _as_text) or ""
        rest = text_of(entry[end:]).lstrip("\n")
        return Parsed(at, level, f"{message}\n{rest}" if rest else message, fields)

    def field_is(self, entry: bytes, name: str, value: str) -> bool:
        """See `LineFormat.field_is`."""
        try:
            fields: Mapping[str, msgspec.Raw] = _raws.decode(entry[: line_end(entry)])
            raw, rest = fields.get(name), name
            while raw is None and "." in rest:
                outer, _, rest = rest.partition(".")
                within = fields.get(outer)
                if within is None or bytes(within)[:1] != b"{":
                    return False
                fields = _raws.decode(within)
                raw = fields.get(rest)
            return raw is not None and _is(bytes(raw), value)
        except _BROKEN:
            return _is_there(_leniently(entry[: line_end(entry)]), name, value)

    def needles(self, name: str, value: str) -> Sequence[bytes] | None:  # noqa: ARG002 - keys may be escaped
        """See `LineFormat.needles`.

        A character of the value lies there as it is, or as a Unicode escape, looked for, too.
        """
        if value[:1] in ("[", "{"):
            return None
        runs = _PLAIN.findall(value)
        if not runs:
            return None
        longest = max(runs, key=len)
        escapes = [b"\\u00" if longest.isascii() else b"\\u"]
        if "/" in longest:
            escapes.append(b"\\/")
        whole = longest == value and not _LITERAL.fullmatch(value)
        return (f'"{value}"' if whole else longest).encode(), *escapes

    def level_pattern(self, wanted: frozenset[Level]) -> str | None:
        """See `LineFormat.level_pattern`."""
        return rf'{levels.pattern_of(wanted)}|\\u00|[:\s"][0-7][\s,"}}]|[:\s"][1-6]\d[\s,"}}]'

    def _taken(self, fields: dict[str, Any], names: Sequence[str], read: Any) -> Any:
        """The first of these fields that can be read, taken out of the others."""
        for name in names:
            if name in fields:
                found = read(fields[name])
                if found is not None:
                    del fields[name]
                    return found
        return None


def _object(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{"):
        return None
    try:
        found = _values.decode(line)
    except _BROKEN:
        return _leniently(line)
    return found if isinstance(found, dict) else None


def _leniently(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line.decode(errors="replace"), strict=False, parse_int=_number)
        return _readable(found) if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        return None


def _number(digits: str) -> float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def _readable(value: Any) -> Any:
    """A value without halves of characters, which nobody could be answered with."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case list():
            return [_readable(each) for each in value]
        case dict():
            return {_readable(name): _readable(each) for name, each in value.items()}
    return value


def _is_there(fields: Any, name: str, value: str) -> bool:
    """`field_is` for a line that was read leniently."""
    if not isinstance(fields, dict):
        return False
    if name in fields:
        found = fields[name]
        if isinstance(found, dict | list):
            return False
        return found == value if isinstance(found, str) else json.dumps(found) == value
    outer, dot, rest = name.partition(".")
    return bool(dot) and _is_there(fields.get(outer), rest, value)


def is_object(line: bytes) -> bool:
    """Whether a line is one JSON object."""
    return _object(line) is not None


def _as_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _is(raw: bytes, value: str) -> bool:
    if raw[:1] == b'"':
        return bool(msgspec.json.decode(raw) == value)
    return raw.strip() == value.encode()
