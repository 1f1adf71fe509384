"""What flagd's documentation and its conformance tests say that definitions mean."""

from typing import Any

import pytest

from domain.flags.conditions import EVERYONE, AllOf, AnyOf, Constraint, InSegment
from domain.flags.documents import FlagSet
from domain.flags.flagd import read_flagd
from domain.flags.rules import Rule
from domain.flags.variants import Payload, Variant
from tests.support.flagd_oracle import served, variant_of

SUITS = {name: name for name in ("clubs", "diamonds", "hearts", "spades", "wild")}
QUARTERS = [[name, 25] for name in ("clubs", "diamonds", "hearts", "spades")]


def read(targeting: Any = None, variants: Any = None, **said: Any) -> FlagSet:
    flag = {
        "state": "ENABLED",
        "variants": variants or {"yes": "Y", "no": "N"},
        "defaultVariant": "no",
        "targeting": targeting,
        **said,
    }
    return read_flagd({"flags": {"flag": flag}})


def rules(targeting: Any, **said: Any) -> tuple[Rule, ...]:
    return read(targeting, **said).flags["flag"].setting.rules


def where(field: str, operator: Any, *values: str, inverted: bool = False) -> Constraint:
    return Constraint(field=field, operator=operator, values=values, inverted=inverted)


@pytest.mark.parametrize(
    ("variants", "default", "kind", "value", "payload"),
    [
        ({"on": True, "off": False}, "off", "boolean", False, Payload(type="json", value="false")),
        ({"a": "x", "b": ""}, "b", "string", "", Payload(type="string", value="")),
        ({"one": 1, "half": 0.5}, "half", "number", 0.5, Payload(type="number", value="0.5")),
        ({"a": {"k": [1]}}, "a", "json", {"k": [1]}, Payload(type="json", value='{"k":[1]}')),
    ],
)
def test_a_flags_kind_is_that_of_its_values(
    variants: dict[str, Any], default: str, kind: str, value: Any, payload: Payload
) -> None:
    found = read(variants=variants, defaultVariant=default)
    about, setting = found.flags["flag"].about, found.flags["flag"].setting
    assert (about.kind, about.default, about.group) == (kind, value, "flag")
    assert [(each.name, each.weight) for each in setting.variants] == [
        (name, 1000 if name == default else 0) for name in variants
    ]
    assert {each.name: each.payload for each in setting.variants}[default] == payload
    evaluation = served(found, "flag", {})
    assert (evaluation.value, evaluation.reason) == (value, "STATIC")
    assert variant_of(found, "flag", {}) == default


def test_a_disabled_flag_is_off() -> None:
    found = read(state="DISABLED")
    assert not found.flags["flag"].setting.enabled
    assert served(found, "flag", {}).value == "N"


def test_flags_may_come_as_a_list() -> None:
    flag = {"key": "f", "state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a"}
    assert list(read_flagd({"flags": [flag]}).flags) == ["f"]


def test_an_if_becomes_rules_in_its_order() -> None:
    chain = {
        "if": [
            {"==": [{"var": "tier"}, "gold"]},
            "yes",
            {">=": [{"var": "age"}, 18]},
            {"if": [{"in": [{"var": "country"}, ["de", "at"]]}, "yes", None]},
            "no",
        ]
    }
    assert rules(chain) == (
        Rule(id="rule-1", condition=where("tier", "IN", "gold"), serve="yes"),
        Rule(
            id="rule-2",
            condition=AllOf(of=(where("age", "NUM_GTE", "18"), where("country", "IN", "de", "at"))),
            serve="yes",
        ),
        Rule(id="rule-3", condition=where("age", "NUM_GTE", "18"), serve="no"),
        Rule(id="rule-4", condition=EVERYONE, serve="no"),
    )


def test_a_condition_alone_is_served_as_true_and_false() -> None:
    targeting = {"ends_with": [{"var": "email"}, "@example.com"]}
    found = read(targeting, {"true": True, "false": False}, defaultVariant="false")
    assert served(found, "flag", {"email": "a@example.com"}).value is True
    assert served(found, "flag", {"email": "a@example.org"}).value is False


