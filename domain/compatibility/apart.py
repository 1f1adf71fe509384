"""Whether no value satisfies both of two schemas: what tells the forms of a choice apart."""

from collections.abc import Sequence

from domain.compatibility.documents import Document, Part
from domain.compatibility.narrow import TYPES, Narrow
from domain.exact_json import equal

_DEEPEST = 4  # members within members that forms are told apart by


class Apart:
    """Shows for parts of two documents that they have no value in common."""

    def __init__(self, one: Document, other: Document) -> None:
        """The documents that the parts belong to."""
        self._one = one
        self._other = other

    def __call__(self, parts: Sequence[Part], others: Sequence[Part], depth: int = 0) -> bool:
        """Whether it can be shown."""
        mine, theirs = _flat(self._one, parts), _flat(self._other, others)
        if mine is None or theirs is None:
            return True
        return all(
            self._typed(Narrow(mine, type_), Narrow(theirs, type_), depth) for type_ in TYPES
        )

    def _typed(self, one: Narrow, other: Narrow, depth: int) -> bool:
        if one.is_empty or other.is_empty:
            return True
        mine, theirs = one.values(), other.values()
        if mine is not None and theirs is not None:
            return not any(equal(each, value) for each in mine for value in theirs)
        return one.type == "object" and depth < _DEEPEST and self._by_member(one, other, depth)

    def _by_member(self, one: Narrow, other: Narrow, depth: int) -> bool:
        """Whether a member that is always there cannot be what both say."""
        return any(
            self(one.member(name), other.member(name), depth + 1)
            for name in sorted(one.required | other.required)
        )


def _flat(document: Document, parts: Sequence[Part]) -> list[Part] | None:
    found: list[Part] = []
    for part in parts:
        flat = document.conjuncts(part)
        if flat is None:
            return None
        found += flat
    return found
