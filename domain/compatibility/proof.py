"""The proof that every value of a narrow schema is a value of a wide one.

One type at a time, every keyword of the wide schema must follow from what is known of the narrow
one. Where that fails and the narrow schema is a list of values or a choice of several forms, each
value and each form is proven by itself.

A pair of schemas that is met again further down in the value is taken as proven while it is being
proven: a value is finite, so the smallest one that refuted the pair would have a smaller one in it.
"""

from collections.abc import Sequence
from typing import Any

from domain.compatibility.apart import Apart
from domain.compatibility.arrays import array_breaks
from domain.compatibility.choices import choice_breaks
from domain.compatibility.documents import Document, Part
from domain.compatibility.findings import Break, Direction, broken, unproven
from domain.compatibility.narrow import TYPES, Exact, Narrow, exactly, only_integers, types_of
from domain.compatibility.objects import object_breaks
from domain.compatibility.scalars import number_breaks, string_breaks
from domain.exact_json import equal

_MOST_STEPS = 10_000  # a quarter of a second
_MOST_VALUES = 200
_MOST_BREAKS = 50

_ONLY = {type_: Part("", {"type": type_}) for type_ in TYPES}
_RULES = {
    "number": number_breaks,
    "string": string_breaks,
    "array": array_breaks,
    "object": object_breaks,
}
_CHOICES = ("anyOf", "oneOf")


class _TooLong(Exception):  # noqa: N818 - an outcome
    """The proof takes more steps than are allowed."""


