"""Which conditions are refused, where, and as what."""

import pytest

from domain.flags.checking import LONGEST_FIELD, MOST_FAULTS, faults_of_condition
from domain.flags.conditions import (
    DEEPEST,
    MOST_VALUES,
    AllOf,
    AnyOf,
    Condition,
    InSegment,
    Operator,
)
from domain.rejections import Fault
from tests.support.flag_asking import constraint

Found = list[tuple[str, str]]


def _told(faults: list[Fault]) -> Found:
    assert all(fault.detail for fault in faults)
    return [(fault.pointer, fault.code) for fault in faults]


def _of_condition(condition: Condition) -> Found:
    return _told(faults_of_condition(condition, {"staff"}, ""))


@pytest.mark.parametrize(
    ("operator", "value", "code"),
    [
        ("NUM_EQ", "five", "number"),
        ("NUM_GT", "", "number"),
        ("NUM_GTE", "0x10", "number"),
        ("NUM_LT", "1_000", "number"),
        ("NUM_LTE", "inf", "number"),
        ("NUM_LTE", "nan", "number"),
        ("NUM_LTE", "1e400", "number"),
        ("NUM_LTE", ".5", "number"),
        ("DATE_AFTER", "2022-01-29", "date"),
        ("DATE_AFTER", "2022-01-29T13:00:00", "date"),
        ("DATE_BEFORE", "2022-02-30T13:00:00Z", "date"),
        ("DATE_BEFORE", "2022-01-29T13:00:00+25:00", "date"),
        ("SEMVER_EQ", "1.0", "semver"),
        ("SEMVER_GT", "v1.0.0", "semver"),
        ("SEMVER_GTE", "01.0.0", "semver"),
        ("SEMVER_LT", "1.0.0-", "semver"),
        ("SEMVER_LTE", "1.0.0\n", "semver"),
        ("REGEX", "(", "pattern"),
        ("REGEX", "(?=a)", "pattern"),
        ("REGEX", r"(a)\1", "pattern"),
        ("REGEX", "a{1001}", "pattern"),
        ("REGEX", r"(\pL{50}){9}", "pattern"),
        ("REGEX", "a" * 1001, "pattern"),
        ("CIDR", "10.0.0.0/33", "cidr"),
        ("CIDR", "10.0.0", "cidr"),
        ("CIDR", "localhost", "cidr"),
        ("CIDR", "10.0.0.0/0.255.255.255", "cidr"),
        ("CIDR", "fe80::1%eth0", "cidr"),
        ("CIDR", "", "cidr"),
    ],
)
def test_a_value_must_be_readable(operator: Operator, value: str, code: str) -> None:
    assert _of_condition(constraint(operator, value)) == [("/values/0", code)]
    assert _of_condition(constraint(operator, value, inverted=True)) == [("/values/0", code)]


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NUM_EQ", "-1.5e3"),
        ("NUM_EQ", "+7."),
        ("DATE_AFTER", "2022-01-29T13:00:00.123456+02:00"),
        ("SEMVER_EQ", "1.0.0-rc.1+build.5"),
        ("REGEX", r"^\pL+@example\.org$"),
        ("CIDR", "10.1.2.3/8"),
        ("CIDR", "2001:db8::/32"),
        ("STR_CONTAINS", ""),
    ],
)
def test_a_readable_value_passes(operator: Operator, value: str) -> None:
    assert not _of_condition(constraint(operator, value))


@pytest.mark.parametrize("operator", ["NUM_EQ", "DATE_AFTER", "SEMVER_EQ", "REGEX"])
def test_most_operators_take_one_value(operator: Operator) -> None:
    assert _of_condition(constraint(operator)) == [("/values", "one-value")]
    assert _of_condition(constraint(operator, "1", "2")) == [("/values", "one-value")]


@pytest.mark.parametrize("operator", ["IN", "NOT_IN", "STR_CONTAINS", "CIDR"])
def test_the_others_take_many_and_not_too_many(operator: Operator) -> None:
    assert not _of_condition(constraint(operator))
    assert not _of_condition(constraint(operator, *["10.0.0.1"] * MOST_VALUES))
    too_many = constraint(operator, *["10.0.0.1"] * (MOST_VALUES + 1))
    assert _of_condition(too_many) == [("/values", "too-many")]


def test_each_bad_value_is_told() -> None:
    said = constraint("CIDR", "10.0.0.1", "no", "nor this")
    assert _of_condition(said) == [("/values/1", "cidr"), ("/values/2", "cidr")]


def test_a_field_must_be_named() -> None:
    assert _of_condition(constraint("IN", "a", field="")) == [("/field", "empty")]
    long = "f" * (LONGEST_FIELD + 1)
    assert _of_condition(constraint("IN", "a", field=long)) == [("/field", "too-long")]


def test_parts_are_pointed_at() -> None:
    bad = constraint("NUM_EQ", "five")
    condition = AllOf(of=(constraint("IN"), AnyOf(of=(bad, InSegment(segment="gone")))))
    assert _of_condition(condition) == [
        ("/of/1/of/0/values/0", "number"),
        ("/of/1/of/1/segment", "unknown-segment"),
    ]


def test_conditions_must_not_lie_too_deep() -> None:
    condition: Condition = constraint("IN", "a")
    for _ in range(DEEPEST):
        condition = AnyOf(of=(condition,))
    assert not _of_condition(condition)
    assert _of_condition(AllOf(of=(condition,))) == [("/of/0" * DEEPEST, "too-deep")]


def test_a_segment_must_be_there_and_hold_no_segments() -> None:
    assert not _of_condition(InSegment(segment="staff"))
    assert _of_condition(InSegment(segment="gone")) == [("/segment", "unknown-segment")]
    inner = AllOf(of=(InSegment(segment="staff"),))
    found = faults_of_condition(inner, None, "/condition")
    assert _told(found) == [("/condition/of/0/segment", "nested-segment")]


def test_not_more_faults_are_told_than_anybody_reads() -> None:
    assert len(_of_condition(constraint("CIDR", *["no"] * MOST_VALUES))) == MOST_FAULTS
