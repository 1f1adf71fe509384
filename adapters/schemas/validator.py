"""Validates against JSON Schema 2020-12 without ever fetching a schema or hanging on a pattern."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import jsonschema_rs
import msgspec

from domain.rejections import Fault

_KEPT = 256
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000, size_limit=1_000_000)


class JsonSchemaValidator:
    """Implements `application.actions.SchemaValidator`; keeps what it has compiled."""

    def __init__(self) -> None:
        """Start with nothing compiled."""
        self._compiled: OrderedDict[bytes, jsonschema_rs.Draft202012Validator] = OrderedDict()

    def check(self, schema: Any) -> list[Fault]:
        """What is wrong with a schema, at pointers into it."""
        if not isinstance(schema, dict | bool):
            detail = "a schema is an object, or true or false"
            return [Fault(pointer="", code="type", detail=detail)]
        try:
            self._compile(schema)
        except jsonschema_rs.ValidationError as error:
            return [_fault(error)]
        except (jsonschema_rs.ReferencingError, ValueError) as error:
            return [Fault(pointer="", code="schema", detail=str(error).splitlines()[0])]
        return []

    def validate(self, schema: Any, value: Any) -> list[Fault]:
        """What is wrong with a value, at pointers into it."""
        return [_fault(error) for error in self._compile(schema).iter_errors(value)]

    def _compile(self, schema: dict[str, Any] | bool) -> jsonschema_rs.Draft202012Validator:  # noqa: FBT001 - a schema may be one
        key = msgspec.json.encode(schema)
        validator = self._compiled.get(key)
        if validator is None:
            validator = jsonschema_rs.Draft202012Validator(
                schema, validate_formats=True, pattern_options=_PATTERNS, offline=True
            )
            self._compiled[key] = validator
            if len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(key)
        return validator


def _fault(error: jsonschema_rs.ValidationError) -> Fault:
    path = list(error.instance_path)
    code = error.kind.name
    if code == "required":  # point at what is missing, as a person looks for it
        path.append(error.kind.property)  # type: ignore[attr-defined]
    return Fault(pointer=pointer(path), code=code, detail=error.message[:500])


def pointer(path: Iterable[str | int]) -> str:
    """A JSON Pointer (RFC 6901) from its unescaped parts."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
