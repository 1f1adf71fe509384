"""logfmt: `at=2026-01-02T03:04:05Z level=info msg="it works" user=ada`."""

import re
from collections.abc import Sequence
from typing import Final

from adapters.logs import levels
from adapters.logs.formats.format import Parsed, line_end, text_of
from adapters.logs.formats.json_lines import LEVELS, MESSAGES, TIMES
from adapters.logs.formats.text import UndatedText
from adapters.logs.stamps import Stamps
from application.log_reader import Format, Level

_PAIR = re.compile(rb'([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?=\s|$)')
_BEGINS = re.compile(rb"[A-Za-z_@][\w.@/-]*=")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_PLAIN = re.compile(r"[^\x00-\x20\"\\\x7f\ud800-\udfff]+")
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t"}
FEWEST_PAIRS: Final = 2


class Logfmt:
    """Reads logfmt."""

    name: Format = "logfmt"
    mark = -1

    def __init__(self, stamps: Stamps) -> None:
        """Read times with `stamps`."""
        self._stamps = stamps
        self._text = UndatedText()

    def starts(self, data: bytes, start: int, end: int) -> bool:
        """See `LineFormat.starts`."""
        return start == 0 or _BEGINS.match(data, start, end) is not None

    def moment(self, line: bytes) -> int | None:
        """See `LineFormat.moment`."""
        return self.parse(line[: line_end(line)]).at

    def head(self, entry: bytes) -> tuple[int | None, Level | None]:
        """See `LineFormat.head`."""
        parsed = self.parse(entry[: line_end(entry)])
        return parsed.at, parsed.level

    def parse(self, entry: bytes) -> Parsed:
        """See `LineFormat.parse`."""
        end = line_end(entry)
        fields = pairs(entry[:end])
        if not fields:
            return self._text.parse(entry)
        at = level = None
        for name in TIMES:
            if name in fields and at is None and (at := self._stamps.any(fields[name])):
                del fields[name]
        for name in LEVELS:
            if name in fields and level is None and (level := levels.of_value(fields[name])):
                del fields[name]
        key = next((name for name in MESSAGES if name in fields), None)
        message = fields.pop(key) if key else ""
        rest = text_of(entry[end:]).lstrip("\n")
        return Parsed(at, level, f"{message}\n{rest}" if rest else message, dict(fields))

    def field_is(self, entry: bytes, name: str, value: str) -> bool:
        """See `LineFormat.field_is`."""
        return pairs(entry[: line_end(entry)]).get(name) == value

    def needles(self, name: str, value: str) -> Sequence[bytes] | None:
        """See `LineFormat.needles`."""
        runs = _PLAIN.findall(value)
        if not runs:
            return (f"{name}=".encode(),)
        return max(runs, key=len).encode(), b"\\u"

    def level_pattern(self, wanted: frozenset[Level]) -> str | None:
        """See `LineFormat.level_pattern`."""
        return rf"{levels.pattern_of(wanted)}|\\u00|=\"?[0-7][\s\"]|=\"?[1-6]\d[\s\"]|=\"?\d\d?$"


def pairs(line: bytes) -> dict[str, str]:
    """A line's pairs; a bare word is a pair with the value `true`. Of twins the last counts."""
    found = {}
    for name, quoted, bare in _PAIR.findall(line):
        if quoted:
            value = _ESCAPE.sub(_unescaped, quoted.decode(errors="replace"))
        else:
            value = bare.decode(errors="replace")
        found[name.decode(errors="replace")] = value
    return found


def looks_like(line: bytes) -> bool:
    """Whether most of a line is pairs, and more than one."""
    if not _BEGINS.match(line):
        return False
    spans = [found.span() for found in _PAIR.finditer(line) if b"=" in found[0]]
    covered = sum(end - start for start, end in spans)
    return len(spans) >= FEWEST_PAIRS and covered * 10 > 8 * len(line.replace(b" ", b""))


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _CONTROLS.get(code, code)
