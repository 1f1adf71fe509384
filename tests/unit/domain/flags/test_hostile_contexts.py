"""Contexts that mean no good are answered too."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.flags.conditions import AllOf
from domain.flags.context import MOST_TEXT
from domain.flags.rules import Rule
from domain.flags.variants import Variant
from tests.support.flag_asking import a_flag, ask, constraint

ADA = Rule(id="ada", strategy="userWithId", parameters={"userIds": "ada"})
REST = Rule(id="rest")
TWO = (Variant(name="one", weight=500), Variant(name="two", weight=500))
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
HOSTILE = st.dictionaries(
    st.sampled_from(["userId", "sessionId", "targetingKey", "currentTime", "properties", "x", "a"]),
    ANYTHING | st.text(st.characters(categories=["Cs", "Lu"])),
)
EVERYTHING = a_flag(
    *(
        Rule(
            id=f"rule-{index}",
            condition=condition,
            variants=TWO,
            strategy="flexibleRollout",
            parameters={"rollout": "50", "stickiness": "a.b"},
        )
        for index, condition in enumerate(
            [
                constraint("IN", "1", case_insensitive=True),
                constraint("STR_CONTAINS", "1"),
                constraint("NUM_LT", "5"),
                constraint("DATE_BEFORE", "2022-01-29T13:00:00Z", field="currentTime"),
                constraint("SEMVER_GT", "1.0.0"),
                constraint("REGEX", "^.+$"),
                constraint("CIDR", "10.0.0.0/8"),
                AllOf(of=()),
            ]
        )
    ),
    Rule(id="last", strategy="flexibleRollout", parameters={"rollout": "50"}, variants=TWO),
)


@given(HOSTILE | ANYTHING)
def test_evaluating_never_raises(raw: Any) -> None:
    assert ask(EVERYTHING, raw).error is None


@pytest.mark.parametrize(
    "raw",
    [
        {"x": "1" * MOST_TEXT},
        {"x": "9" * (MOST_TEXT - 4) + ".0.0"},
        {"x": 10**5000, "userId": -(10**5000)},
        {"x": float("nan"), "userId": float("-inf")},
        {"x": ":" * MOST_TEXT, "currentTime": "0000-00-00T00:00:00Z"},
        {"currentTime": "9999-12-31T23:59:60+23:59", "x": "1.0.0-" + "9" * 5000},
        {"a": {"b": {"c": []}}, "properties": {"a": {"b": "\udfff"}}},
    ],
)
def test_huge_and_odd_values_are_answered_too(raw: dict[str, Any]) -> None:
    assert ask(EVERYTHING, raw).error is None


def test_a_context_may_lie_in_itself() -> None:
    raw: dict[str, Any] = {}
    raw["a"] = raw["properties"] = raw
    assert ask(EVERYTHING, raw).error is None


def test_a_field_that_is_too_long_breaks_only_the_rules_that_look_at_it() -> None:
    said = {"x": "a" * (MOST_TEXT + 1), "userId": "ada"}
    looking = replace(REST, condition=constraint("STR_CONTAINS", "b"))
    found = ask(a_flag(looking), said)
    assert (found.reason, found.error, found.rule) == ("ERROR", "INVALID_CONTEXT", "rest")
    assert ask(a_flag(ADA, looking), said).rule == "ada"


def test_a_text_that_is_too_long_for_its_pattern_is_not_matched() -> None:
    heavy = constraint("REGEX", r"(\pL*a\pL*){2}$")
    assert ask(a_flag(replace(REST, condition=heavy)), {"x": "a" * 5000}).error == "INVALID_CONTEXT"
    light = constraint("REGEX", "^a+$")
    assert ask(a_flag(replace(REST, condition=light)), {"x": "a" * 5000}).enabled


def test_a_long_text_is_not_searched_for_thousands_of_values() -> None:
    many = constraint("STR_CONTAINS", *(f"value {number}" for number in range(10_000)))
    flag = a_flag(replace(REST, condition=many))
    assert ask(flag, {"x": "a" * 10_000}).error == "INVALID_CONTEXT"
    assert ask(flag, {"x": "a" * 1_000 + "value 9999"}).enabled
