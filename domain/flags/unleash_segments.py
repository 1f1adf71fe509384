"""Segments in Unleash's words: a number, a name and constraints that must all hold."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import mmh3
import msgspec

from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint, InSegment
from domain.flags.documents import Inexpressible, LeftOut
from domain.flags.normal_form import negated
from domain.flags.state import Segment
from domain.flags.unleash_constraints import client_terms, written_constraint

_NUMBERED = re.compile(r"segment-([1-9][0-9]{0,9})")
_MOST = 0x7FFFFFFF
"""Unleash's numbers are 32 bits with a sign."""


class NumberedSegments(msgspec.Struct, frozen=True, kw_only=True):
    """Segments, and the numbers of those that Unleash can have."""

    segments: Mapping[str, Segment]
    numbers: dict[str, int]

    def resolved(self, condition: Condition, *, spelt_out: bool = False) -> Condition:
        """The condition with every segment spelt out, or those that cannot be named by a number.

        Raises:
            Inexpressible: it says who is not in a segment that is not there.
        """
        match condition:
            case Constraint():
                return condition
            case InSegment():
                return self._segment(condition, spelt_out=spelt_out)
            case AllOf():
                inner = (self.resolved(each, spelt_out=spelt_out) for each in condition.of)
                return AllOf(of=tuple(inner))
            case AnyOf():
                inner = (self.resolved(each, spelt_out=spelt_out) for each in condition.of)
                return AnyOf(of=tuple(inner))

    def _segment(self, condition: InSegment, *, spelt_out: bool) -> Condition:
        name = condition.segment
        if name in self.numbers and not condition.inverted and not spelt_out:
            return condition
        segment = self.segments.get(name)
        if segment is None:
            raise Inexpressible(f"there is no segment {name}")
        return negated(segment.condition) if condition.inverted else segment.condition


def number_segments(segments: Mapping[str, Segment]) -> NumberedSegments:
    """Give each segment a number that follows from its name, and is no other's."""
    numbers: dict[str, int] = {}
    taken: set[int] = set()
    plain = sorted(name for name in segments if constraints_of(segments[name]) is not None)
    for name in sorted(plain, key=lambda name: (_own_number(name) is None, name)):
        number = _own_number(name) or mmh3.hash(name, 0, False) & _MOST or 1
        while number in taken:
            number = number % _MOST + 1
        numbers[name] = number
        taken.add(number)
    return NumberedSegments(segments=segments, numbers=numbers)


def _own_number(name: str) -> int | None:
    """The number of a segment that was read without a name."""
    found = _NUMBERED.fullmatch(name)
    return int(found[1]) if found and int(found[1]) <= _MOST else None


def constraints_of(segment: Segment) -> tuple[Constraint, ...] | None:
    """The constraints that must all hold; None where a segment is not as simple as that."""
    condition = segment.condition
    if isinstance(condition, Constraint):
        return (condition,)
    if not isinstance(condition, AllOf):
        return None
    constraints = tuple(each for each in condition.of if isinstance(each, Constraint))
    return constraints if len(constraints) == len(condition.of) else None


def nested_segments(segments: NumberedSegments) -> list[LeftOut]:
    """Those that are no list of constraints; rules that name them spell them out."""
    return [
        LeftOut(kind="segment", name=name, reasons=("has nested conditions, in Unleash none can",))
        for name in sorted(segments.segments.keys() - segments.numbers.keys())
    ]


def written_segments(segments: NumberedSegments) -> list[dict[str, Any]]:
    """The segments that have numbers, as Unleash writes them."""
    return [
        _written(name, number, segments.segments[name], for_clients=False)
        for name, number in sorted(segments.numbers.items(), key=lambda pair: pair[1])
    ]


def served_segments(
    segments: Mapping[str, Segment],
) -> tuple[NumberedSegments, list[dict[str, Any]]]:
    """The segments as SDKs are served them; what they cannot read has no number."""
    numbered = number_segments(segments)
    numbers: dict[str, int] = {}
    served: list[dict[str, Any]] = []
    for name, number in numbered.numbers.items():
        try:
            served.append(_written(name, number, segments[name], for_clients=True))
        except Inexpressible:
            continue
        numbers[name] = number
    return NumberedSegments(segments=segments, numbers=numbers), served


def _written(name: str, number: int, segment: Segment, *, for_clients: bool) -> dict[str, Any]:
    constraints = constraints_of(segment) or ()
    if for_clients:
        constraints = tuple(_told(name, constraints))
    return {
        "id": number,
        "name": name,
        "description": segment.description,
        "constraints": [written_constraint(each, for_clients=for_clients) for each in constraints],
    }


def _told(name: str, constraints: tuple[Constraint, ...]) -> Iterator[Constraint]:
    """Constraints as SDKs can be told them.

    Raises:
        Inexpressible: some are several alternatives then, which are for the rules to spell out.
    """
    for constraint in constraints:
        told = client_terms(constraint)
        if len(told) > 1:
            raise Inexpressible(f"segment {name} folds the case of very many values")
        yield from (each for each in told[0] if isinstance(each, Constraint))
