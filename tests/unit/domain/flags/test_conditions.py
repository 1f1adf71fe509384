"""When constraints, segments and what is made of them hold."""

from datetime import UTC, datetime

import pytest

from domain.flags.comparing import MOST_SHARED
from domain.flags.conditions import EVERYONE, AllOf, AnyOf, Constraint, InSegment, Operator
from domain.flags.context import make_context
from domain.flags.matching import compile_condition
from domain.flags.state import Segment
from tests.support.flag_asking import constraint, fits

YES, NO = constraint("IN", "1"), constraint("IN", "0")
ONE = {"x": "1"}


@pytest.mark.parametrize(
    ("operator", "values", "text", "holds"),
    [
        ("IN", ["a", "b"], "b", True),
        ("IN", ["a", "b"], "B", False),
        ("IN", [], "a", False),
        ("IN", [""], "", True),
        ("NOT_IN", ["a"], "b", True),
        ("NOT_IN", ["a"], "a", False),
        ("NOT_IN", [], "a", True),
        ("STR_CONTAINS", ["no", "ell"], "hello", True),
        ("STR_CONTAINS", ["ELL"], "hello", False),
        ("STR_STARTS_WITH", ["he"], "hello", True),
        ("STR_STARTS_WITH", ["el"], "hello", False),
        ("STR_ENDS_WITH", ["x", "lo"], "hello", True),
        ("STR_ENDS_WITH", ["he"], "hello", False),
        ("NUM_EQ", ["5"], "5.0", True),
        ("NUM_EQ", ["0.3"], "0.30000000000000004", True),
        ("NUM_EQ", ["5"], "5 ", False),
        ("NUM_EQ", ["5"], "five", False),
        ("NUM_GT", ["5"], "5", False),
        ("NUM_GT", ["5"], "5.1", True),
        ("NUM_GTE", ["5"], "5", True),
        ("NUM_LT", ["5"], "-1e3", True),
        ("NUM_LT", ["5"], "NaN", False),
        ("NUM_LTE", ["5"], "5", True),
        ("NUM_LTE", ["5"], "1_0", False),
        ("DATE_AFTER", ["2022-01-29T13:00:00Z"], "2022-01-29T13:00:00.0000001Z", True),
        ("DATE_AFTER", ["2022-01-29T13:00:00Z"], "2022-01-29T13:00:00Z", False),
        ("DATE_AFTER", ["2022-01-29T13:00:00Z"], "2022-01-29T14:00:00+02:00", False),
        ("DATE_BEFORE", ["2022-01-29T13:00:00Z"], "2022-01-29T14:00:00+0200", True),
        ("DATE_BEFORE", ["2022-01-29T13:00:00Z"], "2022-01-29", False),
        ("DATE_BEFORE", ["2022-01-29T13:00:00Z"], "2021-02-30T00:00:00Z", False),
        ("SEMVER_EQ", ["1.2.3"], "1.2.3", True),
        ("SEMVER_EQ", ["1.2.3"], "1.2.3+build", True),
        ("SEMVER_EQ", ["1.2.3"], "v1.2.3", False),
        ("SEMVER_EQ", ["1.2.3"], "1.2", False),
        ("SEMVER_EQ", ["1.2.3"], "1.2.3\n", False),
        ("SEMVER_GT", ["1.9.0"], "1.10.0", True),
        ("SEMVER_GT", ["2.0.0-rc.2"], "2.0.0-rc.10", True),
        ("SEMVER_GT", ["2.0.0-rc"], "2.0.0", True),
        ("SEMVER_GT", ["1.0.0-1"], "1.0.0-a", True),
        ("SEMVER_GTE", ["1.2.3"], "1.2.3", True),
        ("SEMVER_LT", ["1.0.0"], "1.0.0-rc.1", True),
        ("SEMVER_GT", ["1.0.0"], "99999999999999999999.0.0", False),
        ("SEMVER_LTE", ["1.2.3"], "1.2.4", False),
        ("REGEX", [r"^user\d{3}$"], "user123", True),
        ("REGEX", [r"^user\d{3}$"], "user12", False),
        ("REGEX", ["cat"], "concatenate", True),
        ("REGEX", [r"\bcat\b"], "concatenate", False),
        ("REGEX", ["(?m)^foo$"], "bar\nfoo", True),
        ("REGEX", ["^foo$"], "bar\nfoo", False),
        ("REGEX", ["^(?s)a.b$"], "a\nb", True),
        ("REGEX", ["a.b"], "a\nb", False),
        ("REGEX", ["(?i)ABC"], "xabcx", True),
        ("REGEX", ["^.$"], "🙂", True),
        ("CIDR", ["10.0.0.0/8"], "10.9.9.9", True),
        ("CIDR", ["10.0.0.0/8"], "11.0.0.0", False),
        ("CIDR", ["192.0.2.1"], "192.0.2.1", True),
        ("CIDR", ["10.1.2.3/255.0.0.0"], "10.9.9.9", True),
        ("CIDR", ["not one", "2001:db8::/32"], "2001:db8::5", True),
        ("CIDR", ["not one"], "10.0.0.1", False),
        ("CIDR", ["10.0.0.0/8"], "::ffff:10.0.0.1", False),
        ("CIDR", ["10.0.0.0/8"], "010.0.0.1", False),
        ("CIDR", ["fe80::/10"], "fe80::1%eth0", False),
    ],
)
def test_a_constraint_holds(
    operator: Operator, values: list[str], text: str, *, holds: bool
) -> None:
    assert fits(constraint(operator, *values), {"x": text}) is holds
    assert fits(constraint(operator, *values, inverted=True), {"x": text}) is not holds


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("IN", "a"),
        ("STR_CONTAINS", "a"),
        ("NUM_LT", "5"),
        ("DATE_AFTER", "2022-01-29T13:00:00Z"),
        ("SEMVER_LT", "1.0.0"),
        ("REGEX", ".*"),
        ("CIDR", "0.0.0.0/0"),
    ],
)
def test_without_the_field_only_what_is_inverted_holds(operator: Operator, value: str) -> None:
    assert not fits(constraint(operator, value), {})
    assert fits(constraint(operator, value, inverted=True), {})
    assert not fits(constraint(operator, value), {"x": None})