class Proof:
    """One proof; `direction` says which of the two schemas is the new one."""

    def __init__(self, narrow: Document, wide: Document, direction: Direction) -> None:
        """Nothing is proven yet."""
        self.narrow = narrow
        self.wide = wide
        self.direction = direction
        self.apart = Apart(narrow, wide)
        self._steps = 0
        self._depth = 0
        self._open: dict[tuple[frozenset[int], int], int] = {}
        self._split: dict[int, int] = {}

    def breaks(self) -> list[Break]:
        """Where it fails, each place once."""
        try:
            found = self.contained([self.narrow.root], self.wide.root)
        except (_TooLong, RecursionError):
            reason = "has too many forms to prove that all of them stay valid"
            return [unproven("", reason, self.direction)]
        places = {(each.pointer, each.code): each for each in reversed(found)}
        return list(reversed(places.values()))[:_MOST_BREAKS]

    def contained(self, narrow: Sequence[Part], wide: Part) -> list[Break]:
        """What keeps values of all the narrow parts from being values of the wide one."""
        if wide.schema is True or wide.schema == {}:
            return []
        if any(self.narrow.same(part, self.wide, wide) for part in narrow):
            return []
        parts = self.flat(narrow)
        return [] if parts is None else self._assuming(parts, wide)

    def below(self, narrow: Sequence[Part], wide: Part) -> list[Break]:
        """As `contained`, for members or items of the values that are spoken of."""
        self._depth += 1
        try:
            return self.contained(narrow, wide)
        finally:
            self._depth -= 1

    def beside(self, known: Narrow, wide: Part) -> list[Break]:
        """As `contained`, for the very values that are spoken of."""
        return self.contained([*known.parts, _ONLY[known.type]], wide)

    def flat(self, narrow: Sequence[Part]) -> list[Part] | None:
        """All schemas that hold at once; None where no value satisfies them."""
        parts: dict[int, Part] = {}
        for part in narrow:
            found = self.narrow.conjuncts(part)
            if found is None:
                return None
            parts.update((id(each.schema), each) for each in found)
        self._steps += 1 + len(parts)
        if self._steps > _MOST_STEPS:
            raise _TooLong
        return list(parts.values())

    def impossible(self, narrow: Sequence[Part]) -> bool:
        """Whether no value at all satisfies these parts."""
        parts = self.flat(narrow)
        return parts is None or all(Narrow(parts, type_).is_empty for type_ in TYPES)

    def keeps(self, known: Narrow, wide: Part, *keywords: str) -> bool:
        """Whether a narrow schema has the same keywords, meaning the same."""
        wanted = _only(wide, keywords)
        return any(
            self.narrow.same(_only(part, keywords), self.wide, wanted) for part in known.parts
        )

    def broken(self, known: Narrow, wide: Part, keyword: str, reason: str) -> Break:
        """A break at a keyword, at its place in the new schema."""
        return broken(self._place(known, wide, keyword), keyword, reason, self.direction)

    def unproven(self, known: Narrow, wide: Part, keyword: str) -> Break:
        """A break at a keyword that cannot be shown to keep all values."""
        reason = f"{keyword} cannot be proven to take the same values"
        return unproven(self._place(known, wide, keyword), reason, self.direction)

    def _place(self, known: Narrow, wide: Part, keyword: str) -> str:
        place = wide.pointer if self.direction == "backward" else known.pointer
        return f"{place}/{keyword}" if keyword else place

    def _assuming(self, parts: list[Part], wide: Part) -> list[Break]:
        pair = (frozenset(id(part.schema) for part in parts), id(wide.schema))
        if pair in self._open:
            if self._open[pair] < self._depth:
                return []
            return [unproven(wide.pointer, "refers to itself without end", self.direction)]
        self._open[pair] = self._depth
        try:
            kinds = [known for type_ in TYPES if not (known := Narrow(parts, type_)).is_empty]
            return [found for known in kinds for found in self._typed(known, wide)]
        finally:
            del self._open[pair]

    def _typed(self, known: Narrow, wide: Part) -> list[Break]:
        """For values of one type: value by value, else all at once, else form by form."""
        values = known.values()
        is_one = any(isinstance(part.schema, Exact) for part in known.parts)
        if values is not None and len(values) <= _MOST_VALUES and not is_one:
            return [found for value in values for found in self._exactly(value, known, wide)]
        found = self._at_once(known, wide)
        form = self._form(known) if found else None
        return found if form is None else self._form_by_form(known, *form, wide)

    def _exactly(self, value: Any, known: Narrow, wide: Part) -> list[Break]:
        return self.contained([Part(known.pointer, exactly(value)), *known.parts], wide)

    def _form(self, known: Narrow) -> tuple[Part, str] | None:
        """The first choice that the narrow schema leaves."""
        for part in known.parts:
            for word in _CHOICES:
                if word in part.schema and self._split.get(id(part.schema[word])) != self._depth:
                    return part, word
        return None

    def _form_by_form(self, known: Narrow, part: Part, word: str, wide: Part) -> list[Break]:
        # what no form has evaluated is not what is asked without the forms: left out, it is wider
        gone = {word, "unevaluatedProperties", "unevaluatedItems"}
        rest = Part(part.pointer, {k: v for k, v in part.schema.items() if k not in gone})
        others = [each for each in known.parts if each is not part]
        found: list[Break] = []
        choice = id(part.schema[word])
        before = self._split.get(choice)
        self._split[choice] = self._depth
        try:
            for index in range(len(part.schema[word])):
                form = part.below(word, index)
                found += self.contained([form, rest, *others, _ONLY[known.type]], wide)
        finally:
            if before is None:
                del self._split[choice]
            else:
                self._split[choice] = before
        return found

    def _at_once(self, known: Narrow, wide: Part) -> list[Break]:
        schema = wide.schema
        if schema is False:
            return [self.broken(known, wide, "", "takes nothing here")]
        if known.type not in types_of(schema):
            return [self.broken(known, wide, "type", f"takes no {known.type}")]
        found = self._value_breaks(known, wide)
        if known.type == "number" and only_integers(schema) and not known.integers:
            found.append(self.broken(known, wide, "type", "takes integers only"))
        if known.type in _RULES:
            found += _RULES[known.type](self, known, wide)
        return found + choice_breaks(self, known, wide)

    def _value_breaks(self, known: Narrow, wide: Part) -> list[Break]:
        found = []
        values = known.values()
        for word in ("enum", "const"):
            if word not in wide.schema:
                continue
            allowed = wide.schema[word] if word == "enum" else [wide.schema[word]]
            if values is None:
                found.append(self.broken(known, wide, word, f"takes certain {known.type}s only"))
                continue
            missing = [v for v in values if not any(equal(v, each) for each in allowed)]
            if missing:
                found.append(self.broken(known, wide, word, f"does not take {missing[0]!s:.60}"))
        return found


def _only(part: Part, keywords: Sequence[str]) -> Part:
    return Part(part.pointer, {k: part.schema[k] for k in keywords if k in part.schema})
