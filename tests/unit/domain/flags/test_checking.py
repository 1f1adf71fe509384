"""What is refused before it comes into force, where, and as what."""

from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from domain.flags.checking import (
    LONGEST_FIELD,
    faults_of_about,
    faults_of_condition,
    faults_of_setting,
)
from domain.flags.conditions import MOST_VALUES, InSegment
from domain.flags.rules import Prerequisite, Rule, Setting
from domain.flags.state import About, Flag, Segments
from domain.flags.variants import FlagKind, Override, Payload, PayloadType, Variant
from domain.rejections import Fault
from tests.support import flag_models

ABOUT = About(group="beta")
ONLY = Variant(name="only", weight=1000)
Found = list[tuple[str, str]]


def _told(faults: list[Fault]) -> Found:
    assert all(fault.detail for fault in faults)
    return [(fault.pointer, fault.code) for fault in faults]


def _of_rule(rule: Rule, *, kind: FlagKind = "boolean") -> Found:
    setting = Setting(rules=(rule,), variants=(ONLY,))
    about = About(group="beta", kind=kind)
    prefix = "/production/rules/0"
    found = _told(faults_of_setting(setting, about, {"staff"}, "/production"))
    assert all(pointer.startswith(prefix) for pointer, _ in found)
    return [(pointer.removeprefix(prefix), code) for pointer, code in found]


def _of_variants(*variants: Variant, kind: FlagKind = "boolean") -> Found:
    about = About(group="beta", kind=kind)
    return _told(faults_of_setting(Setting(variants=variants), about, (), ""))


@settings(max_examples=50)
@given(flag_models.flag_sets())
def test_what_makes_sense_passes(found: tuple[dict[str, Flag], Segments]) -> None:
    flags, segments = found
    for flag in flags.values():
        assert not faults_of_about(flag.about, "")
        setting = flag.setting(flag_models.ENVIRONMENT)
        codes = {fault.code for fault in faults_of_setting(setting, flag.about, segments, "")}
        # by chance there are strategies that nobody knows, and addresses that are none
        assert codes <= {"unknown-strategy", "cidr"}
    for segment in segments.values():
        assert not faults_of_condition(segment.condition, None, "")


@pytest.mark.parametrize(
    ("strategy", "parameters", "found"),
    [
        ("moonPhase", {}, [("/strategy", "unknown-strategy")]),
        ("", {}, [("/strategy", "unknown-strategy")]),
        ("userWithId", {}, [("/parameters/userIds", "missing")]),
        ("flexibleRollout", {}, [("/parameters/rollout", "missing")]),
        ("gradualRolloutUserId", {}, [("/parameters/percentage", "missing")]),
        ("gradualRolloutSessionId", {}, [("/parameters/percentage", "missing")]),
        ("gradualRolloutRandom", {}, [("/parameters/percentage", "missing")]),
        ("remoteAddress", {}, [("/parameters/IPs", "missing")]),
        ("applicationHostname", {}, [("/parameters/hostNames", "missing")]),
        ("flexibleRollout", {"rollout": "101"}, [("/parameters/rollout", "range")]),
        ("flexibleRollout", {"rollout": "9" * 5000}, [("/parameters/rollout", "range")]),
        ("flexibleRollout", {"rollout": "-1"}, [("/parameters/rollout", "number")]),
        ("flexibleRollout", {"rollout": "5.5"}, [("/parameters/rollout", "number")]),
        ("gradualRolloutRandom", {"percentage": ""}, [("/parameters/percentage", "number")]),
        ("remoteAddress", {"IPs": "10.0.0.1, no"}, [("/parameters/IPs", "cidr")]),
        ("remoteAddress", {"IPs": "10.0.0.1, ::/0,"}, []),
        ("flexibleRollout", {"rollout": "100", "stickiness": "team", "groupId": "g"}, []),
        ("default", {"anything": "else"}, []),
        ("userWithId", {"userIds": ""}, []),
    ],
)
def test_a_strategy_needs_its_parameters(
    strategy: str, parameters: dict[str, str], found: Found
) -> None:
    assert _of_rule(Rule(id="a", strategy=strategy, parameters=parameters)) == found


def test_rules_are_told_apart_by_their_ids() -> None:
    setting = Setting(rules=(Rule(id="a"), Rule(id="b"), Rule(id="a"), Rule(id="a")))
    found = _told(faults_of_setting(setting, ABOUT, (), ""))
    assert found == [("/rules/2/id", "duplicate"), ("/rules/3/id", "duplicate")]


def test_the_condition_of_each_rule_is_checked() -> None:
    rule = Rule(id="a", condition=InSegment(segment="gone"))
    assert _of_rule(rule) == [("/condition/segment", "unknown-segment")]


@pytest.mark.parametrize("rollout", [-1, 101])
def test_a_settings_rollout_is_a_share(rollout: int) -> None:
    found = _told(faults_of_setting(Setting(rollout=rollout), ABOUT, (), "/here"))
    assert found == [("/here/rollout", "range")]