def test_without_the_field_not_in_holds() -> None:
    assert fits(constraint("NOT_IN", "a"), {})
    assert not fits(constraint("NOT_IN", "a", inverted=True), {})


@pytest.mark.parametrize(
    ("operator", "value", "text"),
    [
        ("IN", "ABC", "abc"),
        ("STR_CONTAINS", "B", "abc"),
        ("STR_STARTS_WITH", "AB", "abc"),
        ("STR_ENDS_WITH", "BC", "abc"),
        ("REGEX", "^ABC$", "abc"),
        ("IN", "ΟΔΟΣ", "οδος"),
    ],
)
def test_case_can_be_folded(operator: Operator, value: str, text: str) -> None:
    folding = constraint(operator, value, case_insensitive=True)
    assert fits(folding, {"x": text})
    assert not fits(constraint(operator, value), {"x": text})


def test_not_in_can_fold_case_too() -> None:
    assert not fits(constraint("NOT_IN", "ABC", case_insensitive=True), {"x": "abc"})
    assert fits(constraint("NOT_IN", "ABC", case_insensitive=True), {})


def test_the_current_time_is_there_though_nobody_says_it() -> None:
    after = constraint("DATE_AFTER", "2026-03-01T12:00:00Z", field="currentTime")
    assert fits(after)  # half a second after
    assert not fits(after, {"currentTime": "2026-03-01T11:00:00Z"})


def test_all_of_none_holds_and_any_of_none_does_not() -> None:
    assert fits(EVERYONE)
    assert not fits(AnyOf(of=()))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_all_hold_together_and_any_alone(count: int) -> None:
    for place in range(count):
        mostly: list[Constraint] = [YES] * count
        mostly[place] = NO
        assert not fits(AllOf(of=tuple(mostly)), ONE)
        seldom: list[Constraint] = [NO] * count
        seldom[place] = YES
        assert fits(AnyOf(of=tuple(seldom)), ONE)
    assert fits(AllOf(of=(YES,) * count), ONE)
    assert not fits(AnyOf(of=(NO,) * count), ONE)


def test_conditions_nest() -> None:
    assert fits(AllOf(of=(YES, AnyOf(of=(NO, AllOf(of=(YES, YES)))))), ONE)
    assert not fits(AnyOf(of=(NO, AllOf(of=(YES, AnyOf(of=(NO, NO)))))), ONE)


def test_a_segment_holds_as_its_condition_does() -> None:
    segments = {"ones": Segment(condition=YES)}
    assert fits(InSegment(segment="ones"), ONE, segments=segments)
    assert not fits(InSegment(segment="ones"), {"x": "2"}, segments=segments)
    assert fits(InSegment(segment="ones", inverted=True), {"x": "2"}, segments=segments)


def test_a_segment_of_another_set_is_another_segment() -> None:
    for number in range(MOST_SHARED + 10):
        segments = {"same name": Segment(condition=constraint("IN", str(number)))}
        assert fits(InSegment(segment="same name"), {"x": str(number)}, segments=segments)
        assert not fits(InSegment(segment="same name"), {"x": "other"}, segments=segments)


def test_a_segment_is_asked_once_in_a_context() -> None:
    asked = Constraint(field="a", operator="STR_CONTAINS", values=("x",))
    segments = {"s": Segment(condition=asked)}
    inside = compile_condition(InSegment(segment="s"), segments)
    outside = compile_condition(InSegment(segment="s", inverted=True), segments)
    context = make_context({"a": "x"}, at=datetime(2026, 1, 1, tzinfo=UTC), seed="")
    assert (inside(context), outside(context), inside(context)) == (True, False, True)
    assert list(context.segments.values()) == [True]
