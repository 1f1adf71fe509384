"""Levels by one set of words, whatever a program calls them."""

import re
from collections.abc import Collection
from typing import Final

from application.log_reader import Level

_WORDS: Final[dict[Level, tuple[str, ...]]] = {
    "trace": ("trace", "trc", "finest", "finer", "verbose"),
    "debug": ("debug", "dbg", "fine"),
    "info": ("info", "inf", "information", "informational"),
    "notice": ("notice",),
    "warning": ("warning", "warn", "wrn"),
    "error": ("error", "err", "severe"),
    "critical": ("critical", "crit", "fatal", "panic", "dpanic", "alert", "emerg", "emergency"),
}
_LEVELS: Final[dict[str, Level]] = {
    word: level for level, words in _WORDS.items() for word in words
}
_SYSLOG: Final[tuple[Level, ...]] = (
    *("critical", "critical", "critical", "error"),
    *("warning", "notice", "info", "debug"),
)
_TENS: Final[tuple[Level, ...]] = ("trace", "debug", "info", "warning", "error", "critical")
_FIRST_BYTES: Final = 160
_IN_TEXT = re.compile(
    rb"(?:^|[\s\[<(|\-:])("
    + b"|".join(
        form.encode()
        for word in sorted(_LEVELS, key=len, reverse=True)
        if word not in {"inf", "fine", "finer", "finest", "alert", "verbose", "severe"}
        for form in (word.upper(), word.capitalize())
    )
    + rb")(?=[\s\]>)|:\-,]|$)"
)
_NAMED = re.compile(rb"(?:\[|\blevel=\"?|\b)([a-z]{3,13})(?:\]|:|\"|\s)")


def of_word(word: str) -> Level | None:
    """A level's name in any spelling."""
    return _LEVELS.get(word.strip().lower())


def of_severity(severity: int) -> Level:
    """Syslog's numbers, 0 (emergency) to 7 (debug)."""
    return _SYSLOG[severity]


def of_status(status: int) -> Level:
    """How bad an HTTP answer's status is: 5xx is an error, 4xx a warning."""
    if status >= 500:  # noqa: PLR2004
        return "error"
    return "warning" if status >= 400 else "info"  # noqa: PLR2004


def of_value(value: object) -> Level | None:
    """What a structured line's level field holds: a word, or a number of syslog or bunyan."""
    if isinstance(value, str):
        if value in _LEVELS:
            return _LEVELS[value]
        return of_word(value) or (of_value(int(value)) if value.isdecimal() else None)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    if 0 <= value < len(_SYSLOG):
        return _SYSLOG[value]
    if 10 <= value < 70:  # noqa: PLR2004 - bunyan and pino: 10, 20 ... 60
        return _TENS[value // 10 - 1]
    return None


def in_text(line: bytes) -> Level | None:
    """The level that a line of text names near its beginning."""
    head = line[:_FIRST_BYTES]
    found = _IN_TEXT.search(head)
    if found is not None:
        return _LEVELS[found[1].decode().lower()]
    named = _NAMED.match(head) or _NAMED.search(head[:80])
    if named is not None:
        word = named[1].decode()
        return _LEVELS.get(word) if word not in {"fine", "inf", "alert"} else None
    return None


def pattern_of(levels: Collection[Level]) -> str:
    """What a line with one of these levels must contain, as a pattern for RE2."""
    words = "|".join(word for level in sorted(levels) for word in _WORDS[level])
    return f"(?i){words}"
