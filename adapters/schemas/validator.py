"""Validates against JSON Schema 2020-12 without ever fetching a schema or hanging on a pattern.

Patterns run on an engine that needs linear time; those that need look-around or back-references
run on one that gives up after so many steps, and then that is a fault. What remains is a pattern
of thousands of states over a large text: such a schema takes smaller values only.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema_rs

from adapters.schemas.faults import value_faults
from application.schemas import MOST_FAULTS, ValueFault
from domain import exact_json
from domain.exact_json import Unreadable, escaped
from domain.rejections import Fault

LARGEST_SCHEMA = 131_072
"""Bytes."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_KEPT = 256
_LARGEST_PATTERN = 100_000  # bytes of the compiled program
_HEAVY_PATTERN = 10_000
_LARGEST_FOR_HEAVY = 65_536  # bytes of a value that a heavy pattern may be run over
_STEPS = 10_000  # of an engine that backtracks, for one text
_CHOICES = ("anyOf", "oneOf", "allOf")
_MOST_LOOKS = 2_000
_COUNTED = re.compile(r"\{\d*,?\d\d+\}")
_ENGINE = jsonschema_rs.FancyRegexOptions(backtrack_limit=_STEPS, size_limit=_LARGEST_PATTERN)
_LIGHT = jsonschema_rs.FancyRegexOptions(backtrack_limit=_STEPS, size_limit=_HEAVY_PATTERN)


@dataclass(frozen=True)
class Compiled:
    """A schema made ready; `largest` bytes of a value may be held against it (None: any).

    `forms` is how often a value may be looked at for each level of its nesting.
    """

    validator: jsonschema_rs.Draft202012Validator
    largest: int | None
    forms: int

    def can_tell_why(self, value: Any) -> bool:
        """Whether all faults can be found in time.

        That a value is wrong is found at once. Why is told for every form that it might have had,
        and where a schema refers to itself from several forms, for every form of every form.
        """
        return self.forms == 1 or self.forms ** _depth(value) <= _MOST_LOOKS


class JsonSchemaValidator:
    """Implements `application.schemas.SchemaValidator`; keeps what it has compiled."""

    def __init__(self) -> None:
        """Start with nothing compiled."""
        self._compiled: OrderedDict[str, Compiled] = OrderedDict()

    def check(self, document: str) -> list[Fault]:
        """See `SchemaValidator`."""
        if len(document.encode(errors="replace")) > LARGEST_SCHEMA:
            return [_whole("size", f"is larger than {LARGEST_SCHEMA} bytes")]
        try:
            schema = exact_json.read(document)
        except Unreadable as error:
            return list(error.faults)
        if not isinstance(schema, dict | bool):
            return [_whole("type", "a schema is an object, or true or false")]
        return list(_dialect_faults(schema, "")) or self._compile_faults(document)

    def faults(self, document: str, value: Any, *, size: int = 0) -> list[ValueFault]:
        """See `SchemaValidator`."""
        compiled = self._compile(document)
        if compiled.largest is not None and size > compiled.largest:
            detail = f"is larger than the {compiled.largest} bytes that its patterns may run over"
            return [ValueFault(pointer="", code="pattern-time", detail=detail)]
        if compiled.validator.is_valid(value):
            return []
        if not compiled.can_tell_why(value):
            detail = "fits no form, and is nested too deep to say of every form why not"
            return [ValueFault(pointer="", code="complexity", detail=detail)]
        return list(islice(value_faults(compiled.validator, value), MOST_FAULTS))

    def _compile_faults(self, document: str) -> list[Fault]:
        try:
            self._compile(document)
        except jsonschema_rs.ValidationError as error:
            pointer = "".join(f"/{escaped(str(part))}" for part in error.instance_path)
            if error.kind.name == "format":
                detail = "is no pattern, or one that is too large to run"
                return [Fault(pointer=pointer, code="pattern", detail=detail)]
            code = "reference" if error.kind.name == "$ref" else error.kind.name
            return [Fault(pointer=pointer, code=code, detail=error.message[:500])]
        except (jsonschema_rs.ReferencingError, ValueError) as error:
            return [_whole("schema", str(error).splitlines()[0][:500])]
        return []

    def _compile(self, document: str) -> Compiled:
        compiled = self._compiled.get(document)
        if compiled is None:
            compiled = _compiled(document)
            self._compiled[document] = compiled
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(document)
        return compiled


def _compiled(document: str) -> Compiled:
    forms = _forms(json.loads(document)) if "Ref" in document or "$ref" in document else 1
    if not _COUNTED.search(document):
        return Compiled(_validator(document, _ENGINE), None, forms)
    try:
        return Compiled(_validator(document, _LIGHT), None, forms)
    except jsonschema_rs.ValidationError:
        return Compiled(_validator(document, _ENGINE), _LARGEST_FOR_HEAVY, forms)


def _forms(schema: Any) -> int:
    """The most forms that any part of a schema leaves to choose from."""
    if isinstance(schema, dict):
        lists = [schema[word] for word in _CHOICES if isinstance(schema.get(word), list)]
        return max([1, *map(len, lists), *map(_forms, schema.values())])
    return max(map(_forms, schema), default=1) if isinstance(schema, list) else 1


def _depth(value: Any) -> int:
    """How deep arrays and objects lie in each other."""
    deep, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        deep += 1
        level = [i for each in level for i in (each.values() if isinstance(each, dict) else each)]
    return deep


def _validator(
    document: str, engine: jsonschema_rs.FancyRegexOptions
) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        document, validate_formats=True, pattern_options=engine, offline=True
    )


def _dialect_faults(schema: Any, pointer: str) -> Iterator[Fault]:
    """A schema of another draft would be read by the rules of this one, and mean another thing."""
    named = schema.get("$schema") if isinstance(schema, dict) else None
    if isinstance(named, str) and named.rstrip("#") != DIALECT:
        detail = f"only {DIALECT} is known here"
        yield Fault(pointer=f"{pointer}/$schema", code="dialect", detail=detail)


def _whole(code: str, detail: str) -> Fault:
    return Fault(pointer="", code=code, detail=detail)
