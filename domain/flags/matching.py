"""Conditions compiled into closures that say whether a context fits.

A condition combines constraints (`domain.flags.comparing`) and segments; what a segment wants is
compiled once for all rules that name it.
"""

from domain.flags.comparing import MOST_SHARED, Holds, compile_constraint, inverted
from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint, InSegment
from domain.flags.context import Context
from domain.flags.state import Segments

_SHARED: dict[int, tuple[Condition, Holds]] = {}
"""What segments' conditions were compiled into; nothing but work is saved."""


class UnknownSegment(ValueError):  # noqa: N818 - a fact about a rule
    """A condition speaks of a segment that is not there."""


def compile_condition(condition: Condition, segments: Segments) -> Holds:
    """Whether a context fits, as a closure.

    Raises:
        ValueError: a value that its operator cannot read, or an unknown segment.
    """
    match condition:
        case Constraint():
            return compile_constraint(condition)
        case InSegment():
            return _segment(condition, segments)
        case AllOf():
            return _all_of([compile_condition(each, segments) for each in condition.of])
        case AnyOf():
            return _any_of([compile_condition(each, segments) for each in condition.of])


def _segment(condition: InSegment, segments: Segments) -> Holds:
    segment = segments.get(condition.segment)
    if segment is None or segment.archived:
        raise UnknownSegment(condition.segment)
    holds = _segment_condition(segment.condition)
    return inverted(holds) if condition.inverted else holds


def _segment_condition(condition: Condition) -> Holds:
    """One closure for all flags that use the segment: it may have thousands of values.

    It is known by being the same object; to compare the values would take as long as compiling.
    """
    kept = _SHARED.get(id(condition))
    if kept is not None and kept[0] is condition:
        return kept[1]
    holds = _once(compile_condition(condition, {}))
    if len(_SHARED) >= MOST_SHARED:
        _SHARED.clear()
    _SHARED[id(condition)] = (condition, holds)
    return holds


def _once(holds: Holds) -> Holds:
    """The same, worked out once in a context: hundreds of rules may name one segment."""

    def held(context: Context) -> bool:
        answers = context.segments
        answer = answers.get(holds)
        if answer is None:
            answer = answers[holds] = holds(context)
        return answer

    return held


def _all_of(parts: list[Holds]) -> Holds:
    if not parts:
        return lambda _context: True
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:  # noqa: PLR2004 - the common case without a loop
        first, second = parts
        return lambda context: first(context) and second(context)

    def holds(context: Context) -> bool:
        for part in parts:  # noqa: SIM110 - half the time of a generator
            if not part(context):
                return False
        return True

    return holds


def _any_of(parts: list[Holds]) -> Holds:
    if len(parts) == 1:
        return parts[0]

    def holds(context: Context) -> bool:
        for part in parts:  # noqa: SIM110 - half the time of a generator
            if part(context):
                return True
        return False

    return holds
