"""Lengths of time as people write them: a whole number and a unit, `200ms`, `12h`."""

import re
from datetime import timedelta

_WRITTEN = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


def parse_duration(text: str) -> timedelta:
    """The length of time that a text names.

    Raises:
        ValueError: when the text is not a whole number (at most nine digits) and a unit.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"{text[:40]!r} is not a number and a unit (ms, s, m, h, d), such as 30s")
    return int(written[1]) * _UNITS[written[2]]


def format_duration(duration: timedelta) -> str:
    """The text that `parse_duration` reads as this length, in the largest unit that fits.

    Raises:
        ValueError: when the length is negative, or finer than a millisecond.
    """
    if duration < timedelta(0) or duration % _UNITS["ms"]:
        raise ValueError(f"{duration} is not a whole number of milliseconds")
    for unit, length in _UNITS.items():
        if not duration % length and (duration or unit == "s"):
            return f"{duration // length}{unit}"
    raise AssertionError("every whole number of milliseconds fits ms")
