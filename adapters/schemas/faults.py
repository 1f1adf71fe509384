"""The validator's findings in one form: pointer, stable code, facts, a sentence, what came.

Codes are the keywords of JSON Schema that a value has failed, so that they outlive the library;
`forbidden` is what a schema `false` answers to any value.
"""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from application.schemas import ValueFault
from domain.exact_json import escaped, kind_of

_LIMITS = {
    "minimum": "must be at least {limit}",
    "maximum": "must be at most {limit}",
    "exclusiveMinimum": "must be more than {limit}",
    "exclusiveMaximum": "must be less than {limit}",
    "minLength": "must have at least {limit} characters",
    "maxLength": "must have at most {limit} characters",
    "minItems": "must have at least {limit} items",
    "maxItems": "must have at most {limit} items",
    "minProperties": "must have at least {limit} members",
    "maxProperties": "must have at most {limit} members",
}
_CONTAINS = {
    "contains": "has no item of the kind that it must contain",
    "minContains": "has too few items of the kind that it must contain",
    "maxContains": "has too many items of the kind that it may contain",
}
_LONGEST = 200  # characters of a value that a sentence repeats


def value_faults(validator: jsonschema_rs.Draft202012Validator, value: Any) -> Iterator[ValueFault]:
    """Everything that is wrong with a value; several faults may be told by one finding."""
    try:
        for error in validator.iter_errors(value):
            yield from _faults(error, value)
    except UnicodeEncodeError:
        yield ValueFault(pointer="", code="surrogate", detail="contains a lone surrogate")


def first_faults(validator: jsonschema_rs.Draft202012Validator, value: Any) -> Iterator[ValueFault]:
    """The first thing that is found wrong with a value."""
    try:
        validator.validate(value)
    except ValidationError as error:
        yield from _faults(error, value)
    except UnicodeEncodeError:
        yield ValueFault(pointer="", code="surrogate", detail="contains a lone surrogate")


def _faults(error: ValidationError, root: Any) -> Iterator[ValueFault]:
    path = list(error.instance_path)
    match error.kind:
        case Kind.Required(property=name):
            code = "dependentRequired" if _keyword(error) == "dependentRequired" else "required"
            yield _fault([*path, name], code, "is required", None, {"property": name})
        case Kind.AdditionalProperties(unexpected=names):
            yield from _unknown(path, "additionalProperties", names, root)
        case Kind.UnevaluatedProperties(unexpected=names):
            yield from _unknown(path, "unevaluatedProperties", names, root)
        case Kind.FalseSchema() if _keyword(error) == "additionalProperties":
            yield from _unknown(path, "additionalProperties", list(_at(root, path)), root)
        case Kind.PropertyNames(error=inner):
            name = str(inner.instance)
            for each in _faults(inner, inner.instance):
                facts = {"property": name, "rule": each.code, **each.params}
                detail = f"is no name that is allowed here: it {each.detail}"
                yield _fault([*path, name], "propertyNames", detail, "string", facts)
        case _:
            code, detail, facts = _told(error)
            yield ValueFault(
                pointer=_pointer(path),
                code=code,
                detail=detail,
                params=facts,
                received=kind_of(_at(root, path)),
                alternatives=_alternatives(error, root),
            )


def _unknown(
    path: Sequence[str | int], code: str, names: Sequence[str], root: Any
) -> Iterator[ValueFault]:
    for name in names:
        received = kind_of(_at(root, [*path, name]))
        yield _fault([*path, name], code, "is not known here", received, {"property": name})


def _alternatives(error: ValidationError, root: Any) -> tuple[tuple[ValueFault, ...], ...]:
    match error.kind:
        case Kind.AnyOf(context=branches) | Kind.OneOfNotValid(context=branches):
            return tuple(
                tuple(fault for each in branch for fault in _faults(each, root))
                for branch in branches
            )
    return ()


def _told(error: ValidationError) -> tuple[str, str, dict[str, Any]]:  # noqa: C901, PLR0911, PLR0912 - one case per keyword, and nothing else
    """The code, the sentence and the facts of one finding."""
    match error.kind:
        case Kind.Type(types=types):
            return "type", f"must be {_either(types)}", {"expected": types}
        case Kind.Enum(options=options):
            detail = f"must be one of {_either(list(map(_short, options)))}"
            return "enum", detail[:500], {"allowed": options}
        case Kind.Constant(expected_value=expected):
            return "const", f"must be {_short(expected)}", {"expected": expected}
        case Kind.Pattern(pattern=pattern):
            return "pattern", f"must match the pattern {pattern[:_LONGEST]}", {"pattern": pattern}
        case Kind.Format(format=name):
            return "format", f"must be a valid {name}", {"format": name}
        case Kind.MultipleOf(multiple_of=factor):
            return "multipleOf", f"must be a multiple of {factor}", {"factor": factor}
        case Kind.UniqueItems():
            return "uniqueItems", "must not have the same item twice", {}
        case Kind.Contains():
            code = _keyword(error)
            return code, _CONTAINS.get(code, _CONTAINS["contains"]), {}
        case Kind.AnyOf(context=branches) | Kind.OneOfNotValid(context=branches):
            code = _keyword(error)
            detail = f"fits none of the {len(branches)} forms that are allowed"
            return code, detail, {"forms": len(branches)}
        case Kind.OneOfMultipleValid(context=branches):
            fits = [index for index, branch in enumerate(branches) if not branch]
            return "oneOf", "fits more than one of the forms", {"fits": fits}
        case Kind.Not():
            return "not", "has a form that is not allowed", {}
        case Kind.FalseSchema():
            return "forbidden", "is not allowed here", {}
        case Kind.UnevaluatedItems():
            return "unevaluatedItems", "has items that are not known here", {}
        case Kind.BacktrackLimitExceeded() | Kind.RegexEngineFailure():
            return "pattern-time", "took a pattern more steps than are allowed", {}
    limit = getattr(error.kind, "limit", None)
    name = error.kind.name
    if name in _LIMITS:
        return name, _LIMITS[name].format(limit=limit), {"limit": limit}
    return name, error.message[:500], {}


def _fault(
    path: Sequence[str | int],
    code: str,
    detail: str,
    received: str | None,
    params: dict[str, Any],
) -> ValueFault:
    return ValueFault(
        pointer=_pointer(path), code=code, detail=detail, params=params, received=received
    )


def _keyword(error: ValidationError) -> str:
    return str(error.schema_path[-1]) if error.schema_path else error.kind.name


def _either(words: Sequence[str]) -> str:
    """Words as a choice; a list of none, which a schema may give, leaves nothing to choose."""
    *others, last = words or ["nothing"]
    return f"{', '.join(others)} or {last}" if others else last


def _short(value: Any) -> str:
    text = str(value) if isinstance(value, Decimal) else repr(value)
    match value:
        case None | bool():
            text = {None: "null", True: "true", False: "false"}[value]
        case str():
            text = f'"{value}"'
        case dict() | list():
            text = json.dumps(value, ensure_ascii=False, default=float)
    return text[:_LONGEST]


def _at(root: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        root = root[part]
    return root


def _pointer(path: Sequence[str | int]) -> str:
    return "".join("/" + escaped(str(part)) for part in path)
