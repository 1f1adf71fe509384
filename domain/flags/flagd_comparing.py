"""flagd's comparisons of a field with a constant, as conditions.

A field's value is compared as a text here, so that 5 and "5" are one, as they are for `==`. What a
comparison says of a field that is not there is worked out and becomes part of the condition.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from domain.flags.conditions import Condition, Constraint, NumberOperator, TextOperator
from domain.flags.flagd_constants import (
    at_most,
    contained,
    equal,
    less,
    same,
    whole_version,
)
from domain.flags.normal_form import negated
from domain.flags.places import is_number, json_text
from domain.flags.simplifying import NOBODY, all_of, any_of

TIMESTAMP: Final = "$flagd.timestamp"
LOWEST: Final = "0.0.0-0"
"""The version that no other is below."""

Holds = Callable[[Any, Any], bool]
HOLDS: Final[dict[str, Holds]] = {
    "==": equal,
    "===": same,
    "<": less,
    "<=": at_most,
    ">": lambda one, other: less(other, one),
    ">=": lambda one, other: at_most(other, one),
    "in": contained,
    "starts_with": lambda one, other: _texts(one, other) and one.startswith(other),
    "ends_with": lambda one, other: _texts(one, other) and one.endswith(other),
}
"""What the operators say of two constants."""

TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "===": "==="}
"""The operator that says the same with its operands exchanged."""

_NUMBERS: Final[dict[str, NumberOperator]] = {
    "<": "NUM_LT",
    "<=": "NUM_LTE",
    ">": "NUM_GT",
    ">=": "NUM_GTE",
}
_TEXTS: Final[dict[str, TextOperator]] = {
    "starts_with": "STR_STARTS_WITH",
    "ends_with": "STR_ENDS_WITH",
}


class Unsupported(ValueError):  # noqa: N818 - a fact about a document
    """No condition says exactly this."""


def compared(operator: str, field: str, value: Any) -> Condition:
    """A field that is there, compared with a constant; never holds where it is not.

    Raises:
        Unsupported: no condition says that.
    """
    if operator in {"==", "==="}:
        return _equal(field, value)
    if operator in _NUMBERS:
        if field == TIMESTAMP:
            return _at(operator, value)
        if not is_number(value):
            raise Unsupported(f"{operator} of a field is supported with numbers")
        return Constraint(field=field, operator=_NUMBERS[operator], values=(json_text(value),))
    if operator == "in":
        return _among(field, value)
    if not isinstance(value, str):
        raise Unsupported(f"{operator} is supported with texts")
    return Constraint(field=field, operator=_TEXTS[operator], values=(value,))


def _equal(field: str, value: Any) -> Condition:
    if value is None:
        return NOBODY
    if is_number(value):
        return Constraint(field=field, operator="NUM_EQ", values=(json_text(value),))
    if isinstance(value, bool):
        return Constraint(field=field, operator="IN", values=(json_text(value),))
    if not isinstance(value, str):
        raise Unsupported("a field can be compared with texts, numbers, true, false and null")
    return Constraint(field=field, operator="IN", values=(value,))


def _among(field: str, values: Any) -> Condition:
    if not isinstance(values, list):
        raise Unsupported("a field can be in a list of constants, or a text in a field")
    if any(value is None for value in values):
        raise Unsupported("a field in a list with null")
    return any_of(_equal(field, value) for value in values)


def containing(field: str, value: Any) -> Condition:
    """A field whose text has a part.

    Raises:
        Unsupported: the part is no text.
    """
    if not isinstance(value, str):
        raise Unsupported("only a text can be in a field")
    return Constraint(field=field, operator="STR_CONTAINS", values=(value,))


def _at(operator: str, value: Any) -> Condition:
    """The time of asking, which flagd knows in whole seconds, against a moment."""
    if not is_number(value):
        raise Unsupported("the time is compared with seconds since 1970")
    moment = {
        "<": math.ceil(value),
        "<=": math.floor(value) + 1,
        ">": math.floor(value) + 1,
        ">=": math.ceil(value),
    }[operator]
    try:
        text = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        raise Unsupported(f"{moment} seconds since 1970 is no date") from None
    before = Constraint(field="currentTime", operator="DATE_BEFORE", values=(text.zfill(20),))
    return before if operator in {"<", "<="} else negated(before)


def versioned(field: str, operator: Any, version: Any) -> Condition:
    """A field that is a version, compared with another.

    Raises:
        Unsupported: there is no such operator, or the other is no version.
    """
    plain = whole_version(version)
    if plain is None:
        raise Unsupported("sem_ver compares a field with a version")

    def bound(name: Any, value: str) -> Constraint:
        return Constraint(field=field, operator=name, values=(value,))

    major, minor = (int(part) for part in plain.partition("-")[0].split(".")[:2])
    match operator:
        case "=":
            return bound("SEMVER_EQ", plain)
        case "!=":
            return any_of([bound("SEMVER_LT", plain), bound("SEMVER_GT", plain)])
        case "<" | "<=" | ">" | ">=":
            names = {"<": "SEMVER_LT", "<=": "SEMVER_LTE", ">": "SEMVER_GT", ">=": "SEMVER_GTE"}
            return bound(names[operator], plain)
        case "^":
            low, high = f"{major}.0.0-0", f"{major + 1}.0.0-0"
        case "~":
            low, high = f"{major}.{minor}.0-0", f"{major}.{minor + 1}.0-0"
        case _:
            raise Unsupported("sem_ver knows =, !=, <, <=, >, >=, ^ and ~")
    return all_of([bound("SEMVER_GTE", low), bound("SEMVER_LT", high)])


def _texts(one: Any, other: Any) -> bool:
    return isinstance(one, str) and isinstance(other, str)
