"""What is known of all values of the narrow schema, of one JSON type at a time.

Everything here may know too little, never too much: a keyword that is not understood is left
out, and leaves the schema wider than it is.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from domain.compatibility.documents import Part
from domain.exact_json import equal, kind_of

TYPES = ("null", "boolean", "number", "string", "array", "object")

_PORTABLE = re.compile(r"[\w \-^$.*+?()\[\]|{},:/@#=<>!;'\"%&]*", re.ASCII)
_TROUBLE = re.compile(r"\{,|\[\[|&&|--|\|\||\(\?|\)[*+?{]")
_UNBOUNDED = re.compile(r"[*+{]")
_LONGEST, _MOST_UNBOUNDED = 100, 3
"""Which patterns are tried: those that mean the same to every engine and take no time."""


_FEW: dict[str, list[Any]] = {"null": [None], "boolean": [False, True]}


def type_of(value: Any) -> str:
    """The JSON type of a value; integers are numbers."""
    kind = kind_of(value)
    return "number" if kind == "integer" else kind


def types_of(schema: dict[str, Any]) -> frozenset[str]:
    """The types that the `type` keyword lets through; integers count as numbers."""
    named = schema.get("type", TYPES)
    names = [named] if isinstance(named, str) else named
    return frozenset("number" if name == "integer" else name for name in names)


def only_integers(schema: dict[str, Any]) -> bool:
    """Whether of numbers the `type` keyword lets only integers through."""
    named = schema.get("type", ())
    names = [named] if isinstance(named, str) else named
    return "integer" in names and "number" not in names


def matches(pattern: str, text: str) -> bool | None:
    """Whether a text matches a pattern, None where engines might differ or take long."""
    if not (text.isascii() and text.isprintable() and len(text) <= _LONGEST >= len(pattern)):
        return None
    if not _PORTABLE.fullmatch(pattern) or _TROUBLE.search(pattern):
        return None
    if len(_UNBOUNDED.findall(pattern)) > _MOST_UNBOUNDED:
        return None
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return None


class Narrow:
    """Schemas that all hold, for values of one type."""

    def __init__(self, parts: Sequence[Part], type_: str) -> None:
        """`parts` as `Document.conjuncts` gives them."""
        self.parts = parts
        self.type = type_

    @property
    def pointer(self) -> str:
        """Where the first of the schemas stands."""
        return self.parts[0].pointer if self.parts else ""

    @property
    def is_empty(self) -> bool:
        """Whether no value of the type is possible."""
        return any(self.type not in types_of(part.schema) for part in self.parts)

    def values(self) -> list[Any] | None:
        """All values that are possible, where they are listed."""
        listed: list[Any] | None = None
        for part in self.parts:
            for candidates in _listed(part.schema):
                here = [value for value in candidates if type_of(value) == self.type]
                listed = (
                    here
                    if listed is None
                    else [value for value in listed if any(equal(value, other) for other in here)]
                )
        if listed is None:
            return _FEW.get(self.type)
        return listed

    def all(self, keyword: str) -> list[Any]:
        """The keyword's values in all schemas that have it."""
        return [part.schema[keyword] for part in self.parts if keyword in part.schema]

    def most(self, keyword: str) -> Any:
        """The largest value of a keyword, None where it is not there."""
        return max(self.all(keyword), default=None)

    def least(self, keyword: str) -> Any:
        """The smallest value of a keyword, None where it is not there."""
        return min(self.all(keyword), default=None)

    @property
    def integers(self) -> bool:
        """Whether all numbers are integers."""
        return any(only_integers(part.schema) for part in self.parts) or any(
            factor == int(factor) for factor in self.all("multipleOf")
        )

    @property
    def required(self) -> set[str]:
        """Members that every object has."""
        return {name for names in self.all("required") for name in names}

    @property
    def names(self) -> set[str]:
        """Members that the schemas name."""
        return {name for members in self.all("properties") for name in members}

    @property
    def patterns(self) -> set[str]:
        """Patterns of members' names that the schemas name."""
        return {name for members in self.all("patternProperties") for name in members}

    def member(self, name: str) -> list[Part]:
        """The schemas that the member of this name satisfies."""
        return [found for part in self.parts for found in _member(part, name)]

    def matching(self, pattern: str) -> list[Part]:
        """The schemas that members satisfy whose names match this very pattern."""
        return [
            part.below("patternProperties", pattern)
            for part in self.parts
            if pattern in part.schema.get("patternProperties", ())
        ]

    def others(self) -> list[Part]:
        """The schemas that members satisfy whose names nobody names."""
        return [
            part.below("additionalProperties")
            for part in self.parts
            if "additionalProperties" in part.schema
        ]

    def item(self, index: int) -> list[Part]:
        """The schemas that the item at an index satisfies."""
        return [found for part in self.parts for found in _item(part, index)]

    @property
    def positions(self) -> int:
        """Up to which index items have schemas of their own."""
        return max((len(each) for each in self.all("prefixItems")), default=0)


class Exact(dict[str, Any]):
    """A schema for one value alone, in keywords that say all about it."""


def exactly(value: Any) -> Exact:
    """The schema for one value alone."""
    schema = Exact({"type": type_of(value), "const": value})
    match value:
        case bool() | None:
            pass
        case int() | Decimal() | float():
            schema |= {"minimum": value, "maximum": value, "multipleOf": abs(value) or 1}
        case str():
            schema |= {"minLength": len(value), "maxLength": len(value)}
        case list():
            count = len(value)
            schema |= {
                "prefixItems": [exactly(each) for each in value],
                "items": False,
                "minItems": count,
                "maxItems": count,
            }
        case dict():
            schema |= {
                "properties": {name: exactly(each) for name, each in value.items()},
                "required": list(value),
                "additionalProperties": False,
                "minProperties": len(value),
                "maxProperties": len(value),
            }
    return schema


def _listed(schema: dict[str, Any]) -> list[list[Any]]:
    found = [schema["enum"]] if "enum" in schema else []
    return [*found, [schema["const"]]] if "const" in schema else found


def _member(part: Part, name: str) -> list[Part]:
    found, is_other = [], True
    if name in part.schema.get("properties", ()):
        found.append(part.below("properties", name))
        is_other = False
    for pattern in part.schema.get("patternProperties", ()):
        fits = matches(pattern, name)
        if fits:
            found.append(part.below("patternProperties", pattern))
        is_other = is_other and fits is False
    if is_other and "additionalProperties" in part.schema:
        found.append(part.below("additionalProperties"))
    return found


def _item(part: Part, index: int) -> list[Part]:
    if index < len(part.schema.get("prefixItems", ())):
        return [part.below("prefixItems", index)]
    return [part.below("items")] if "items" in part.schema else []
