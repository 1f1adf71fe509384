"""Membership whatever the case, as Unleash's SDKs are told it.

Not every SDK folds the case of IN and NOT_IN. A few values are one pattern, which spells out every
letter whose small form is the value's, so that no engine's own idea of case counts. Thousands of
values as patterns take an SDK a second to load, and some thousand more are too many for it. They
are compared by their ends, which SDKs fold as we do, in one strategy for each length: of two texts
of one length, one that ends as the other is the other.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby

import msgspec

from domain.flags.conditions import Constraint
from domain.flags.normal_form import Term

SHORT = 2000
"""Characters of values that are one pattern: it loads in some ten milliseconds."""

MOST_LENGTHS = 40
LONGEST_COUNTED = 1000
"""Characters that a pattern of RE2 can count."""

_DOTTED, _DOT = "\u0130", "\u0307"
"""The one capital whose small form is two characters, and the second of these."""

_LAST_CASED = 0x1F000
"""No character from here on has a case."""


def folded_terms(constraint: Constraint) -> list[Term]:
    """IN or NOT_IN whatever the case, as terms: one holds where it does, and only ever one."""
    small = {value.lower() for value in constraint.values}
    values = sorted(small, key=lambda text: (len(text), text))
    sized = _sized(values)
    spelt = set(values).difference(*sized.values())
    patterns = [_matches(constraint, _any_of(part)) for part in _parts(sorted(spelt))]
    if (constraint.operator == "IN") != constraint.inverted:
        ends = [(_counts(constraint, [size]), _ends(constraint, sized[size])) for size in sized]
        return [*((pattern,) for pattern in patterns), *ends]
    others = tuple(map(_inverted, patterns))
    if not sized:
        return [others]
    differ = [
        (_counts(constraint, [size]), _inverted(_ends(constraint, sized[size]))) for size in sized
    ]
    return [
        (_inverted(_counts(constraint, sized)), *others),
        *((*each, *others) for each in differ),
    ]


def _sized(values: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """The values that are compared by their ends, by their lengths; none where a pattern does.

    A text with the dotted capital is longer when it is small, so that its length says nothing. It
    ends as no value without such a dot.
    """
    if sum(map(len, values)) <= SHORT:
        return {}
    plain = [
        value
        for value in values
        if 0 < len(value) <= LONGEST_COUNTED and _DOT not in value and not value.endswith("\\")
    ]
    found = {size: tuple(part) for size, part in groupby(plain, len)}
    return found if len(found) <= MOST_LENGTHS else {}


def _parts(values: Sequence[str]) -> Iterator[list[str]]:
    """The values in parts of which each makes a pattern that loads."""
    part: list[str] = []
    for value in values:
        if part and sum(map(len, part)) + len(value) > 10 * SHORT:
            yield part
            part = []
        part.append(value)
    if part:
        yield part


def _matches(constraint: Constraint, pattern: str) -> Constraint:
    return Constraint(field=constraint.field, operator="REGEX", values=(f"^(?:{pattern})$",))


def _counts(constraint: Constraint, sizes: Iterable[int]) -> Constraint:
    """That the text has one of these lengths."""
    return _matches(constraint, "|".join(rf"[\s\S]{{{size}}}" for size in sizes))


def _ends(constraint: Constraint, values: tuple[str, ...]) -> Constraint:
    return Constraint(
        field=constraint.field, operator="STR_ENDS_WITH", values=values, case_insensitive=True
    )


def _inverted(constraint: Constraint) -> Constraint:
    return msgspec.structs.replace(constraint, inverted=True)


def _any_of(values: Iterable[str]) -> str:
    return "|".join(map(_spelt_out, values))


def _spelt_out(value: str) -> str:
    """A pattern of exactly the texts that become the value when they are made small."""
    pieces = []
    place = 0
    while place < len(value):
        if value.startswith(f"i{_DOT}", place):
            pieces.append(f"(?:{_DOTTED}|[Ii]{_DOT})")
            place += 2
        else:
            pieces.append(_letter(value, place))
            place += 1
    return "".join(pieces)


def _letter(value: str, place: int) -> str:
    letter = value[place]
    others = [
        each
        for each in _capitals().get(letter, ())
        if f"{value[:place]}{each}{value[place + 1 :]}".lower() == value
    ]
    if letter == "ς" and f"{value[:place]}Σ{value[place + 1 :]}".lower() == value:
        others.append("Σ")  # by itself it becomes the other small sigma
    return f"[{letter}{''.join(others)}]" if others else re.escape(letter)


@cache
def _capitals() -> dict[str, list[str]]:
    """The characters that become a single other one when they are made small, by that."""
    found: dict[str, list[str]] = {}
    for character in map(chr, range(_LAST_CASED)):
        small = character.lower()
        if small != character and len(small) == 1:
            found.setdefault(small, []).append(character)
    return found
