"""The validator's promises: every fault with its pointer, no network, no endless pattern."""

import json
from typing import Any

import pytest

from adapters.schemas.validator import JsonSchemaValidator
from application.schemas import MOST_FAULTS, ValueFault

SCHEMA: Any = {
    "type": "object",
    "properties": {"a/b": {"type": "integer"}, "mail": {"format": "email"}},
    "required": ["to"],
}


@pytest.fixture
def validator() -> JsonSchemaValidator:
    return JsonSchemaValidator()


def faults(validator: JsonSchemaValidator, schema: Any, value: Any) -> list[ValueFault]:
    return validator.faults(json.dumps(schema), value)


def test_a_valid_value_has_no_fault(validator: JsonSchemaValidator) -> None:
    assert faults(validator, SCHEMA, {"to": "x", "a/b": 1}) == []


def test_every_fault_is_told_with_its_pointer(validator: JsonSchemaValidator) -> None:
    found = faults(validator, SCHEMA, {"a/b": "x", "mail": "nobody"})
    told = {(fault.pointer, fault.code) for fault in found}
    assert told == {("/a~1b", "type"), ("/mail", "format"), ("/to", "required")}


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "nope"}, "/type"),
        ("text", ""),
        ({"$ref": "http://127.0.0.1:1/schema"}, ""),
        ({"pattern": "("}, "/pattern"),
    ],
)
def test_what_is_no_schema_is_refused(
    validator: JsonSchemaValidator, schema: object, pointer: str
) -> None:
    assert [fault.pointer for fault in validator.check(json.dumps(schema))] == [pointer]


def test_a_pattern_that_backtracks_without_end_is_a_fault(validator: JsonSchemaValidator) -> None:
    found = faults(validator, {"pattern": r"^(?=(a+)+$)(a|aa)+$"}, "a" * 5000 + "!")
    assert len(found) == 1


BRANCHING = {
    "anyOf": [
        {"properties": {"x": {"$ref": "#"}}, "required": ["y"]},
        {"properties": {"x": {"$ref": "#"}}, "required": ["z"]},
    ]
}


@pytest.mark.parametrize(("depth", "code"), [(3, "anyOf"), (60, "complexity")])
def test_why_nothing_fits_is_told_as_long_as_that_ends(
    validator: JsonSchemaValidator, depth: int, code: str
) -> None:
    value: Any = {}
    for _ in range(depth):
        value = {"x": value}
    assert [fault.code for fault in faults(validator, BRANCHING, value)] == [code]


@pytest.mark.parametrize(
    ("options", "detail"),
    [
        ([], "must be one of nothing"),
        ([1], "must be one of 1"),
        (["a", None, {"b": [1.5, True]}], 'must be one of "a", null or {"b": [1.5, true]}'),
    ],
)
def test_a_choice_is_told_as_json_however_many_there_are(
    validator: JsonSchemaValidator, options: list[Any], detail: str
) -> None:
    [fault] = faults(validator, {"enum": options}, 7)
    assert fault.detail == detail


def doubled(levels: int, word: str = "anyOf") -> dict[str, Any]:
    """A schema that looks at one value twice as often with each level, in a way or in another."""
    parts = {f"p{n}": {word: [{"$ref": f"#/$defs/p{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/p0", "$defs": {**parts, f"p{levels}": {"type": "string"}}}


@pytest.mark.parametrize(
    "hidden",
    [
        json.dumps(doubled(40)),
        json.dumps(doubled(40, "allOf")),
        json.dumps(doubled(40)).replace("anyOf", "\\u0061nyOf"),
        json.dumps(doubled(40)).replace('#/$defs/p1"', '#/$defs/p%31"'),
        json.dumps({**doubled(40), "$dynamicAnchor": "here"}),
    ],
)
def test_a_schema_that_would_look_at_a_value_without_end_is_refused(
    validator: JsonSchemaValidator, hidden: str
) -> None:
    assert [fault.code for fault in validator.check(hidden)] == ["complexity"]
    assert [fault.code for fault in validator.faults(hidden, 5)] == ["complexity"]


@pytest.mark.parametrize(
    ("schema", "value", "codes"),
    [
        (doubled(5), 5, {"anyOf"}),
        (doubled(18), 5, {"complexity"}),
        (doubled(18), "a text", set()),
        ({"items": {"type": "string"}}, [1] * 1_000, {"type"}),
        ({"items": {"type": "string"}}, [1] * 300_000, {"type"}),
        ({"items": {"type": "string"}}, ["a"] * 300_000, set()),
        ({"items": {"allOf": [{"type": "string"}] * 3000}}, ["a"] * 100_000, {"complexity"}),
        ({"anyOf": [{"items": {"type": "string"}}, False]}, [1] * 300_000, {"complexity"}),
    ],
)
def test_a_verdict_costs_no_more_than_a_moment_and_what_fits_a_page(
    validator: JsonSchemaValidator, schema: dict[str, Any], value: Any, codes: set[str]
) -> None:
    found = faults(validator, schema, value)
    assert {fault.code for fault in found} == codes
    assert len(found) <= MOST_FAULTS


def test_a_schema_that_refers_to_itself_twice_over_the_same_member_is_no_trap(
    validator: JsonSchemaValidator,
) -> None:
    twice = {
        "properties": {"a": {"$ref": "#"}, "z": {"type": "string"}},
        "patternProperties": {"a": {"$ref": "#"}},
    }
    value: Any = {"z": 5}
    for _ in range(50):
        value = {"a": value}
    assert [fault.code for fault in faults(validator, twice, value)] == ["complexity"]


def test_a_heavy_pattern_is_known_however_it_is_written(validator: JsonSchemaValidator) -> None:
    schema = '{"pattern": "[ab]*a[ab]\\u007b900}c"}'
    assert validator.check(schema) == []
    found = validator.faults(schema, "ab" * 40_000)
    assert [fault.code for fault in found] == ["pattern-time"]


def test_a_large_value_is_not_held_against_a_heavy_pattern(validator: JsonSchemaValidator) -> None:
    schema = json.dumps({"pattern": "[ab]*a[ab]{900}c"})
    assert validator.check(schema) == []
    for size, code in ((10, "pattern"), (70_000, "pattern-time")):
        assert [each.code for each in validator.faults(schema, "ab", size=size)] == [code]
