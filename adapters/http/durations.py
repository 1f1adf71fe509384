"""Lengths of time on the wire: `200ms`, `60s`, `12h`."""

from datetime import timedelta
from typing import Annotated

import msgspec

from domain.durations import format_duration, parse_duration
from domain.rejections import Fault, Invalid

Duration = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9]{1,9}(ms|s|m|h|d)$", description="A number and a unit: ms, s, m, h, d."
    ),
]


def seconds(text: str, pointer: str) -> float:
    """A length of time in seconds.

    Raises:
        Invalid: at the pointer, when it is longer than anything.
    """
    try:
        return parse_duration(text).total_seconds()
    except (ValueError, OverflowError):
        fault = Fault(pointer=pointer, code="format", detail=f"{text} is no length of time")
        raise Invalid(fault) from None


def written(length: float) -> str:
    """Seconds as people write them."""
    return format_duration(timedelta(milliseconds=round(length * 1000)))
