"""Definitions in flagd's words, and contexts to ask them with."""

from typing import Any

from hypothesis import strategies as st

from tests.support.flagd_oracle import TIME, Context

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


plain_comparisons = st.sampled_from(
    [
        {"==": [{"var": "tier"}, "gold"]},
        {"in": [{"var": "country"}, ["de", "at"]]},
        {"!": [{"in": [{"var": "country"}, ["ch", "li"]]}]},
        {"in": ["@faas.com", {"var": "email"}]},
        {"starts_with": [{"var": "user.name"}, "a"]},
        {"ends_with": [{"var": "user.name"}, "z"]},
        {">": [{"var": "age"}, 18]},
        {"==": [{"var": "size"}, 1.5]},
        {"!=": [{"var": "plan"}, None]},
        {"sem_ver": [{"var": "version"}, ">=", "1.2.3"]},
        {">=": [{"var": "$flagd.timestamp"}, TIME]},
        {"$ref": "shared"},
        {"!": [{"$ref": "shared"}]},
    ]
)
distinct = st.lists(plain_comparisons, min_size=2, max_size=3, unique_by=repr)
plain_tests = st.one_of(
    plain_comparisons,
    distinct.map(lambda parts: {"and": parts}),
    distinct.map(lambda parts: {"or": parts}),
)
plain_outcomes = st.one_of(
    st.sampled_from(["b", "c"]),
    st.builds(
        lambda by, weight: {"fractional": [*by, ["a", weight], ["b", 7], ["c", 0]]},
        bucketing,
        weights,
    ),
)


@st.composite
def plain_definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Documents without anything that could be said in fewer words."""
    kinds = [
        {"a": "A", "b": "B", "c": ""},
        {"a": 1, "b": 0.5, "c": 7},
        {"a": {}, "b": {"x": [1]}, "c": {"y": None}},
    ]
    chain = draw(st.lists(st.tuples(plain_tests, plain_outcomes), max_size=3, unique_by=repr))
    flag: dict[str, Any] = {
        "state": draw(st.sampled_from(["ENABLED", "DISABLED"])),
        "variants": draw(st.sampled_from(kinds)),
        "defaultVariant": "a",
    }
    if chain:
        flag["targeting"] = {"if": [*(part for pair in chain for part in pair), None]}
    if draw(st.booleans()):
        flag["metadata"] = {"description": "Says something", "owner": "ann", "version": "17"}
    return {
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": {"flag": flag},
        "$evaluators": {"shared": {"==": [{"var": "team"}, "ours"]}},
    }
