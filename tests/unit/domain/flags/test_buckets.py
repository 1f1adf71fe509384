"""Which bucket a subject falls to."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.flags.bucketing import (
    bucket,
    fractional_bucket,
    fractional_value,
    rollout_subject,
    variant_bucket,
    variant_subject,
)
from domain.flags.context import make_context
from domain.flags.evaluation import NOT_FOUND, compile_flag
from domain.flags.rules import Rule
from tests.support.flag_asking import AT, ENVIRONMENT, a_context, a_flag
from tests.support.unleash_oracle import Oracle


@pytest.mark.parametrize(("group", "subject", "value"), [("gr1", "123", 73), ("groupX", "999", 25)])
def test_buckets_are_those_of_the_published_vectors(group: str, subject: str, value: int) -> None:
    assert bucket(group, subject) == value


def test_variants_have_buckets_of_their_own() -> None:
    assert variant_bucket("gr1", "123", 100) == 96
    assert variant_bucket("groupX", "999", 100) == 60


@given(st.text(), st.text(), st.integers(1, 2**31 - 1))
def test_buckets_lie_within_their_bounds(group: str, subject: str, total: int) -> None:
    context = a_context({"a": group, "b": subject})  # makes texts whole
    group, subject = context.fields["a"] or "", context.fields["b"] or ""
    assert 1 <= bucket(group, subject) <= 100
    assert 1 <= variant_bucket(group, subject, total) <= total
    assert 1 <= fractional_bucket(group + subject, total) <= total


@pytest.mark.parametrize(
    ("value", "total", "expected"),
    [
        # hashes of 0, 1, the middle and the end of 32 bits
        ("ejOoVL", 100, 1),
        ("bY9fO-", 100, 1),
        ("SI7p-", 100, 50),
        ("6LvT0", 100, 51),
        ("ceQdGm", 100, 100),
    ],
)
def test_fractional_spreads_the_whole_32_bits(value: str, total: int, expected: int) -> None:
    assert fractional_bucket(value, total) == expected


@pytest.mark.parametrize(
    ("name", "suit"), [("jack", 3), ("queen", 4), ("ten", 1), ("nine", 2), ("3", 1)]
)
def test_fractional_by_flag_key_and_a_nested_field(name: str, suit: int) -> None:
    context = a_context({"user": {"name": name}})
    value = fractional_value(context, "fractional-flag", "$flagd.flagKey user.name")
    assert value == f"fractional-flag{name}"
    assert (fractional_bucket(value, 100) - 1) // 25 + 1 == suit


def test_fractional_holds_on_to_flag_key_and_targeting_key() -> None:
    assert fractional_value(a_context({"targetingKey": "t"}), "flag", "default") == "flagt"
    assert fractional_value(a_context({"userId": "u"}), "flag", "default") == "flagu"
    assert fractional_value(a_context(), "flag", "default") is None


def test_fractional_holds_on_to_a_fields_text_alone() -> None:
    said = {"email": "ada@example.org", "targetingKey": "t"}
    assert fractional_value(a_context(said), "flag", "email") == "ada@example.org"
    assert fractional_value(a_context({"targetingKey": "t"}), "flag", "email") == "flagt"


def test_default_stickiness_is_user_then_session_then_chance() -> None:
    for subject in (rollout_subject, variant_subject):
        assert subject(a_context({"userId": "u", "sessionId": "s"}), "default", "") == "u"
        assert subject(a_context({"sessionId": "s"}), "default", "") == "s"
        assert subject(a_context(seed="1"), "default", "") != subject(
            a_context(seed="2"), "default", ""
        )


def test_an_empty_user_is_somebody() -> None:
    assert rollout_subject(a_context({"userId": "", "sessionId": "s"}), "default", "") == ""


def test_random_stickiness_is_chance_whoever_asks() -> None:
    said = {"userId": "u"}
    same = [rollout_subject(a_context(said, seed="1"), "random", "a") for _ in range(2)]
    assert same[0] == same[1]
    assert rollout_subject(a_context(said, seed="2"), "random", "a") != same[0]
    assert rollout_subject(a_context(said, seed="1"), "random", "b") != same[0]


def test_a_missing_field_is_nobody_in_rollouts_and_chance_among_variants() -> None:
    assert rollout_subject(a_context(), "team", "") is None
    assert variant_subject(a_context(seed="1"), "team", "") is not None


def test_many_users_meet_a_rollout_as_binomials_do_and_as_the_engine_says() -> None:
    parameters = {"rollout": "37", "stickiness": "userId", "groupId": "checkout"}
    flag = a_flag(Rule(id="only", strategy="flexibleRollout", parameters=parameters))
    evaluate = compile_flag("flag", flag, ENVIRONMENT, {}, lambda _, __: NOT_FOUND)
    share, users = 0.37, [f"user-{number}" for number in range(50_000)]
    on = [
        user for user in users if evaluate(make_context({"userId": user}, at=AT, seed="")).enabled
    ]
    assert abs(len(on) - len(users) * share) < 5 * sqrt(len(users) * share * (1 - share))

    assert Oracle({"flag": flag}, {}).lets_in("flag", users) == on
