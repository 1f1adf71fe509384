"""Definitions in flagd's words, contexts to ask them with, and what JsonLogic says of them.

The evaluator here follows the operators' definitions (jsonlogic.com, flagd.dev) and knows nothing
of our conditions, so that the two can be held against each other.
"""

from typing import Any

import mmh3
from hypothesis import strategies as st

from domain.flags.readings import version as version_of

TIME = 1_772_366_400  # 2026-03-01T12:00:00Z
Context = dict[str, Any]


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


TEXT_FIELDS = ["email", "user.name", "targetingKey"]
TEXTS = ["a@faas.com", "b@x.org", "ann", "5c3d", ""]
VERSIONS = ["1.0.0", "1.2.3", "1.3.0-rc.1", "2.0.0", "1.2.0-0"]

text_fields = st.sampled_from(TEXT_FIELDS).flatmap(
    lambda name: st.sampled_from([{"var": name}, {"var": [name]}, {"var": [name, "ann"]}])
)
numbers = st.sampled_from([-1, 0, 5, 17.5, 18])
number_fields = st.sampled_from([{"var": "age"}, {"var": ["age"]}, {"var": ["age", 18]}])
texts = st.sampled_from(TEXTS)
moments = st.sampled_from([TIME - 1, TIME, TIME + 1, TIME - 0.5])
either_way = st.sampled_from([lambda a, b: [a, b], lambda a, b: [b, a]])


def _binary(operators: list[str], left: Any, right: Any) -> Any:
    return st.builds(
        lambda operator, order, a, b: {operator: order(a, b)},
        st.sampled_from(operators),
        either_way,
        left,
        right,
    )


comparisons = st.one_of(
    _binary(["==", "===", "!=", "!=="], text_fields, texts),
    _binary(["==", "!="], text_fields, st.none()),
    _binary(["==", "!=", "<", "<=", ">", ">="], number_fields, numbers),
    _binary(["==", "!="], st.just({"var": "beta"}), st.booleans()),
    _binary(["<", "<=", ">", ">="], st.just({"var": "$flagd.timestamp"}), moments),
    st.builds(
        lambda operator, a, field, b: {operator: [a, field, b]},
        st.sampled_from(["<", "<="]),
        numbers,
        number_fields,
        numbers,
    ),
    st.builds(lambda field, some: {"in": [field, some]}, text_fields, st.lists(texts, max_size=3)),
    st.builds(lambda text, field: {"in": [text, field]}, texts, text_fields),
    st.builds(
        lambda operator, field, text: {operator: [field, text]},
        st.sampled_from(["starts_with", "ends_with"]),
        text_fields,
        texts,
    ),
    st.builds(
        lambda operator, version: {"sem_ver": [{"var": "version"}, operator, version]},
        st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "^", "~"]),
        st.sampled_from(VERSIONS),
    ),
    st.sampled_from([{"==": [{"var": "$flagd.flagKey"}, "flag"]}, {"!!": [{"var": "beta"}]}]),
)
yes_or_no = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"and": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"or": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"!": [part]}, inner),
        st.builds(lambda part: {"!!": part}, inner),
    ),
    max_leaves=4,
)
tests = st.one_of(
    yes_or_no,
    yes_or_no,
    st.sampled_from([True, False, {"var": "email"}, {"$ref": "shared"}, {"!": {"$ref": "shared"}}]),
)
weights = st.sampled_from([1, 10, 25, 33])
entries = st.lists(
    st.builds(lambda name, weight: [name, weight], st.sampled_from(["a", "b", "true"]), weights),
    min_size=1,
    max_size=3,
)
bucketing = st.sampled_from(
    [
        [],
        [{"var": "email"}],
        [{"var": "targetingKey"}],
        [{"cat": [{"var": "$flagd.flagKey"}, {"var": "user.name"}]}],
    ]
)
leaves = st.one_of(
    st.sampled_from(["a", "b", None, True, False]),
    st.builds(lambda by, spread: {"fractional": [*by, *spread]}, bucketing, entries),
    yes_or_no,
)
targetings = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda test, then: {"if": [test, then]}, tests, inner),
        st.builds(lambda test, then, other: {"if": [test, then, other]}, tests, inner, inner),
        st.builds(
            lambda test, then, test2, then2, other: {"if": [test, then, test2, then2, other]},
            tests,
            inner,
            tests,
            inner,
            inner,
        ),
    ),
    max_leaves=4,
)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    flag = {
        "state": "ENABLED",
        "variants": {"a": "A", "b": "B", "true": "yes", "false": "no"},
        "defaultVariant": draw(st.sampled_from(["a", "b"])),
        "targeting": draw(targetings),
    }
    return {"flags": {"flag": flag}, "$evaluators": {"shared": draw(yes_or_no)}}


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    context: Context = {}
    if draw(st.booleans()):
        context["targetingKey"] = draw(st.sampled_from([*TEXTS, "one", "two", "three"]))
    if draw(st.booleans()):
        context["email"] = draw(texts)
    if draw(st.booleans()):
        context["user"] = {"name": draw(texts)}
    if draw(st.booleans()):
        context["age"] = draw(st.sampled_from([-2, 0, 5, 17, 18, 18.5]))
    if draw(st.booleans()):
        context["beta"] = draw(st.booleans())
    if draw(st.booleans()):
        context["version"] = draw(st.sampled_from([*VERSIONS, "1.2", "x"]))
    return context
