from typing import Any

import pytest

from domain.flags.conditions import AllOf, AnyOf, Constraint
from domain.flags.documents import FlagSet
from domain.flags.flagd import read_flagd
from tests.support.flagd_oracle import variant_of


def read(targeting: Any) -> FlagSet:
    flag = {
        "state": "ENABLED",
        "variants": {"yes": "Y", "no": "N"},
        "defaultVariant": "no",
        "targeting": targeting,
    }
    return read_flagd({"flags": {"flag": flag}})


def condition(logic: Any) -> Any:
    found = read({"if": [logic, "yes"]})
    return found.flags["flag"].setting.rules[0].condition


def where(field: str, operator: Any, *values: str, inverted: bool = False) -> Constraint:
    return Constraint(field=field, operator=operator, values=values, inverted=inverted)


ABSENT_AGE = where("age", "STR_CONTAINS", "", inverted=True)
ABSENT_X = where("x", "STR_CONTAINS", "", inverted=True)
THERE = where("x", "STR_CONTAINS", "")
X = {"var": "x"}


@pytest.mark.parametrize(
    ("logic", "expected"),
    [
        ({"===": [X, "a"]}, where("x", "IN", "a")),
        ({"==": ["a", {"var": ["x"]}]}, where("x", "IN", "a")),
        ({"!=": [X, "a"]}, where("x", "NOT_IN", "a")),
        ({"!==": [X, 1]}, where("x", "NUM_EQ", "1", inverted=True)),
        ({"==": [X, True]}, where("x", "IN", "true")),
        ({"==": [X, None]}, ABSENT_X),
        ({"!=": [X, None]}, THERE),
        ({">": [X, 1.5]}, where("x", "NUM_GT", "1.5")),
        ({"<": [1, X]}, where("x", "NUM_GT", "1")),
        (
            {"<": [{"var": "age"}, 18]},
            AnyOf(of=(where("age", "NUM_LT", "18"), ABSENT_AGE)),
        ),
        (
            {"<=": [1, X, 10]},
            AllOf(
                of=(
                    where("x", "NUM_GTE", "1"),
                    AnyOf(
                        of=(
                            where("x", "NUM_LTE", "10"),
                            where("x", *("STR_CONTAINS", ""), inverted=True),
                        )
                    ),
                )
            ),
        ),
        ({"in": ["@x.org", X]}, where("x", "STR_CONTAINS", "@x.org")),
        ({"!": {"in": [X, ["a", "b"]]}}, where("x", "NOT_IN", "a", "b")),
        (
            {"in": [X, ["a", 1, 2]]},
            AnyOf(of=(where("x", "IN", "a"), where("x", "NUM_EQ", "1"), where("x", "NUM_EQ", "2"))),
        ),
        ({"starts_with": [X, "a"]}, where("x", "STR_STARTS_WITH", "a")),
        ({"ends_with": [X, "a"]}, where("x", "STR_ENDS_WITH", "a")),
        ({"sem_ver": [X, ">=", "v1.2"]}, where("x", "SEMVER_GTE", "1.2.0")),
        ({"sem_ver": ["1.2.3", "<", X]}, where("x", "SEMVER_GT", "1.2.3")),
        (
            {"sem_ver": [X, "^", "1.2.3"]},
            AllOf(of=(where("x", "SEMVER_GTE", "1.0.0-0"), where("x", "SEMVER_LT", "2.0.0-0"))),
        ),
        (
            {"sem_ver": [X, "~", "1.2.3"]},
            AllOf(of=(where("x", "SEMVER_GTE", "1.2.0-0"), where("x", "SEMVER_LT", "1.3.0-0"))),
        ),
        (
            {"sem_ver": [X, "!=", "1.2.3"]},
            AnyOf(of=(where("x", "SEMVER_LT", "1.2.3"), where("x", "SEMVER_GT", "1.2.3"))),
        ),
        (
            {"==": [{"var": ["x", "a"]}, "a"]},
            AnyOf(of=(where("x", "IN", "a"), ABSENT_X)),
        ),
        (
            {"!": [{"and": [{"==": [X, "a"]}, {"==": [{"var": "y"}, "b"]}]}]},
            AnyOf(of=(where("x", "NOT_IN", "a"), where("y", "NOT_IN", "b"))),
        ),
        (
            {"or": [{"ends_with": [X, "a"]}, {"ends_with": [X, "b"]}]},
            where("x", "STR_ENDS_WITH", "a", "b"),
        ),
        (
            {"<": [{"var": "$flagd.timestamp"}, 1767225600]},
            where("currentTime", "DATE_BEFORE", "2026-01-01T00:00:00Z"),
        ),
        (
            {">": [{"var": "$flagd.timestamp"}, 1767225600]},
            where("currentTime", "DATE_BEFORE", "2026-01-01T00:00:01Z", inverted=True),
        ),
    ],
)
def test_an_operator_becomes_a_condition(logic: Any, expected: Any) -> None:
    assert condition(logic) == expected


@pytest.mark.parametrize(
    ("value", "holds"),
    [(True, True), (False, False), ("", False), ("0 ", True), (0, False), (3, True), (None, False)],
)
def test_a_field_alone_counts_as_json_logic_has_it(value: Any, holds: bool) -> None:  # noqa: FBT001
    found = read({"if": [{"var": "beta"}, "yes"]})
    assert variant_of(found, "flag", {"beta": value}) == ("yes" if holds else "no")
    turned = read({"if": [{"!": [{"var": "beta"}]}, "yes"]})
    assert variant_of(turned, "flag", {"beta": value}) == ("no" if holds else "yes")
