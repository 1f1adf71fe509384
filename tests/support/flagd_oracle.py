"""What JsonLogic says of flagd's definitions, and what we say of them.

The evaluator here follows the operators' definitions (jsonlogic.com, flagd.dev) and knows nothing
of our conditions, so that the two can be held against each other.
"""

from datetime import UTC, datetime
from typing import Any

import mmh3

from domain.flags.context import make_context
from domain.flags.documents import FlagSet
from domain.flags.evaluation import Evaluation, compile_flag
from domain.flags.outcomes import NOT_FOUND
from domain.flags.readings import version as version_of
from domain.flags.state import Flag

ENVIRONMENT = "production"
TIME = 1_772_366_400  # 2026-03-01T12:00:00Z
Context = dict[str, Any]


def flags_of(found: FlagSet) -> dict[str, Flag]:
    return {
        key: Flag(
            about=each.about,
            settings={ENVIRONMENT: each.setting},
            stale=each.stale,
            archived=each.archived,
        )
        for key, each in found.flags.items()
    }


def served(found: FlagSet, key: str, context: Context) -> Evaluation:
    flag = flags_of(found)[key]
    evaluate = compile_flag(
        key, flag, ENVIRONMENT, found.segments, lambda _key, _context: NOT_FOUND
    )
    at = datetime.fromtimestamp(TIME, UTC)
    return evaluate(make_context(context, at=at, seed="seed"))


def variant_of(found: FlagSet, key: str, context: Context) -> str | None:
    evaluation = served(found, key, context)
    assert evaluation.error is None
    return evaluation.variant.name if evaluation.variant else None


def resolved(document: dict[str, Any], key: str, context: Context) -> str | None:
    """The name of the variant that flagd would serve; None for the caller's own default."""
    flag = document["flags"][key]
    data = {**context, "$flagd": {"flagKey": key, "timestamp": TIME}}
    result = None
    if flag.get("targeting") not in (None, {}):
        result = evaluated(flag["targeting"], data, document.get("$evaluators", {}))
    if result is None:
        return flag.get("defaultVariant")
    name = {True: "true", False: "false"}[result] if isinstance(result, bool) else result
    assert name in flag["variants"]
    return name


def evaluated(logic: Any, data: Context, evaluators: dict[str, Any]) -> Any:
    if not isinstance(logic, dict):
        return logic
    ((operator, said),) = logic.items()
    if operator == "$ref":
        return evaluated(evaluators[said], data, evaluators)
    if operator == "var":
        return _variable(said, data)
    operands = said if isinstance(said, list) else [said]

    def value(index: int) -> Any:
        return evaluated(operands[index], data, evaluators)

    if operator == "if":
        return _chosen(operands, data, evaluators)
    if operator in {"and", "or"}:
        found = None
        for index in range(len(operands)):
            found = value(index)
            if bool(found) == (operator == "or"):
                return found
        return found
    if operator == "fractional":
        return _fractional(operands, data, evaluators)
    return _compared(operator, [value(index) for index in range(len(operands))])


def _variable(said: Any, data: Context) -> Any:
    name, *default = said if isinstance(said, list) else [said]
    value: Any = data
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return default[0] if value is None and default else value


def _chosen(operands: list[Any], data: Context, evaluators: dict[str, Any]) -> Any:
    rest = operands
    while len(rest) > 1:
        test, then, *rest = rest
        if evaluated(test, data, evaluators):
            return evaluated(then, data, evaluators)
    return evaluated(rest[0], data, evaluators) if rest else None


def _fractional(operands: list[Any], data: Context, evaluators: dict[str, Any]) -> Any:
    entries = operands
    key, bucketed = data["$flagd"]["flagKey"], None
    if not isinstance(operands[0], list):
        first, *entries = operands
        parts = first.get("cat", [first])
        found = [evaluated(part, data, evaluators) for part in parts]
        keyed = "".join("" if each is None else each for each in found)
        bucketed = keyed if "cat" in first else found[0]
    if bucketed is None:
        if data.get("targetingKey") is None:
            return None
        bucketed = key + data["targetingKey"]
    weighted = [(each[0], each[1] if len(each) > 1 else 1) for each in entries]
    bucket = mmh3.hash(bucketed, 0, signed=False) * sum(w for _, w in weighted) >> 32
    for name, weight in weighted:
        bucket -= weight
        if bucket < 0:
            return name
    raise AssertionError


def _number(value: Any) -> float:
    if value is None:
        return 0.0
    return float(value)


def _compared(operator: str, values: list[Any]) -> Any:
    if operator in {"!", "!!"}:
        return bool(values[0]) == (operator == "!!")
    if operator == "sem_ver":
        return _versions(*values)
    if operator in {"<", "<="} and len(values) > 2:
        return _BINARY[operator](*values[:2]) and _BINARY[operator](*values[1:])
    return _BINARY[operator](*values)


def _equal(one: Any, other: Any) -> bool:
    return isinstance(one, str) == isinstance(other, str) and one == other


_BINARY = {
    "==": _equal,
    "===": _equal,
    "!=": lambda one, other: not _equal(one, other),
    "!==": lambda one, other: not _equal(one, other),
    "<": lambda one, other: _number(one) < _number(other),
    "<=": lambda one, other: _number(one) <= _number(other),
    ">": lambda one, other: _number(one) > _number(other),
    ">=": lambda one, other: _number(one) >= _number(other),
    "in": lambda one, other: None not in (one, other) and one in other,
    "starts_with": lambda one, other: isinstance(one, str) and one.startswith(other),
    "ends_with": lambda one, other: isinstance(one, str) and one.endswith(other),
}


def _versions(one: Any, operator: str, other: str) -> bool:
    try:
        a, b = version_of(one or ""), version_of(other)
    except ValueError:
        return False
    return {
        "=": a == b,
        "!=": a != b,
        "<": a < b,
        "<=": a <= b,
        ">": a > b,
        ">=": a >= b,
        "^": a[0] == b[0],
        "~": a[:2] == b[:2],
    }[operator]
