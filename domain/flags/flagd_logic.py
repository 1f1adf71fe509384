"""Conditions as flagd's JsonLogic."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from domain.flags import readings
from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint, InSegment
from domain.flags.documents import Inexpressible
from domain.flags.flagd_comparing import TIMESTAMP
from domain.flags.simplifying import there

Logic = dict[str, Any]

_NUMBERS: Final = {"NUM_LT": "<", "NUM_LTE": "<=", "NUM_GT": ">", "NUM_GTE": ">="}
_NOUGHT_FITS: Final[dict[str, Callable[[float], bool]]] = {
    "<": lambda value: value > 0,
    "<=": lambda value: value >= 0,
    ">": lambda value: value < 0,
    ">=": lambda value: value <= 0,
}
_TRUTHS: Final = {"true": True, "false": False}
_VERSIONS: Final = {
    "SEMVER_EQ": "=",
    "SEMVER_LT": "<",
    "SEMVER_LTE": "<=",
    "SEMVER_GT": ">",
    "SEMVER_GTE": ">=",
}


def variable(field: str) -> Logic:
    """A field of the context."""
    return {"var": field}


def given(field: str) -> Logic:
    """That a field is there."""
    return {"!=": [variable(field), None]}


def everything(parts: list[Any]) -> Any:
    """What holds where all parts do."""
    return parts[0] if len(parts) == 1 else {"and": parts} if parts else True


def something(parts: list[Any]) -> Any:
    """What holds where any part does."""
    return parts[0] if len(parts) == 1 else {"or": parts} if parts else False


def logic_of(condition: Condition) -> Any:
    """An expression that is true exactly where the condition holds.

    Raises:
        Inexpressible: flagd has no operator that does it.
    """
    match condition:
        case Constraint():
            return _constraint(condition)
        case InSegment():
            reference = {"$ref": condition.segment}
            return {"!": [reference]} if condition.inverted else reference
        case AllOf():
            return everything([logic_of(each) for each in condition.of])
        case AnyOf():
            return something([logic_of(each) for each in condition.of])


def _constraint(constraint: Constraint) -> Any:
    if constraint.inverted:
        plain = msgspec.structs.replace(constraint, inverted=False)
        if plain == there(constraint.field):
            return {"==": [variable(constraint.field), None]}
        if plain.operator == "DATE_BEFORE":
            return {">=": _before(plain)["<"]}
        return {"!": [_constraint(plain)]}
    if constraint.case_insensitive and _has_case(constraint):
        raise Inexpressible(f"{constraint.field} is compared in upper and lower case alike")
    if constraint == there(constraint.field):
        return given(constraint.field)
    written = _WRITERS.get(constraint.operator)
    if written is None:
        raise Inexpressible(f"flagd has no operator like {constraint.operator}")
    return written(constraint)


def _has_case(constraint: Constraint) -> bool:
    return constraint.operator != "CIDR" and any(
        value.lower() != value.upper() for value in constraint.values
    )


def _among(constraint: Constraint) -> Any:
    """One of the texts, or what is written so; == takes 5 and "5" for the same."""
    field = variable(constraint.field)
    values: list[Any] = list(constraint.values)
    values += (_TRUTHS[value] for value in constraint.values if value in _TRUTHS)
    if len(values) > 1 and not any(_is_number(value) for value in constraint.values):
        return {"in": [field, values]}
    return something([{"==": [field, value]} for value in values])


def _is_number(text: str) -> bool:
    try:
        readings.number(text)
    except ValueError:
        return False
    return True


def _contains(constraint: Constraint) -> Any:
    field = variable(constraint.field)
    return something([{"in": [value, field]} for value in constraint.values])


def _starts_or_ends(constraint: Constraint) -> Any:
    field = variable(constraint.field)
    operator = "starts_with" if constraint.operator == "STR_STARTS_WITH" else "ends_with"
    return something([{operator: [field, value]} for value in constraint.values])


def _version(constraint: Constraint) -> Logic:
    field, operator = variable(constraint.field), _VERSIONS[constraint.operator]
    return {"sem_ver": [field, operator, constraint.values[0]]}


def _number(constraint: Constraint) -> int | float:
    value = readings.number(constraint.values[0])
    return int(value) if value.is_integer() else value


def _ordered(constraint: Constraint) -> Any:
    """A comparison, and that there is something to compare where nought would do."""
    operator, value = _NUMBERS[constraint.operator], _number(constraint)
    compared = {operator: [variable(constraint.field), value]}
    if _NOUGHT_FITS[operator](value):
        return {"and": [given(constraint.field), compared]}
    return compared


def _before(constraint: Constraint) -> Logic:
    if constraint.field != "currentTime":
        raise Inexpressible(f"{constraint.field} is compared with a date")
    moment = datetime.fromisoformat(constraint.values[0])
    seconds = moment.timestamp()
    if not seconds.is_integer() or moment.tzinfo is None:
        raise Inexpressible("flagd knows the time in whole seconds")
    return {"<": [variable(TIMESTAMP), int(moment.astimezone(UTC).timestamp())]}


_WRITERS: Final[dict[str, Callable[[Constraint], Any]]] = {
    "IN": _among,
    "NOT_IN": lambda constraint: {"!": [_among(constraint)]},
    "STR_CONTAINS": _contains,
    "STR_STARTS_WITH": _starts_or_ends,
    "STR_ENDS_WITH": _starts_or_ends,
    "DATE_BEFORE": _before,
    "NUM_EQ": lambda constraint: {"==": [variable(constraint.field), _number(constraint)]},
    **dict.fromkeys(_NUMBERS, _ordered),
    **dict.fromkeys(_VERSIONS, _version),
}