def test_a_rule_serves_a_variant_that_is_there() -> None:
    assert not _of_rule(Rule(id="a", serve="only"))
    assert _of_rule(Rule(id="a", serve="gone")) == [("/serve", "unknown-variant")]
    assert _of_rule(Rule(id="a", serve="only", variants=(ONLY,))) == [("/serve", "exclusive")]


@pytest.mark.parametrize(
    ("variants", "found"),
    [
        ((ONLY,), []),
        ((replace(ONLY, weight=999),), [("/variants", "weights")]),
        ((replace(ONLY, weight=600), Variant(name="b", weight=600)), [("/variants", "weights")]),
        (
            (replace(ONLY, weight=500), replace(ONLY, weight=500)),
            [("/variants/1/name", "duplicate")],
        ),
        ((replace(ONLY, name=""),), [("/variants/0/name", "empty")]),
        (
            (replace(ONLY, weight=1001), Variant(name="b", weight=-1)),
            [("/variants/1/weight", "range")],
        ),
        (
            (replace(ONLY, overrides=(Override(field="", values=("a",)),)),),
            [("/variants/0/overrides/0/field", "empty")],
        ),
        (
            (replace(ONLY, overrides=(Override(field="a", values=("a",) * (MOST_VALUES + 1)),)),),
            [("/variants/0/overrides/0/values", "too-many")],
        ),
        (
            (replace(ONLY, stickiness="s" * (LONGEST_FIELD + 1)),),
            [("/variants/0/stickiness", "too-long")],
        ),
    ],
)
def test_variants_share_out_the_whole(variants: tuple[Variant, ...], found: Found) -> None:
    assert _of_variants(*variants) == found
    assert _of_rule(Rule(id="a", variants=variants)) == found


def test_flagds_weights_add_up_to_anything_and_names_come_again() -> None:
    one, two = Variant(name="a", weight=1), Variant(name="b", weight=2)
    assert not _of_rule(Rule(id="a", bucketing="flagd", variants=(one, two, one)))
    for weights in ((0, 0), (2**30, 2**30)):
        variants = tuple(
            Variant(name=name, weight=weight) for name, weight in zip("ab", weights, strict=True)
        )
        rule = Rule(id="a", bucketing="flagd", variants=variants)
        assert _of_rule(rule) == [("/variants", "weights")]


@pytest.mark.parametrize(
    ("kind", "type_", "value", "fits"),
    [
        ("boolean", "string", "anything", True),
        ("boolean", "json", "true", True),
        ("boolean", "json", "{", False),
        ("boolean", "number", "one", False),
        ("string", "string", "a", True),
        ("string", "csv", "a,b", True),
        ("string", "number", "1", False),
        ("string", "json", "{}", False),
        ("number", "number", "1.5", True),
        ("number", "number", "true", False),
        ("number", "string", "1.5", False),
        ("number", "json", "[]", False),
        ("json", "json", '{"a": null}', True),
        ("json", "json", "{'a': 1}", False),
        ("json", "json", "[" * 100_000, False),
    ],
)
def test_a_payload_is_of_the_flags_kind(
    kind: FlagKind, type_: PayloadType, value: str, *, fits: bool
) -> None:
    variant = replace(ONLY, payload=Payload(type=type_, value=value))
    found = [] if fits else [("/variants/0/payload", "payload")]
    assert _of_variants(variant, kind=kind) == found
    assert _of_rule(Rule(id="a", variants=(variant,)), kind=kind) == found


@pytest.mark.parametrize(
    ("kind", "default", "fits"),
    [
        ("boolean", True, True),
        ("boolean", 1, False),
        ("string", "a", True),
        ("string", 1, False),
        ("string", True, False),
        ("number", 1.5, True),
        ("number", True, False),
        ("number", "1", False),
        ("json", {"a": [1]}, True),
        ("json", "text", True),
        ("string", None, True),
    ],
)
def test_a_default_is_of_the_flags_kind(kind: FlagKind, default: Any, *, fits: bool) -> None:
    about = About(group="beta", kind=kind, default=default)
    found = [] if fits else [("/about/default", "default")]
    assert _told(faults_of_about(about, "/about")) == found


def test_a_lifetime_is_a_day_or_more() -> None:
    assert not faults_of_about(replace(ABOUT, lifetime=1), "")
    assert _told(faults_of_about(replace(ABOUT, lifetime=0), "")) == [("/lifetime", "range")]


@pytest.mark.parametrize(
    ("prerequisites", "found"),
    [
        ((Prerequisite(flag="a"), Prerequisite(flag="b", enabled=False)), []),
        ((Prerequisite(flag=""),), [("/prerequisites/0/flag", "empty")]),
        (
            (Prerequisite(flag="a"), Prerequisite(flag="a")),
            [("/prerequisites/1/flag", "duplicate")],
        ),
        (
            (Prerequisite(flag="a", enabled=False, variants=("b",)),),
            [("/prerequisites/0/variants", "exclusive")],
        ),
    ],
)
def test_prerequisites_make_sense(prerequisites: tuple[Prerequisite, ...], found: Found) -> None:
    assert _told(faults_of_about(replace(ABOUT, prerequisites=prerequisites), "")) == found
