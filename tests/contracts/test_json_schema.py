"""The published behaviour of JSON Schema 2020-12, case by case.

The cases are those of the JSON Schema organisation's test suite (`json_schema/`, MIT), as the
`jsonschema` 4.26.0 source distribution carries them; a line is a schema and the values that it is
to take or refuse, each as its exact text. `OTHERWISE` says where we decide otherwise, and why.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapters.schemas.validator import JsonSchemaValidator
from domain import exact_json

CASES = Path(__file__).parent / "json_schema" / "draft2020-12.jsonl"

OTHERWISE = {
    "reference": "schemas are never fetched, so what refers to another document is refused",
    "dialect": "a schema of another draft, or of a vocabulary of its own, is refused",
    "format": "formats are asserted, which the standard leaves to whoever validates",
}
"""Why a case does not hold here: the code of the refusal, or `format`."""


class Group(NamedTuple):
    """One schema, and the values that are held against it."""

    file: str
    description: str
    schema: str
    tests: list[dict[str, Any]]


def groups() -> Iterator[Group]:
    for line in CASES.read_text(encoding="utf-8").splitlines():
        yield Group(**json.loads(line))


@pytest.fixture(scope="module")
def validator() -> JsonSchemaValidator:
    return JsonSchemaValidator()


def wrong(validator: JsonSchemaValidator, group: Group) -> Iterator[tuple[str, str]]:
    """The cases of a group that come out otherwise, and why."""
    if refused := validator.check(group.schema):
        yield from ((refused[0].code, test["description"]) for test in group.tests)
        return
    for test in group.tests:
        faults = validator.faults(group.schema, exact_json.read(test["data"]))
        if (not faults) != test["valid"]:
            yield faults[0].code if faults else "accepted", test["description"]


def test_every_case_holds_but_those_that_we_decide_otherwise(
    validator: JsonSchemaValidator,
) -> None:
    counts = dict.fromkeys(OTHERWISE, 0)
    total, others = 0, []
    for group in groups():
        total += len(group.tests)
        for reason, description in wrong(validator, group):
            if reason in counts and (reason != "format" or group.file == "format"):
                counts[reason] += 1
            else:
                others.append((group.file, group.description, description, reason))
    assert others == []
    assert total == 1906
    assert counts == {"reference": 45, "dialect": 9, "format": 19}


@pytest.mark.parametrize(
    "file",
    ["ref", "anchor", "defs", "dynamicRef", "unevaluatedProperties", "unevaluatedItems"],
)
def test_references_within_a_schema_all_hold(validator: JsonSchemaValidator, file: str) -> None:
    """What is refused of these refers to documents that only a network would bring."""
    found = [group for group in groups() if group.file == file]
    assert found
    for group in found:
        refused = validator.check(group.schema)
        assert not refused or "http://localhost:1234/" in group.schema, group.description
        assert refused or not list(wrong(validator, group))
