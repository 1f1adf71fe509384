"""What flagd's operators say of constants, by JsonLogic's rules, which are JavaScript's."""

import math
from typing import Any

from domain.flags import readings
from domain.flags.places import is_number


def is_true(value: Any) -> bool:
    """Whether a condition holds that is this constant."""
    return bool(value)


def as_number(value: Any) -> float:
    """The number that a constant stands for in comparisons; NaN where it stands for none."""
    if value is None:
        return 0.0
    if isinstance(value, str):
        try:
            return readings.number(value.strip()) if value.strip() else 0.0
        except ValueError:
            return math.nan
    return float(value) if isinstance(value, bool) or is_number(value) else math.nan


def equal(one: Any, other: Any) -> bool:
    """`==`: texts and truth values count as the numbers that they stand for."""
    if one is None or other is None:
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    return as_number(one) == as_number(other)


def same(one: Any, other: Any) -> bool:
    """`===`: of one type, and equal."""
    kinds = [(each is None, isinstance(each, bool), isinstance(each, str)) for each in (one, other)]
    return kinds[0] == kinds[1] and bool(one == other)


def less(one: Any, other: Any) -> bool:
    """`<`: two texts by their letters, anything else as numbers."""
    if isinstance(one, str) and isinstance(other, str):
        return one < other
    return as_number(one) < as_number(other)


def at_most(one: Any, other: Any) -> bool:
    """`<=`, which is false where one is no number."""
    if isinstance(one, str) and isinstance(other, str):
        return one <= other
    return as_number(one) <= as_number(other)


def contained(one: Any, other: Any) -> bool:
    """`in`: one of a list's items, or a part of a text."""
    if isinstance(other, list):
        return any(same(one, each) for each in other)
    return isinstance(one, str) and isinstance(other, str) and one in other


def whole_version(text: Any) -> str | None:
    """A version as flagd reads it: a leading v is left out, what is missing is nought."""
    if not isinstance(text, str):
        return None
    plain = text.removeprefix("v").partition("+")[0]
    parts = plain.split(".")
    if plain.isascii() and len(parts) < len("x.y") and all(part.isdigit() for part in parts):
        plain = ".".join([*parts, "0", "0"][:3])
    try:
        readings.version(plain)
    except ValueError:
        return None
    return plain
