"""Conditions: what must hold of a context, as a tree of constraints.

The operators are Unleash's, with their meaning to the letter
(https://docs.getunleash.io/reference/activation-strategies, "constraints").
"""

from collections.abc import Iterator
from typing import Literal, get_args

import msgspec

TextOperator = Literal["IN", "NOT_IN", "STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH"]
"""Hold when any of the values fits (NOT_IN: when none does); all heed `case_insensitive`."""

NumberOperator = Literal["NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"]
DateOperator = Literal["DATE_AFTER", "DATE_BEFORE"]
SemverOperator = Literal["SEMVER_EQ", "SEMVER_GT", "SEMVER_LT", "SEMVER_GTE", "SEMVER_LTE"]
PatternOperator = Literal["REGEX"]
AddressOperator = Literal["CIDR"]
"""Holds when the address lies in any of the networks."""

Operator = (
    TextOperator
    | NumberOperator
    | DateOperator
    | SemverOperator
    | PatternOperator
    | AddressOperator
)

MANY_VALUES: frozenset[str] = frozenset({*get_args(TextOperator), *get_args(AddressOperator)})
"""Operators that take any number of values; the others take exactly one."""

MOST_VALUES = 10_000
DEEPEST = 8
"""How deep conditions may be nested."""


class Constraint(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="constraint",
):
    """One field of the context compared with values; `inverted` turns the answer round.

    A context without the field fits only where the comparison is inverted or is NOT_IN.
    """

    field: str
    operator: Operator
    values: tuple[str, ...]
    inverted: bool = False
    case_insensitive: bool = False


class InSegment(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="segment",
):
    """The context fits the segment of that name (`inverted`: does not)."""

    segment: str
    inverted: bool = False


class AllOf(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="all",
):
    """Every condition holds; of none, that is so."""

    of: tuple["Condition", ...]


class AnyOf(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="any",
):
    """At least one condition holds; of none, that is not so."""

    of: tuple["Condition", ...]


Condition = Constraint | InSegment | AllOf | AnyOf

EVERYONE = AllOf(of=())
"""The condition that always holds."""

NOBODY = AnyOf(of=())
"""The condition that never holds."""


def segments_in(condition: Condition) -> Iterator[str]:
    """The segments that a condition names."""
    if isinstance(condition, InSegment):
        yield condition.segment
    elif isinstance(condition, AllOf | AnyOf):
        for each in condition.of:
            yield from segments_in(each)
