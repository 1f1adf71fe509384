"""The validator's promises: every fault with its pointer, no network, no endless pattern."""

import json
from typing import Any

import pytest

from adapters.schemas.validator import JsonSchemaValidator
from application.schemas import ValueFault

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


def test_a_large_value_is_not_held_against_a_heavy_pattern(validator: JsonSchemaValidator) -> None:
    schema = json.dumps({"pattern": "[ab]*a[ab]{900}c"})
    assert validator.check(schema) == []
    for size, code in ((10, "pattern"), (70_000, "pattern-time")):
        assert [each.code for each in validator.faults(schema, "ab", size=size)] == [code]
