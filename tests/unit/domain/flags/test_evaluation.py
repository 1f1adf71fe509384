"""What a flag answers, why, and that it always answers."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from domain.flags.conditions import AllOf, Condition, InSegment
from domain.flags.evaluation import compile_flag
from domain.flags.rules import Prerequisite, Rule, Setting
from domain.flags.state import Flag, NoFlag, Segment
from domain.flags.variants import FlagKind, Variant
from tests.support.flag_asking import ENVIRONMENT, a_context, a_flag, ask, constraint

NOBODY = Rule(id="nobody", strategy="userWithId", parameters={"userIds": "nobody"})
ADA = Rule(id="ada", strategy="userWithId", parameters={"userIds": "ada"})
REST = Rule(id="rest")
ONLY = Variant(name="only", weight=1000)


def test_the_first_rule_that_fits_decides() -> None:
    flag = a_flag(NOBODY, ADA, REST)
    assert ask(flag, {"userId": "ada"}).rule == "ada"
    assert ask(flag, {"userId": "bob"}).rule == "rest"


def test_rules_that_are_disabled_are_not_there() -> None:
    assert ask(a_flag(replace(ADA, disabled=True), REST), {"userId": "ada"}).rule == "rest"
    assert not ask(a_flag(replace(REST, disabled=True))).enabled


def test_with_rules_they_alone_decide() -> None:
    assert not ask(a_flag(NOBODY, rollout=100), {"userId": "ada"}).enabled


@pytest.mark.parametrize("rollout", [0, 30, 100])
def test_without_rules_the_settings_rollout_decides(rollout: int) -> None:
    explicit = {"rollout": str(rollout), "stickiness": "default", "groupId": "beta"}
    same = a_flag(Rule(id="same", strategy="flexibleRollout", parameters=explicit))
    for user in map(str, range(100)):
        said = {"userId": user}
        assert ask(a_flag(rollout=rollout), said).enabled == ask(same, said).enabled


def test_a_flag_that_is_killed_archived_or_disabled_is_off() -> None:
    flag = a_flag(REST, variants=(ONLY,))
    for off in (
        replace(flag, killed=True),
        replace(flag, archived=True),
        a_flag(REST, enabled=False),
        replace(flag, settings={}),
    ):
        found = ask(off)
        assert (found.enabled, found.value, found.variant) == (False, False, None)
        assert found.reason == "DISABLED"


def test_a_flag_that_nobody_defined_is_not_found() -> None:
    evaluate = compile_flag("k", NoFlag(), ENVIRONMENT, {}, lambda _, __: evaluate(a_context()))
    found = evaluate(a_context())
    assert (found.enabled, found.value, found.error) == (False, None, "FLAG_NOT_FOUND")


def test_one_context_free_answer_is_shared() -> None:
    evaluate = compile_flag(
        "k", a_flag(variants=(ONLY,)), ENVIRONMENT, {}, lambda _, __: ask(a_flag())
    )
    assert evaluate(a_context({"userId": "1"})) is evaluate(a_context({"userId": "2"}))


TWO = (Variant(name="one", weight=500), Variant(name="two", weight=500))
HALF = Rule(id="half", strategy="flexibleRollout", parameters={"rollout": "99"})


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (a_flag(), "STATIC"),
        (a_flag(variants=(ONLY,)), "STATIC"),
        (a_flag(REST), "STATIC"),
        (a_flag(rollout=99), "SPLIT"),
        (a_flag(variants=TWO), "SPLIT"),
        (a_flag(ADA), "TARGETING_MATCH"),
        (
            a_flag(replace(REST, condition=constraint("IN", "ada", field="userId"))),
            "TARGETING_MATCH",
        ),
        (a_flag(HALF), "SPLIT"),
        (a_flag(replace(ADA, variants=TWO)), "SPLIT"),
        (a_flag(NOBODY, REST), "DEFAULT"),
        (a_flag(NOBODY), "DEFAULT"),
        (a_flag(rollout=0), "DEFAULT"),
    ],
)
def test_the_reason_says_how_it_came_about(flag: Flag, reason: str) -> None:
    assert ask(flag, {"userId": "ada"}).reason == reason


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [
        ("boolean", None, False),
        ("boolean", True, False),
        ("string", None, ""),
        ("string", "plain", "plain"),
        ("number", 0, 0),
        ("number", 7, 7),
        ("json", None, None),
        ("json", [1], [1]),
    ],
)
def test_off_its_value_is_the_declared_default_or_no(
    kind: FlagKind, default: Any, value: Any
) -> None:
    for flag in (
        a_flag(NOBODY, kind=kind, default=default),
        a_flag(enabled=False, kind=kind, default=default),
    ):
        assert ask(flag).value == value


@pytest.mark.parametrize(
    ("wanted", "parent", "met"),
    [
        (Prerequisite(flag="parent"), a_flag(), True),
        (Prerequisite(flag="parent"), a_flag(enabled=False), False),
        (Prerequisite(flag="parent"), a_flag(NOBODY), False),
        (Prerequisite(flag="parent", enabled=False), a_flag(), False),
        (Prerequisite(flag="parent", enabled=False), a_flag(enabled=False), True),
        (Prerequisite(flag="parent", variants=("only",)), a_flag(variants=(ONLY,)), True),
        (Prerequisite(flag="parent", variants=("a", "b")), a_flag(variants=(ONLY,)), False),
        (Prerequisite(flag="parent", variants=("only",)), a_flag(), False),
        (Prerequisite(flag="parent", variants=("disabled",)), a_flag(), True),
        (Prerequisite(flag="parent", variants=("disabled",)), a_flag(enabled=False), False),
        (Prerequisite(flag="unknown"), a_flag(), False),
        (Prerequisite(flag="unknown", enabled=False), a_flag(), False),
    ],
)
def test_a_prerequisite_must_be_met(wanted: Prerequisite, parent: Flag, *, met: bool) -> None:
    found = ask(a_flag(REST, prerequisites=(wanted,)), others={"parent": parent})
    assert found.enabled is met
    assert found.reason == "DEFAULT"
    assert found.error is None


def test_prerequisites_are_asked_with_the_same_context() -> None:
    child = a_flag(prerequisites=(Prerequisite(flag="parent"),))
    others = {"parent": a_flag(ADA)}
    assert ask(child, {"userId": "ada"}, others=others).enabled
    assert not ask(child, {"userId": "bob"}, others=others).enabled


def test_prerequisites_have_prerequisites() -> None:
    child = a_flag(prerequisites=(Prerequisite(flag="parent"),))
    parent = a_flag(prerequisites=(Prerequisite(flag="grand"),))
    for grand in (True, False):
        others = {"parent": parent, "grand": a_flag(enabled=grand)}
        assert ask(child, others=others).enabled is grand


def test_flags_that_wait_for_each_other_answer_all_the_same() -> None:
    one = a_flag(prerequisites=(Prerequisite(flag="two"),))
    two = a_flag(prerequisites=(Prerequisite(flag="one"),))
    found = ask(one, key="one", others={"two": two})
    assert not found.enabled


@pytest.mark.parametrize(
    "broken",
    [
        replace(REST, condition=constraint("REGEX", "(")),
        replace(REST, condition=constraint("REGEX", "a" * 1001)),
        replace(REST, condition=constraint("REGEX", "(?=a)")),
        replace(REST, condition=constraint("NUM_GT", "five")),
        replace(REST, condition=constraint("NUM_GT")),
        replace(REST, condition=constraint("NUM_GT", "1", "2")),
        replace(REST, condition=constraint("DATE_AFTER", "yesterday")),
        replace(REST, condition=constraint("SEMVER_EQ", "1.0")),
        replace(REST, condition=InSegment(segment="gone")),
        replace(REST, condition=AllOf(of=(AllOf(of=()), constraint("SEMVER_EQ", "v1.0.0")))),
        replace(REST, strategy="flexibleRollout", parameters={"rollout": "101"}),
        replace(REST, strategy="gradualRolloutRandom", parameters={"percentage": "9" * 5000}),
        replace(REST, serve="gone"),
        replace(REST, variants=(Variant(name="a", weight=0),)),
        replace(REST, variants=(Variant(name="a", weight=-1), Variant(name="b", weight=5))),
    ],
)
def test_a_broken_rule_gives_the_default_and_an_error(broken: Rule) -> None:
    flag = a_flag(ADA, replace(broken, id="broken"), REST, kind="string", default="safe")
    found = ask(flag, {"userId": "bob"})
    assert (found.enabled, found.value, found.variant) == (False, "safe", None)
    assert (found.reason, found.error, found.rule) == ("ERROR", "PARSE_ERROR", "broken")
    assert ask(flag, {"userId": "ada"}).rule == "ada"


def test_a_segment_that_is_archived_is_not_there() -> None:
    flag = a_flag(replace(REST, condition=InSegment(segment="old")))
    old = Segment(condition=AllOf(of=()), archived=True)
    assert ask(flag, segments={"old": old}).error == "PARSE_ERROR"


def test_a_declared_default_of_yes_holds_where_a_rule_is_broken() -> None:
    broken = replace(REST, serve="gone")
    found = ask(a_flag(broken, default=True))
    assert (found.enabled, found.value, found.reason) == (True, True, "ERROR")


def test_conditions_that_lie_too_deep_to_be_followed_are_broken() -> None:
    condition: Condition = constraint("IN", "a")
    for _ in range(2 * sys.getrecursionlimit()):
        condition = AllOf(of=(condition,))
    assert ask(a_flag(replace(REST, condition=condition))).reason == "ERROR"


def test_a_parent_that_raises_is_an_error_of_the_flags() -> None:
    def parent(_: str, __: Any) -> Any:
        raise RuntimeError("boom")

    flag = a_flag(prerequisites=(Prerequisite(flag="parent"),))
    found = compile_flag("beta", flag, ENVIRONMENT, {}, parent)(a_context())
    assert (found.reason, found.error) == ("ERROR", "GENERAL")


def test_an_environment_nobody_has_set_up_is_off() -> None:
    evaluate: Callable[..., Any] = compile_flag(
        "beta", a_flag(), "elsewhere", {}, lambda _, __: ask(a_flag())
    )
    assert evaluate(a_context()).reason == "DISABLED"
    assert Setting() == a_flag().setting("elsewhere")
