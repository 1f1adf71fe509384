"""Why a condition holds or does not: constraint by constraint, for people."""

import msgspec

from domain.flags.comparing import compile_constraint
from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint, InSegment, Operator
from domain.flags.context import Context
from domain.flags.matching import compile_condition
from domain.flags.state import Segments

MOST_SHOWN = 20
"""Values of a constraint that are repeated."""


class ConstraintExplained(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="constraint"
):
    """What the context says in a field, and whether it compares; the first of the `values`."""

    holds: bool
    field: str
    found: str | None
    operator: Operator
    values: tuple[str, ...]
    inverted: bool
    case_insensitive: bool
    problem: str = ""


class SegmentExplained(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="segment"):
    """Whether the context fits a segment, and the segment's own condition."""

    holds: bool
    segment: str
    inverted: bool
    condition: "ConditionExplained | None"
    problem: str = ""


class AllExplained(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="all"):
    """Whether all of them hold."""

    holds: bool
    of: "tuple[ConditionExplained, ...]"


class AnyExplained(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="any"):
    """Whether any of them holds."""

    holds: bool
    of: "tuple[ConditionExplained, ...]"


ConditionExplained = ConstraintExplained | SegmentExplained | AllExplained | AnyExplained


def explain_condition(
    condition: Condition, segments: Segments, context: Context
) -> ConditionExplained:
    """Whether the condition holds, and what of it does."""
    match condition:
        case Constraint():
            return _constraint(condition, context)
        case InSegment():
            return _segment(condition, segments, context)
        case AllOf():
            of = tuple(explain_condition(each, segments, context) for each in condition.of)
            return AllExplained(holds=all(each.holds for each in of), of=of)
        case AnyOf():
            of = tuple(explain_condition(each, segments, context) for each in condition.of)
            return AnyExplained(holds=any(each.holds for each in of), of=of)


def _constraint(constraint: Constraint, context: Context) -> ConstraintExplained:
    found, holds, problem = None, False, ""
    try:
        found = context.fields[constraint.field]
        holds = compile_constraint(constraint)(context)
    except ValueError as error:
        problem = str(error)[:200] or "cannot be compared"
    return ConstraintExplained(
        holds=holds,
        field=constraint.field,
        found=found,
        operator=constraint.operator,
        values=constraint.values[:MOST_SHOWN],
        inverted=constraint.inverted,
        case_insensitive=constraint.case_insensitive,
        problem=problem,
    )


def _segment(condition: InSegment, segments: Segments, context: Context) -> SegmentExplained:
    holds, inner, problem = False, None, ""
    segment = segments.get(condition.segment)
    if segment is not None:
        inner = explain_condition(segment.condition, {}, context)
    try:
        holds = compile_condition(condition, segments)(context)
    except ValueError:
        problem = "there is no such segment" if segment is None else "cannot be compared"
    return SegmentExplained(
        holds=holds,
        segment=condition.segment,
        inverted=condition.inverted,
        condition=inner,
        problem=problem,
    )
