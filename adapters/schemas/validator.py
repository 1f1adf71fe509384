"""Validates against JSON Schema 2020-12 without ever fetching a schema or hanging on a pattern.

Patterns run on an engine that needs linear time; those that need look-around or back-references
run on one that gives up after so many steps, and then that is a fault. What remains is a pattern
of thousands of states over a large text: such a schema takes smaller values only.

The library cannot be stopped, and tells all faults or one. So what a value may cost is reckoned
first: a look takes 10 ns where only the verdict is asked for, and a fault 15 microseconds.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec

from adapters.schemas.effort import Effort
from adapters.schemas.faults import first_faults, value_faults
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
_MOST_LOOKS = 30_000_000  # for the verdict on one value
_TELLS_ALL = 10_000  # looks that may all end in faults
_COUNTS = 500_000  # looks after which the faults may be counted first
_TELLS_ONE = 5_000_000
_COUNTED = re.compile(r"\{\d*,?\d\d+\}")
_ENGINE = jsonschema_rs.FancyRegexOptions(backtrack_limit=_STEPS, size_limit=_LARGEST_PATTERN)
_LIGHT = jsonschema_rs.FancyRegexOptions(backtrack_limit=_STEPS, size_limit=_HEAVY_PATTERN)


@dataclass(frozen=True)
class Compiled:
    """A schema made ready; `largest` bytes of a value may be held against it (None: any)."""

    validator: jsonschema_rs.Draft202012Validator
    largest: int | None
    effort: Effort

    def can_tell(self, value: Any, size: int) -> bool:
        """Whether a verdict on a value is found in time."""
        most = _MOST_LOOKS // self.effort.once
        return 0 < size <= 2 * most or _parts(value) <= most

    def findings(self, value: Any) -> list[ValueFault]:
        """Why a value is wrong: everything, or one thing where everything would not end."""
        looks = self.effort.at(_depth(value)) * _parts(value)
        if looks <= _TELLS_ALL or (looks <= _COUNTS and self._are_few(value)):
            return list(islice(value_faults(self.validator, value), MOST_FAULTS))
        if looks <= _TELLS_ONE and not self.effort.has_forms:
            return list(islice(first_faults(self.validator, value), MOST_FAULTS))
        detail = "is wrong, and too large or nested too deep to say of every form why"
        return [ValueFault(pointer="", code="complexity", detail=detail)]

    def _are_few(self, value: Any) -> bool:
        return len(self.validator.evaluate(value).errors()) <= _TELLS_ALL


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
        if compiled.largest is not None and (size or _size(value)) > compiled.largest:
            detail = f"is larger than the {compiled.largest} bytes that its patterns may run over"
            return [ValueFault(pointer="", code="pattern-time", detail=detail)]
        if not compiled.can_tell(value, size):
            detail = "is too large for the number of forms that the schema would try it on"
            return [ValueFault(pointer="", code="complexity", detail=detail)]
        return [] if compiled.validator.is_valid(value) else compiled.findings(value)

    def _compile_faults(self, document: str) -> list[Fault]:
        try:
            looks = self._compile(document).effort.once
        except jsonschema_rs.ValidationError as error:
            pointer = "".join(f"/{escaped(str(part))}" for part in error.instance_path)
            if error.kind.name == "format":
                detail = "is no pattern, or one that is too large to run"
                return [Fault(pointer=pointer, code="pattern", detail=detail)]
            code = "reference" if error.kind.name == "$ref" else error.kind.name
            return [Fault(pointer=pointer, code=code, detail=error.message[:500])]
        except (jsonschema_rs.ReferencingError, ValueError) as error:
            return [_whole("schema", str(error).splitlines()[0][:500])]
        if looks > _MOST_LOOKS:
            return [_whole("complexity", "its forms refer to each other in too many ways to try")]
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
    schema = json.loads(document)
    if not _COUNTED.search(json.dumps(schema)):  # not in the text, which may write { as an escape
        return Compiled(_validator(document, _ENGINE), None, Effort(schema))
    try:
        return Compiled(_validator(document, _LIGHT), None, Effort(schema))
    except jsonschema_rs.ValidationError:
        return Compiled(_validator(document, _ENGINE), _LARGEST_FOR_HEAVY, Effort(schema))


def _depth(value: Any) -> int:
    """How deep arrays and objects lie in each other."""
    deep, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        deep += 1
        level = [i for each in level for i in (each.values() if isinstance(each, dict) else each)]
    return deep


def _parts(value: Any) -> int:
    """How many values a value is made of, with itself."""
    count, todo = 0, [value]
    while todo:
        each = todo.pop()
        count += 1
        if isinstance(each, dict):
            todo += each.values()
        elif isinstance(each, list):
            todo += each
    return count


def _size(value: Any) -> int:
    return len(msgspec.json.encode(value))


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
