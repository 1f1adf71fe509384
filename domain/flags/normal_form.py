"""Conditions turned round, and taken apart into lists of constraints that must hold together."""

from collections.abc import Iterable, Iterator

import msgspec

from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint, InSegment

Term = tuple[Constraint | InSegment, ...]
"""Constraints that must all hold."""

MOST_TERMS = 100


class TooManyTerms(ValueError):  # noqa: N818 - a fact about a condition
    """Taken apart, the condition has more than `MOST_TERMS` terms."""


_OPPOSITES = {"IN": "NOT_IN", "NOT_IN": "IN"}


def negated(condition: Condition) -> Condition:
    """The condition that holds exactly where this one does not."""
    match condition:
        case Constraint():
            opposite = _OPPOSITES.get(condition.operator)
            if opposite is not None:
                return msgspec.structs.replace(condition, operator=opposite)
            return msgspec.structs.replace(condition, inverted=not condition.inverted)
        case InSegment():
            return msgspec.structs.replace(condition, inverted=not condition.inverted)
        case AllOf():
            return AnyOf(of=tuple(negated(each) for each in condition.of))
        case AnyOf():
            return AllOf(of=tuple(negated(each) for each in condition.of))


def terms(condition: Condition, *, disjoint: bool = False) -> list[Term]:
    """Terms of which one holds exactly where the condition does; `disjoint`: only ever one.

    Raises:
        TooManyTerms: there would be more than the bound.
    """
    match condition:
        case Constraint() | InSegment():
            return [(condition,)]
        case AllOf():
            return terms_of_all(condition.of, disjoint=disjoint)
        case AnyOf():
            return _bounded(_alternatives(condition, disjoint=disjoint))


def _alternatives(condition: AnyOf, *, disjoint: bool) -> Iterator[Term]:
    for index, each in enumerate(condition.of):
        if disjoint:
            earlier = (negated(other) for other in condition.of[:index])
            yield from terms_of_all((*earlier, each), disjoint=True)
        else:
            yield from terms(each)


def terms_of_all(conditions: Iterable[Condition], *, disjoint: bool = False) -> list[Term]:
    """The terms of conditions that must all hold."""
    return product(terms(each, disjoint=disjoint) for each in conditions)


def product(factors: Iterable[list[Term]]) -> list[Term]:
    """Every way to take a term of each factor, put together.

    Raises:
        TooManyTerms: there would be more than the bound.
    """
    product: list[Term] = [()]
    for factor in factors:
        product = _bounded((*one, *other) for one in product for other in factor)
    return product


def _bounded(found: Iterable[Term]) -> list[Term]:
    kept: list[Term] = []
    for term in found:
        if len(kept) == MOST_TERMS:
            raise TooManyTerms
        kept.append(term)
    return kept
