"""Compatibility: what breaks it is named, and what is judged compatible never breaks anybody."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.compatibility import breaks

Found = list[tuple[str, str]]


def found(old: Any, new: Any, direction: Any = "backward") -> Found:
    return [(each.pointer, each.code) for each in breaks(old, new, direction=direction)]


def obj(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def closed(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {**obj(required, **properties), "additionalProperties": False}


TEXT, NUMBER, INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
CAT = obj(("kind",), kind={"const": "cat"}, lives=INTEGER)
DOG = obj(("kind",), kind={"const": "dog"}, barks={"type": "boolean"})
TREE = {"$ref": "#/$defs/t", "$defs": {"t": obj((), next={"$ref": "#/$defs/t"}, value=INTEGER)}}
WIDER_TREE = {
    "$ref": "#/$defs/t",
    "$defs": {"t": obj((), next={"$ref": "#/$defs/t"}, value=NUMBER)},
}

COMPATIBLE = [
    (INTEGER, NUMBER),
    (TEXT, {"type": ["string", "null"]}),
    (TEXT, True),
    (False, TEXT),
    ({"enum": ["a", "b"]}, {"enum": ["b", "a", "c"]}),
    ({"enum": ["a", "b"]}, TEXT),
    ({"const": [1, "x"]}, {"type": "array", "items": {"type": ["integer", "string"]}}),
    ({"enum": [1, 2.5]}, {"minimum": 1, "maximum": 2.5}),
    ({"const": {"a": 1}}, obj(("a",), a=INTEGER)),
    ({"type": "integer", "minimum": 5}, {"type": "number", "exclusiveMinimum": 4}),
    ({"multipleOf": 6}, {"multipleOf": 3}),
    (INTEGER, {"type": "number", "multipleOf": 1}),
    ({"type": "string", "maxLength": 3}, {"type": "string", "maxLength": 4}),
    (obj(("a", "b"), a=TEXT), obj(("a",), a=TEXT)),
    (closed(a=TEXT), closed(a=TEXT, b=TEXT)),
    (closed(a=TEXT), obj(a=TEXT)),
    (closed(("a",), a=INTEGER), closed(("a",), a=NUMBER)),
    ({"anyOf": [TEXT, INTEGER]}, {"anyOf": [NUMBER, TEXT]}),
    ({"anyOf": [TEXT, INTEGER]}, {"type": ["string", "number"]}),
    ({"type": ["string", "null"]}, {"anyOf": [TEXT, {"type": "null"}]}),
    ({"oneOf": [CAT]}, {"oneOf": [CAT, DOG]}),
    ({"oneOf": [CAT, DOG]}, {"anyOf": [DOG, CAT]}),
    ({"allOf": [INTEGER, {"minimum": 1}]}, {"type": "integer", "minimum": 0}),
    (INTEGER, {"not": TEXT}),
    (TREE, WIDER_TREE),
    (
        {"type": "array", "prefixItems": [TEXT], "items": INTEGER},
        {"type": "array", "items": {"type": ["string", "number"]}},
    ),
    (
        {"type": "array", "prefixItems": [TEXT], "items": False},
        {"type": "array", "prefixItems": [TEXT, INTEGER], "items": TEXT},
    ),
    ({"if": TEXT, "then": {"minLength": 2}}, {"if": TEXT, "then": {"minLength": 2}, "title": "x"}),
    ({"type": "array", "maxItems": 1}, {"uniqueItems": True}),
    ({"patternProperties": {"^x": INTEGER}}, {"patternProperties": {"^x": NUMBER}}),
    (closed(xa=INTEGER, b=TEXT), {"patternProperties": {"^x": NUMBER}}),
    (closed(a=TEXT, bb=TEXT), {"propertyNames": {"maxLength": 2}}),
    (obj(("a", "b")), {"dependentRequired": {"a": ["b"]}}),
    ({"$anchor": "me", "title": "a"}, {"$anchor": "me", "title": "b"}),
]


@pytest.mark.parametrize(("old", "new"), COMPATIBLE)
def test_what_takes_at_least_the_same_is_backward_compatible(old: Any, new: Any) -> None:
    assert found(old, new) == []
    assert found(new, old, "forward") == []


BREAKING = [
    (NUMBER, INTEGER, "/type", "type-narrowed"),
    ({"type": ["string", "null"]}, TEXT, "/type", "type-narrowed"),
    (True, TEXT, "/type", "type-narrowed"),
    (TEXT, False, "", "schema-narrowed"),
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, "/enum", "enum-narrowed"),
    (TEXT, {"const": "a"}, "/const", "const-narrowed"),
    ({"minimum": 1}, {"minimum": 2}, "/minimum", "minimum-narrowed"),
    ({"minimum": 1}, {"exclusiveMinimum": 1}, "/exclusiveMinimum", "exclusiveMinimum-narrowed"),
    ({"maximum": 2}, {"maximum": 1}, "/maximum", "maximum-narrowed"),
    ({"multipleOf": 3}, {"multipleOf": 6}, "/multipleOf", "multipleOf-narrowed"),
    (TEXT, {"type": "string", "maxLength": 9}, "/maxLength", "maxLength-narrowed"),
    (TEXT, {"type": "string", "pattern": "^a"}, "/pattern", "pattern-narrowed"),
    (TEXT, {"type": "string", "format": "email"}, "/format", "format-narrowed"),
    (obj(a=TEXT), obj(("a",), a=TEXT), "/required", "required-added"),
    (obj(), obj(a=TEXT), "/properties/a/type", "type-narrowed"),
    (obj(a=TEXT), closed(a=TEXT), "/additionalProperties", "additionalProperties-narrowed"),
    (
        closed(a=TEXT, b=TEXT),
        closed(a=TEXT),
        "/additionalProperties",
        "additionalProperties-narrowed",
    ),
    (
        obj(a=obj(b=NUMBER)),
        obj(a=obj(b=INTEGER)),
        "/properties/a/properties/b/type",
        "type-narrowed",
    ),
    ({"items": NUMBER}, {"items": INTEGER}, "/items/type", "type-narrowed"),
    (
        {"type": "array"},
        {"type": "array", "uniqueItems": True},
        "/uniqueItems",
        "uniqueItems-narrowed",
    ),
    ({"anyOf": [TEXT, INTEGER]}, {"anyOf": [TEXT]}, "/anyOf", "anyOf-narrowed"),
    (WIDER_TREE, TREE, "/$defs/t/properties/value/type", "type-narrowed"),
    ({"contains": TEXT}, {"contains": {"type": "null"}}, "/contains", "unproven"),
    ({"oneOf": [CAT, DOG]}, {"oneOf": [CAT, DOG, obj(("kind",))]}, "/oneOf", "unproven"),
    (
        obj(a=TEXT),
        {**obj(a=TEXT), "unevaluatedProperties": False},
        "/unevaluatedProperties",
        "unproven",
    ),
    (
        {"anyOf": [obj(a=TEXT), obj(b=TEXT)], "unevaluatedProperties": False},
        {"unevaluatedProperties": False},
        "/unevaluatedProperties",
        "unproven",
    ),
    (
        {"oneOf": [{"prefixItems": [TEXT]}, {"maxItems": 2}], "unevaluatedItems": False},
        {"unevaluatedItems": False},
        "/unevaluatedItems",
        "unproven",
    ),
    ({}, {"not": TEXT}, "/not", "unproven"),
    ({}, {"$dynamicRef": "#"}, "/$dynamicRef", "unproven"),
]


@pytest.mark.parametrize(("old", "new", "pointer", "code"), BREAKING)
def test_what_takes_less_is_named_where_it_does(
    old: Any, new: Any, pointer: str, code: str
) -> None:
    assert (pointer, code) in found(old, new)


def test_forward_breaks_point_into_the_new_schema() -> None:
    assert found(obj(("a",), a=INTEGER), obj(a=NUMBER), "forward") == [
        ("/required", "required-removed"),
        ("/properties/a/type", "type-widened"),
    ]


def test_every_break_is_told_not_only_the_first() -> None:
    old, new = obj(a=TEXT, b=NUMBER), obj(("b",), a=INTEGER, b=INTEGER)
    assert found(old, new) == [
        ("/required", "required-added"),
        ("/properties/a/type", "type-narrowed"),
        ("/properties/b/type", "type-narrowed"),
    ]


def test_a_proof_that_would_not_end_is_given_up() -> None:
    old = {"allOf": [{"anyOf": [obj((f"{m}-{n}",)) for n in range(9)]} for m in range(9)]}
    assert found(old, {"type": "object", "minProperties": 10}) == [("", "unproven")]


def test_what_refers_to_itself_without_end_ends() -> None:
    assert found({"$ref": "#", "title": "a"}, {"$ref": "#", "title": "b"}) == [("", "unproven")]
    assert found(TEXT, {"anyOf": [{"$ref": "#"}]}) == [("/anyOf", "anyOf-narrowed")]


# Values are few, so that a wrong proof meets the value that shows it. They are drawn from a seed,
# because drawing such schemas choice by choice costs a hundred times as much as judging them.

NAMES = ["a", "b", "xa"]
NUMBERS = [0, 1, 2, 2.5, -1, 3, 6]
TEXTS = ["", "a", "b", "xa", "abc", "a@b.org"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]

COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
SOME: dict[str, Sequence[Any]] = {
    "type": [*TYPES, ["string", "null"], ["integer", "array"], ["number", "object", "boolean"]],
    "multipleOf": [1, 2, 3, 0.5],
    "pattern": ["^a", "a$", "^[ab]$", "^x"],
    "format": ["email", "ipv4"],
    "uniqueItems": [True, True, False],
    "$ref": ["#", "#/$defs/a", "#/$defs/b"],
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS),
    **dict.fromkeys((*COUNTS, "minContains", "maxContains"), range(4)),
}
"""Keywords whose values are drawn from a few."""


class Draw(Random):
    """Draws schemas and values from a seed."""

    def value(self, depth: int = 3) -> Any:
        kind = self.randrange(7 if depth else 5)
        if kind == 5:
            return [self.value(depth - 1) for _ in range(self.randrange(4))]
        if kind == 6:
            return {name: self.value(depth - 1) for name in self.some(NAMES)}
        return [None, self.random() < 0.5, *self.choices(NUMBERS, k=2), self.choice(TEXTS)][kind]

    def some(self, of: Sequence[str]) -> list[str]:
        return self.sample(of, self.randrange(len(of)))

    def schema(self, depth: int = 3) -> Any:
        if not depth or self.random() < 0.1:
            return self.choice([True, False, {}, {"type": self.choice(TYPES)}])
        return {
            word: self.keyword(word, depth - 1)
            for word in self.sample(WORDS, self.choice([1, 1, 2, 3, 4]))
        }

    def root(self) -> Any:
        return {**self.body(), "$defs": {"a": self.schema(), "b": self.schema(2)}}

    def body(self) -> dict[str, Any]:
        schema = self.schema()
        return schema if isinstance(schema, dict) else {}

    def keyword(self, word: str, depth: int) -> Any:
        if word in SOME:
            return self.choice(SOME[word])
        if word in {"enum", "const"}:
            values = [self.value(2) for _ in range(self.randint(1, 3))]
            return values if word == "enum" else values[0]
        if word in {"prefixItems", "allOf", "anyOf", "oneOf"}:
            return [self.schema(depth) for _ in range(self.randint(1, 3))]
        if word in {"properties", "dependentSchemas", "patternProperties"}:
            names = ["^a", "^x", "."] if word == "patternProperties" else NAMES
            return {name: self.schema(depth) for name in self.some(names)}
        if word == "required":
            return self.some(NAMES)
        if word == "dependentRequired":
            return {name: self.some(NAMES) for name in self.some(NAMES)}
        return self.schema(depth)

    def pair(self) -> tuple[Any, Any]:
        """Two schemas, the second often the first with one thing changed."""
        old, change = self.root(), self.body()
        inner = {name: value for name, value in old.items() if name != "$defs"}
        kind = self.randrange(5)
        if kind == 0:
            return old, {**old, **change}
        if kind == 1:
            kept = self.some(list(inner)) if inner else []
            return old, {"$defs": old["$defs"], **{name: inner[name] for name in kept}}
        if kind == 2:
            word = self.choice(["anyOf", "oneOf", "allOf"])
            return old, {word: [inner, change], "$defs": old["$defs"]}
        if kind == 3:
            return old, {**self.root(), "$defs": old["$defs"]}
        return old, self.root()


WORDS = [
    "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength", "maxLength", "pattern", "format", "minItems", "maxItems",
    "uniqueItems", "prefixItems", "items", "contains", "maxContains", "minContains", "properties",
    "patternProperties", "additionalProperties", "propertyNames", "required", "minProperties",
    "maxProperties", "dependentRequired", "dependentSchemas", "unevaluatedProperties",
    "unevaluatedItems", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref",
    "type", "properties", "items", "required", "anyOf", "enum",
]  # fmt: skip


def validator(schema: Any) -> jsonschema_rs.Draft202012Validator | None:
    try:
        return jsonschema_rs.Draft202012Validator(json.dumps(schema), validate_formats=True)
    except jsonschema_rs.ValidationError:
        return None


def _endless(schema: Any) -> bool:
    """Whether a schema refers to itself without going down in the value."""
    return _reaches(schema, schema, frozenset())


IN_PLACE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")


def _reaches(root: Any, schema: Any, seen: frozenset[str]) -> bool:
    if not isinstance(schema, dict):
        return False
    if (reference := schema.get("$ref")) is not None:
        if reference in seen:
            return True
        target = root if reference == "#" else root["$defs"][reference[-1]]
        if _reaches(root, target, seen | {reference}):
            return True
    for word in IN_PLACE:
        inner = schema.get(word)
        each = inner if isinstance(inner, list) else [inner]
        if word == "dependentSchemas" and isinstance(inner, dict):
            each = list(inner.values())
        if any(_reaches(root, one, seen) for one in each):
            return True
    return False


@settings(max_examples=500)
@given(st.integers(0, 2**64))
def test_what_is_judged_compatible_takes_every_value(seed: int) -> None:
    draw = Draw(seed)
    old, new = draw.pair() if draw.random() < 0.5 else draw.pair()[::-1]
    if _endless(old) or _endless(new):
        return
    before, after = validator(old), validator(new)
    if before is None or after is None or breaks(old, new, direction="backward"):
        return
    for value in (draw.value() for _ in range(30)):
        assert not before.is_valid(value) or after.is_valid(value), (old, new, value)
