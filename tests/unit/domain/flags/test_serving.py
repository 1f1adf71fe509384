"""Which variant is served, and what value it stands for."""

from collections import Counter
from typing import Any

import pytest

from domain.flags.bucketing import variant_bucket
from domain.flags.evaluation import Evaluation
from domain.flags.rules import Rule
from domain.flags.variants import FlagKind, Override, Payload, PayloadType, Variant
from tests.support.flag_asking import a_flag, ask

RED, BLUE = Variant(name="red", weight=300), Variant(name="blue", weight=700)
BOTH = (RED, BLUE)


def _name(found: Evaluation) -> str | None:
    return None if found.variant is None else found.variant.name


def _by_hand(group: str, subject: str) -> str:
    return "red" if variant_bucket(group, subject, 1000) <= 300 else "blue"


def test_without_variants_none_is_served() -> None:
    assert ask(a_flag()).variant is None
    assert ask(a_flag(Rule(id="all"))).variant is None


def test_a_flags_variants_are_spread_over_its_key() -> None:
    flag = a_flag(Rule(id="all", parameters={"groupId": "elsewhere"}), variants=BOTH)
    for user in map(str, range(100)):
        assert _name(ask(flag, {"userId": user}, key="beta")) == _by_hand("beta", user)
    assert _name(ask(a_flag(variants=BOTH), {"userId": "7"}, key="k")) == _by_hand("k", "7")


def test_a_rules_own_variants_are_spread_over_its_group() -> None:
    other = Variant(name="other", weight=1000)
    grouped = Rule(id="all", parameters={"groupId": "elsewhere"}, variants=BOTH)
    plain = Rule(id="all", variants=BOTH)
    for user in map(str, range(100)):
        said = {"userId": user}
        flag = a_flag(grouped, variants=(other,))
        assert _name(ask(flag, said)) == _by_hand("elsewhere", user)
        assert _name(ask(a_flag(plain, group="flags"), said)) == _by_hand("flags", user)


def test_the_rule_that_decides_says_which_variants() -> None:
    rules = (
        Rule(id="one", strategy="userWithId", parameters={"userIds": "1"}, variants=(RED,)),
        Rule(id="two", variants=(BLUE,)),
    )
    assert _name(ask(a_flag(*rules), {"userId": "1"})) == "red"
    assert _name(ask(a_flag(*rules), {"userId": "2"})) == "blue"


def test_a_rule_may_serve_one_of_the_flags_variants_by_name() -> None:
    flag = a_flag(Rule(id="all", serve="red"), variants=BOTH)
    assert {_name(ask(flag, {"userId": str(n)})) for n in range(50)} == {"red"}


def test_the_first_variant_says_what_all_hold_on_to() -> None:
    variants = (
        Variant(name="red", weight=300, stickiness="team"),
        Variant(name="blue", weight=700, stickiness="userId"),
    )
    for team in map(str, range(50)):
        said = {"team": team, "userId": "u"}
        assert _name(ask(a_flag(variants=variants), said, key="beta")) == _by_hand("beta", team)


def test_chance_serves_by_weight_and_is_the_requests() -> None:
    flag = a_flag(variants=BOTH)
    served = [_name(ask(flag, seed=str(seed))) for seed in range(3000)]
    assert 780 < Counter(served)["red"] < 1020
    assert served == [_name(ask(flag, seed=str(seed))) for seed in range(3000)]


def test_an_override_is_served_whatever_the_weight() -> None:
    hidden = Variant(
        name="hidden",
        weight=0,
        overrides=(
            Override(field="userId", values=("7", "8")),
            Override(field="team", values=("blue",)),
        ),
    )
    flag = a_flag(variants=(*BOTH, hidden))
    for said in ({"userId": "8"}, {"userId": "1", "team": "blue"}):
        found = ask(flag, said)
        assert (_name(found), found.reason) == ("hidden", "TARGETING_MATCH")
    assert _name(ask(flag, {"userId": "1"})) != "hidden"


def test_the_first_override_wins() -> None:
    variants = tuple(
        Variant(name=name, weight=500, overrides=(Override(field="userId", values=("7",)),))
        for name in ("one", "two")
    )
    assert _name(ask(a_flag(variants=variants), {"userId": "7"})) == "one"


