from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.flags.documents import FlagSet
from domain.flags.unleash import read_unleash, write_unleash
from domain.rejections import Invalid
from tests.support.unleash_documents import ENVIRONMENT, documents, flags_of

IN_DEV = {"contextName": "environment", "operator": "IN", "values": ["dev"]}
VARIANT = {"name": "a", "weight": 1000}


def read(document: Any, environment: str = "production") -> FlagSet:
    return read_unleash(document, environment)


def feature(**said: Any) -> dict[str, Any]:
    return {"version": 2, "features": [{"name": "f", "enabled": True, **said}]}


def strategy(**said: Any) -> dict[str, Any]:
    return feature(strategies=[{"name": "default", **said}])


def faults(document: Any) -> list[tuple[str, str]]:
    """What a document is refused for, or what a flag that works here would be broken by."""
    try:
        found = [fault for flag in read(document).flags.values() for fault in flag.faults]
    except Invalid as refused:
        found = list(refused.faults)
    return [(fault.pointer, fault.code) for fault in found]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([], [("", "type")]),
        ({}, [("/features", "type")]),
        ({"features": "many"}, [("/features", "type")]),
        ({"features": [7]}, [("/features/0", "type")]),
        ({"features": [{}]}, [("/features/0/name", "type")]),
        ({"features": [{"name": ""}]}, [("/features/0/name", "type")]),
        (
            {"features": [{"name": "f"}, {"name": "f"}]},
            [("/features/1/name", "duplicate")],
        ),
        (feature(enabled="yes"), [("/features/0/enabled", "type")]),
        (feature(strategies={}), [("/features/0/strategies", "type")]),
        (feature(strategies=[{}]), [("/features/0/strategies/0/name", "type")]),
        (strategy(parameters=[]), [("/features/0/strategies/0/parameters", "type")]),
        (
            strategy(parameters={"a/b": []}),
            [("/features/0/strategies/0/parameters/a~1b", "type")],
        ),
        (
            strategy(constraints=[{**IN_DEV, "operator": "LIKE"}]),
            [("/features/0/strategies/0/constraints/0/operator", "unknown-operator")],
        ),
        (
            strategy(constraints=[{"contextName": "a", "operator": "NUM_EQ", "values": ["1"]}]),
            [("/features/0/strategies/0/constraints/0/value", "type")],
        ),
        (
            strategy(constraints=[{"contextName": "a", "operator": "IN", "values": "x"}]),
            [("/features/0/strategies/0/constraints/0/values", "type")],
        ),
        (strategy(segments=[1]), [("/features/0/strategies/0/segments/0", "unknown-segment")]),
        (strategy(segments=[True]), [("/features/0/strategies/0/segments/0", "type")]),
        (
            feature(variants=[{"name": "a", "weight": 1}, {"name": "a", "weight": 2}]),
            [("/features/0/variants/1/name", "duplicate")],
        ),
        (
            feature(variants=[{"name": "a", "weight": -1}, {"name": "b", "weight": 1001}]),
            [("/features/0/variants/0/weight", "range")],
        ),
        (
            feature(variants=[{**VARIANT, "payload": {"type": "xml", "value": "<a/>"}}]),
            [("/features/0/variants/0/payload/type", "unknown-type")],
        ),
        (
            feature(variants=[{**VARIANT, "payload": {"type": "json", "value": {}}}]),
            [("/features/0/variants/0/payload/value", "type")],
        ),
        (
            feature(strategies=[{"name": "ours"}]),
            [("/features/0/strategies/0/name", "unknown-strategy")],
        ),
        (
            feature(strategies=[{"name": "flexibleRollout", "parameters": {"rollout": "101"}}]),
            [("/features/0/strategies/0/parameters/rollout", "range")],
        ),
        (
            strategy(
                constraints=[
                    IN_DEV,
                    {"contextName": "a", "operator": "REGEX", "value": "("},
                    {"contextName": "a", "operator": "IN_CIDR", "values": ["::1", "x"]},
                    {"contextName": "a", "operator": "SEMVER_EQ", "value": "v1"},
                ]
            ),
            [
                ("/features/0/strategies/0/constraints/1/value", "pattern"),
                ("/features/0/strategies/0/constraints/2/values/1", "cidr"),
                ("/features/0/strategies/0/constraints/3/value", "semver"),
            ],
        ),
        (
            {
                "features": [],
                "segments": [
                    {
                        "id": 1,
                        "constraints": [{"contextName": "a", "operator": "NUM_EQ", "value": "x"}],
                    }
                ],
            },
            [("/segments/0/constraints/0/value", "number")],
        ),
        (
            strategy(variants=[{"name": "a", "weight": 999}]),
            [("/features/0/strategies/0/variants", "weights")],
        ),
        (
            feature(dependencies=[{"feature": "a"}, {"feature": "a"}]),
            [("/features/0/dependencies/1/feature", "duplicate")],
        ),
        (feature(dependencies=[{}]), [("/features/0/dependencies/0/feature", "type")]),
        (
            {"features": [], "segments": [{"id": 1}, {"id": 1}]},
            [("/segments/1", "duplicate")],
        ),
        (
            {"features": [], "featureStrategies": [{"name": "default", "featureName": "g"}]},
            [("/featureStrategies/0/featureName", "unknown-feature")],
        ),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_pointers(
    document: Any, expected: list[tuple[str, str]]
) -> None:
    found = faults(document)
    assert [each for each in expected if each not in found] == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (feature(type="sunset"), ("/features/0/type", "unknown-type")),
        (
            strategy(parameters={"groupId": ""}),
            ("/features/0/strategies/0/parameters/groupId", "group"),
        ),
        (
            feature(
                strategies=[{"name": "gradualRolloutUserId", "parameters": {"percentage": "1"}}]
            ),
            ("/features/0/strategies/0/parameters", "group"),
        ),
        (
            strategy(constraints=[{"contextName": "a", "operator": "IN", "value": "1"}]),
            ("/features/0/strategies/0/constraints/0", "no-values"),
        ),
        (
            strategy(variants=[{**VARIANT, "stickiness": "team"}]),
            ("/features/0/strategies/0/variants", "stickiness"),
        ),
        (
            strategy(variants=[{**VARIANT, "overrides": [{"contextName": "a", "values": []}]}]),
            ("/features/0/strategies/0/variants/0/overrides", "overrides"),
        ),
    ],
)
def test_what_means_less_than_it_seems_is_a_warning(
    document: Any, expected: tuple[str, str]
) -> None:
    assert [(each.pointer, each.code) for each in read(document).warnings] == [expected]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [path] + [each for name, item in inner for each in places(item, (*path, name))]


def replaced(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], junk)
    return copy


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))
junk = st.one_of(leaves, st.lists(leaves, max_size=2), st.dictionaries(st.text(), leaves))


@given(documents(), st.sampled_from([1, 2, 3]), st.data())
def test_whatever_is_broken_is_read_or_refused(
    document: Any, version: int, data: st.DataObject
) -> None:
    found = read_unleash(document, ENVIRONMENT)
    whole = write_unleash(flags_of(found), found.segments, ENVIRONMENT, version=version)
    path = data.draw(st.sampled_from(places(whole)))
    broken = replaced(whole, path, data.draw(junk))
    try:
        found = read_unleash(broken, ENVIRONMENT)
    except Invalid as refusal:
        places_named = [fault.pointer for fault in refusal.faults]
    else:
        places_named = [fault.pointer for fault in found.warnings]
    assert all(each == "" or each.startswith("/") for each in places_named)


def test_a_document_that_is_wrong_everywhere_is_refused_with_a_bounded_list() -> None:
    broken = {"features": [{"name": 1, "enabled": 2, "strategies": 3}] * 1000}
    assert len(faults(broken)) == 50
