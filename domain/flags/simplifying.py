"""Conditions put together without what says nothing, so that people can read what was read."""

from collections.abc import Iterable
from itertools import groupby

import msgspec

from domain.flags.conditions import EVERYONE, MOST_VALUES, AllOf, AnyOf, Condition, Constraint
from domain.flags.normal_form import negated

NOBODY = AnyOf(of=())
"""The condition that never holds."""

_MERGEABLE = {"IN", "STR_CONTAINS", "STR_STARTS_WITH", "STR_ENDS_WITH"}


def there(field: str) -> Constraint:
    """The context says something of the field."""
    return Constraint(field=field, operator="STR_CONTAINS", values=("",))


def absent(field: str) -> Constraint:
    """The context says nothing of the field."""
    return msgspec.structs.replace(there(field), inverted=True)


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Every condition holds."""
    parts: dict[Condition, None] = {}
    for each in conditions:
        parts |= dict.fromkeys(each.of if isinstance(each, AllOf) else (each,))
    if NOBODY in parts or _has_opposites(parts):
        return NOBODY
    kept = _without_needless_presence(parts)
    return kept[0] if len(kept) == 1 else AllOf(of=tuple(kept)) if kept else EVERYONE


def any_of(conditions: Iterable[Condition]) -> Condition:
    """At least one condition holds."""
    parts: dict[Condition, None] = {}
    for each in conditions:
        parts |= dict.fromkeys(each.of if isinstance(each, AnyOf) else (each,))
    if EVERYONE in parts or _has_opposites(parts):
        return EVERYONE
    kept = _with_values_together(parts)
    return kept[0] if len(kept) == 1 else AnyOf(of=tuple(kept))


def _has_opposites(parts: dict[Condition, None]) -> bool:
    """Whether one of two parts holds whatever the context is, and never both."""
    return any(isinstance(each, Constraint) and negated(each) in parts for each in parts)


def opposite(condition: Condition) -> Condition:
    """The condition that holds exactly where this one does not."""
    match condition:
        case AllOf():
            return any_of(opposite(each) for each in condition.of)
        case AnyOf():
            return all_of(opposite(each) for each in condition.of)
        case _:
            return negated(condition)


def needs_presence(constraint: Constraint) -> bool:
    """Whether a context without the field cannot fit."""
    return not constraint.inverted and constraint.operator != "NOT_IN"


def _without_needless_presence(parts: Iterable[Condition]) -> list[Condition]:
    """Leave out that a field is there where a comparison of it says so too."""
    present = {each.field for each in parts if isinstance(each, Constraint) and _says_there(each)}
    if not present:
        return list(parts)
    gaps = {absent(field) for field in present}
    kept = [
        any_of(way for way in each.of if way not in gaps) if isinstance(each, AnyOf) else each
        for each in parts
    ]
    needless = {
        there(each.field)
        for each in kept
        if isinstance(each, Constraint) and not _says_there(each) and needs_presence(each)
    }
    return [each for each in kept if each not in needless]


def _says_there(constraint: Constraint) -> bool:
    return constraint == there(constraint.field)


def _with_values_together(parts: Iterable[Condition]) -> list[Condition]:
    """Comparisons of one field, one behind the other, become one with the values of all."""
    kept: list[Condition] = []
    for first, run in groupby(parts, _alike):
        if first is None:
            kept += run
            continue
        values = tuple(
            dict.fromkeys(
                value for each in run if isinstance(each, Constraint) for value in each.values
            )
        )
        kept += [
            msgspec.structs.replace(first, values=values[start : start + MOST_VALUES])
            for start in range(0, len(values), MOST_VALUES)
        ]
    return kept


def _alike(part: Condition) -> Constraint | None:
    """What comparisons that can be put together have in common."""
    if (
        not isinstance(part, Constraint)
        or part.operator not in _MERGEABLE
        or part.inverted
        or _says_there(part)
        or not part.values
    ):
        return None
    return msgspec.structs.replace(part, values=())