def test_weightless_variants_are_never_served() -> None:
    nothing = Variant(name="nothing", weight=0)
    flag = a_flag(variants=(nothing, RED, nothing, BLUE, nothing))
    assert {_name(ask(flag, {"userId": str(n)})) for n in range(300)} == {"red", "blue"}


@pytest.mark.parametrize(
    ("weights", "suits"),
    [
        ((25, 25, 25, 25), {"jack": "hearts", "queen": "spades", "ten": "clubs"}),
        ((1, 1, 1, 1), {"nine": "diamonds", "3": "clubs", "jack": "hearts"}),
    ],
)
def test_flagds_bucketing_is_fractional(weights: tuple[int, ...], suits: dict[str, str]) -> None:
    names = ("clubs", "diamonds", "hearts", "spades")
    held = "$flagd.flagKey user.name"
    variants = tuple(
        Variant(name=name, weight=weight, stickiness=held)
        for name, weight in zip(names, weights, strict=True)
    )
    flag = a_flag(Rule(id="all", variants=variants, bucketing="flagd"))
    for name, suit in suits.items():
        assert _name(ask(flag, {"user": {"name": name}}, key="fractional-flag")) == suit


def test_flagds_rule_is_passed_over_where_there_is_nothing_to_bucket() -> None:
    heads = (Variant(name="heads", weight=1), Variant(name="tails", weight=1))
    rules = (
        Rule(id="split", variants=heads, bucketing="flagd"),
        Rule(id="rest", variants=(Variant(name="edge", weight=1000),)),
    )
    key = "fractional-flag-shorthand"
    assert _name(ask(a_flag(*rules), {"targetingKey": "jon@company.com"}, key=key)) == "heads"
    assert _name(ask(a_flag(*rules), {"targetingKey": "jane@company.com"}, key=key)) == "tails"
    assert _name(ask(a_flag(*rules), key=key)) == "edge"


@pytest.mark.parametrize(
    ("kind", "payload", "value"),
    [
        ("boolean", None, True),
        ("boolean", ("json", "false"), False),
        ("boolean", ("json", "true"), True),
        ("boolean", ("json", '{"a": 1}'), True),
        ("boolean", ("string", "false"), True),
        ("boolean", ("json", "no json"), True),
        ("string", ("string", "plain"), "plain"),
        ("string", ("csv", "a,b"), "a,b"),
        ("string", ("json", '"quoted"'), "quoted"),
        ("string", None, "otherwise"),
        ("number", ("number", "1.50"), 1.5),
        ("number", ("json", "7"), 7),
        ("number", None, 3),
        ("json", ("json", '{"a": [1]}'), {"a": [1]}),
        ("json", ("json", "null"), None),
        ("json", ("string", "plain"), "plain"),
        ("json", None, {"of": "its own"}),
    ],
)
def test_a_variants_payload_is_the_flags_value(
    kind: FlagKind, payload: tuple[PayloadType, str] | None, value: Any
) -> None:
    default = {"string": "otherwise", "number": 3, "json": {"of": "its own"}}.get(kind)
    said = None if payload is None else Payload(type=payload[0], value=payload[1])
    variant = Variant(name="one", weight=1000, payload=said)
    found = ask(a_flag(variants=(variant,), kind=kind, default=default))
    assert found.enabled
    assert found.value == value
    assert type(found.value) is type(value)
    assert found.variant is not None
    assert found.variant.payload == said


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("string", ("number", "1")),
        ("number", ("string", "1")),
        ("number", ("json", "true")),
        ("json", ("json", "{")),
        ("json", ("json", "[" * 100_000)),
    ],
)
def test_a_payload_that_is_not_of_the_flags_kind_gives_the_default(
    kind: FlagKind, payload: tuple[PayloadType, str]
) -> None:
    variant = Variant(name="one", weight=1000, payload=Payload(type=payload[0], value=payload[1]))
    found = ask(a_flag(variants=(variant,), kind=kind))
    assert (found.reason, found.error) == ("ERROR", "TYPE_MISMATCH")
    assert found.value == {"string": "", "number": 0, "json": None}[kind]
