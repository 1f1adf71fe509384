"""What a file's lines look like, told by its beginning.

Decided by the most lines rather than by the first: programs print banners, and tracebacks have
many lines.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from adapters.logs.formats import access, json_lines, logfmt, syslog
from adapters.logs.formats.access import AccessLog
from adapters.logs.formats.format import LineFormat
from adapters.logs.formats.json_lines import JsonLines
from adapters.logs.formats.logfmt import Logfmt
from adapters.logs.formats.syslog import Syslog
from adapters.logs.formats.text import DatedText, UndatedText
from adapters.logs.stamps import Stamps
from application.log_reader import Format

SAMPLE: Final = 64 * 1024
_LINES: Final = 200
_FEWEST: Final = 0.3
"""The share of lines that must look alike; the others may go on with them."""


def detect(sample: bytes, stamps: Stamps, given: Format | None = None) -> LineFormat:
    """How to read a file that begins with `sample`; `given` is a format that was said to it."""
    lines = [each for each in sample.split(b"\n", _LINES)[:_LINES] if each.strip()]
    if given is None:
        kinds = Counter(kind for kind in map(_kind, lines) if kind is not None)
        name, count = kinds.most_common(1)[0] if kinds else ("text", 0)
        given = name if lines and count / len(lines) >= _FEWEST else "text"
    return _FORMATS[given](lines, stamps)


def _kind(line: bytes) -> Format | None:
    line = line.rstrip(b"\r")
    if line.startswith(b"{"):
        return "json" if json_lines.is_object(line) else None
    if syslog.RFC5424.match(line):
        return "syslog-5424"
    if access.COMMON.match(line):
        return "access-combined" if access.is_combined(line) else "access"
    if syslog.RFC3164.match(line):
        return "syslog"
    return "logfmt" if logfmt.looks_like(line) else None


def _text(lines: list[bytes], stamps: Stamps) -> LineFormat:
    dated = sum(stamps.leading(line[:48]) is not None for line in lines)
    return DatedText(stamps) if lines and dated / len(lines) >= _FEWEST / 3 else UndatedText()


_FORMATS: Final[Mapping[Format, Callable[[list[bytes], Stamps], LineFormat]]] = {
    "json": lambda _, stamps: JsonLines(stamps),
    "logfmt": lambda _, stamps: Logfmt(stamps),
    "syslog": lambda _, stamps: Syslog("syslog", syslog.RFC3164, stamps),
    "syslog-5424": lambda _, stamps: Syslog("syslog-5424", syslog.RFC5424, stamps),
    "access": lambda _, stamps: AccessLog("access", stamps),
    "access-combined": lambda _, stamps: AccessLog("access-combined", stamps),
    "text": _text,
}
