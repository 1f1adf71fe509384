"""The validator's promises: every fault with its pointer, no network, no endless pattern."""

import pytest

from adapters.schemas.validator import JsonSchemaValidator

SCHEMA = {
    "type": "object",
    "properties": {"a/b": {"type": "integer"}, "mail": {"format": "email"}},
    "required": ["to"],
}


@pytest.fixture
def validator() -> JsonSchemaValidator:
    return JsonSchemaValidator()


def test_a_valid_value_has_no_fault(validator: JsonSchemaValidator) -> None:
    assert validator.validate(SCHEMA, {"to": "x", "a/b": 1}) == []


def test_every_fault_is_told_with_its_pointer(validator: JsonSchemaValidator) -> None:
    faults = validator.validate(SCHEMA, {"a/b": "x", "mail": "nobody"})
    found = {(fault.pointer, fault.code) for fault in faults}
    assert found == {("/a~1b", "type"), ("/mail", "format"), ("/to", "required")}


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
    assert [fault.pointer for fault in validator.check(schema)] == [pointer]


def test_a_pattern_that_backtracks_without_end_is_a_fault(validator: JsonSchemaValidator) -> None:
    faults = validator.validate({"pattern": r"^(?=(a+)+$)(a|aa)+$"}, "a" * 5000 + "!")
    assert len(faults) == 1
