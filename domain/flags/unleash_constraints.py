"""Constraints in Unleash's words: the same as ours but for one operator's name."""

import re
from datetime import date
from typing import Any, Final, get_args

import msgspec

from domain.flags import readings
from domain.flags.conditions import (
    MANY_VALUES,
    NOBODY,
    AddressOperator,
    AnyOf,
    Constraint,
    DateOperator,
    NumberOperator,
    Operator,
    PatternOperator,
    SemverOperator,
    TextOperator,
)
from domain.flags.documents import Inexpressible
from domain.flags.normal_form import Term
from domain.flags.places import Place, quoted
from domain.flags.unleash_folding import folded_terms

_OPERATORS: Final[dict[str, Operator]] = {
    name: name
    for group in (
        TextOperator,
        NumberOperator,
        DateOperator,
        SemverOperator,
        PatternOperator,
        AddressOperator,
    )
    for name in get_args(group)
}
_OURS: Final[dict[str, Operator]] = {**_OPERATORS, "IN_CIDR": "CIDR"}
_THEIRS: Final[dict[str, str]] = {"CIDR": "IN_CIDR"}
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?(Z|[+-]\d\d:\d\d)", re.ASCII)
"""What the SDKs' engine reads as a date."""


def read_constraint(place: Place) -> Constraint | AnyOf | None:
    """One constraint of a strategy or a segment; None where it cannot be one.

    One with an operator that nobody has holds for nobody, as with Unleash's clients.
    """
    known = len(place.report.faults)
    operator = _OURS.get(place.get("operator").text())
    if operator is None and len(place.report.faults) == known:
        name = quoted(place.get("operator").text())
        place.get("operator").tolerate("unknown-operator", f"{name} is no operator")
        return NOBODY
    field = place.get("contextName").text()
    inverted = place.get("inverted").boolean()
    case_insensitive = place.get("caseInsensitive").boolean()
    many = operator is None or operator in MANY_VALUES
    values = place.get("values").texts() if many else (place.get("value").word(),)
    if operator is None or len(place.report.faults) > known:
        return None
    if many and not values:
        place.warn("no-values", f"{operator} of no values: Unleash looks at `values` alone")
    return Constraint(
        field=field,
        operator=operator,
        values=values,
        inverted=inverted,
        case_insensitive=case_insensitive,
    )


def client_terms(constraint: Constraint) -> list[Term]:
    """A constraint as SDKs can be told it: terms of which one holds where it does."""
    membership = constraint.operator in {"IN", "NOT_IN"}
    if membership and constraint.case_insensitive and constraint.values:
        return folded_terms(constraint)
    return [(constraint,)]


def written_constraint(constraint: Constraint, *, for_clients: bool = False) -> dict[str, Any]:
    """A constraint as Unleash writes it: `values` or `value`, whichever the operator looks at.

    Raises:
        Inexpressible: texts that the SDKs' engine (`for_clients`) cannot read.
    """
    if for_clients:
        constraint = _for_clients(constraint)
    written: dict[str, Any] = {
        "contextName": constraint.field,
        "operator": _THEIRS.get(constraint.operator, constraint.operator),
        "inverted": constraint.inverted,
        "caseInsensitive": constraint.case_insensitive,
    }
    if constraint.operator in MANY_VALUES:
        written["values"] = list(constraint.values)
    else:
        written["values"] = []
        written["value"] = constraint.values[0]
    return written


def _date(text: str) -> str:
    seconds, rest = divmod(readings.moment(text), 1_000_000_000)
    days, second = divmod(seconds, 86_400)
    if rest % 1_000_000:
        raise Inexpressible(f"{quoted(text)} is finer than milliseconds")
    day = date.fromordinal(days)
    hours, minutes = divmod(second // 60, 60)
    clock = f"{hours:02}:{minutes:02}:{second % 60:02}.{rest // 1_000_000:03}"
    return f"{day.isoformat()}T{clock}Z"


def _for_clients(constraint: Constraint) -> Constraint:
    if '"' in constraint.field or constraint.field.endswith("\\"):
        raise Inexpressible(f"the field {quoted(constraint.field)} has a quote, or ends in \\")
    operator = constraint.operator
    if operator in {"DATE_AFTER", "DATE_BEFORE"} and not _DATE.fullmatch(constraint.values[0]):
        return msgspec.structs.replace(constraint, values=(_date(constraint.values[0]),))
    if any(value.endswith("\\") for value in constraint.values):
        raise Inexpressible(f"a value compared with {quoted(constraint.field)} ends in \\")
    return constraint