@pytest.mark.parametrize(
    ("by", "context", "expected"),
    [
        ([{"cat": [{"var": "$flagd.flagKey"}, {"var": "user.name"}]}], name, suit)
        for name, suit in (
            ({"user": {"name": "jack"}}, "hearts"),
            ({"user": {"name": "queen"}}, "spades"),
            ({"user": {"name": "ten"}}, "clubs"),
            ({"user": {"name": "nine"}}, "diamonds"),
            ({"user": {"name": "3"}}, "clubs"),
        )
    ]
    + [([], {}, "wild"), ([{"var": "email"}], {}, "wild")],
)
def test_fractional_gives_what_flagd_gives(
    by: list[Any], context: dict[str, Any], expected: str
) -> None:
    flag = {
        "state": "ENABLED",
        "variants": SUITS,
        "defaultVariant": "wild",
        "targeting": {"fractional": [*by, *QUARTERS]},
    }
    found = read_flagd({"flags": {"fractional-flag": flag}})
    assert variant_of(found, "fractional-flag", context) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [("ejOoVL", "lower"), ("bY9fO-", "lower"), ("SI7p-", "lower"), ("6LvT0", "upper")],
)
def test_fractional_spreads_the_whole_hash(key: str, expected: str) -> None:
    targeting = {"fractional": [{"var": "targetingKey"}, ["lower", 50], ["upper", 50]]}
    found = read(targeting, {"lower": "l", "upper": "u"}, defaultVariant="lower")
    assert variant_of(found, "flag", {"targetingKey": key}) == expected


def test_fractional_keeps_flagds_weights_and_shorthands() -> None:
    (spread, rest) = rules({"fractional": [["yes"], ["no", 2], ["yes", 3]]})
    assert (spread.bucketing, spread.condition, rest.serve) == ("flagd", EVERYONE, "no")
    assert [(each.name, each.weight, each.stickiness) for each in spread.variants] == [
        ("yes", 1, "default"),
        ("no", 2, "default"),
        ("yes", 3, "default"),
    ]


def test_a_shared_evaluator_is_a_segment() -> None:
    document = {
        "flags": {
            key: {
                "state": "ENABLED",
                "variants": {"a": 1, "b": 2},
                "defaultVariant": "a",
                "targeting": {"if": [{"!": [{"$ref": "faas"}]}, "b"]},
            }
            for key in ("one", "two")
        },
        "$evaluators": {
            "faas": {"or": [{"in": ["@faas.com", {"var": "email"}]}, {"$ref": "ours"}]},
            "ours": {"==": [{"var": "team"}, "ours"]},
            "spread": {"fractional": [["a", 1], ["b", 1]]},
        },
    }
    found = read_flagd(document)
    assert found.flags["one"].setting.rules[0].condition == InSegment(segment="faas", inverted=True)
    assert found.segments["faas"].condition == AnyOf(
        of=(where("email", "STR_CONTAINS", "@faas.com"), where("team", "IN", "ours"))
    )
    assert set(found.segments) == {"faas"}
    assert [(each.pointer, each.code) for each in found.warnings] == [
        ("/$evaluators/spread", "unused")
    ]


def test_an_evaluator_that_asks_for_the_flag_is_spelt_out() -> None:
    flag = {
        "state": "ENABLED",
        "variants": {"a": 1, "b": 2},
        "defaultVariant": "a",
        "targeting": {"if": [{"$ref": "mine"}, "b"]},
    }
    evaluators = {"mine": {"==": [{"var": "$flagd.flagKey"}, "one"]}}
    found = read_flagd({"flags": {"one": flag, "two": flag}, "$evaluators": evaluators})
    assert [variant_of(found, key, {}) for key in ("one", "two")] == ["b", "a"]
    assert not found.segments


def test_metadata_says_what_the_flag_is() -> None:
    found = read_flagd(
        {
            "flags": {
                "f": {
                    "state": "ENABLED",
                    "variants": {"a": 1},
                    "defaultVariant": "a",
                    "metadata": {
                        "description": "Ours",
                        "owner": "ann",
                        "version": "17",
                        "beta": True,
                    },
                }
            },
            "metadata": {"project": "shop", "version": "1", "flagSetId": "x", "size": 3},
        }
    )
    about = found.flags["f"].about
    assert (about.description, about.owner, about.project) == ("Ours", "ann", "shop")
    assert set(about.tags) == {"version:17", "beta", "flagSetId:x", "size:3"}
    assert [each.pointer for each in found.warnings] == ["/metadata/size"]


def test_variants_of_fractional_bear_the_flags_values() -> None:
    (spread, _) = rules({"fractional": [{"var": "email"}, ["yes", 1], ["no", 9]]})
    assert spread.variants[0] == Variant(
        name="yes", weight=1, payload=Payload(type="string", value="Y"), stickiness="email"
    )
