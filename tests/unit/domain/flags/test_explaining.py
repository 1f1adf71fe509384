"""How an answer is explained."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.flags.bucketing import bucket, variant_bucket
from domain.flags.conditions import AllOf, AnyOf, InSegment
from domain.flags.context import Context
from domain.flags.evaluation import Evaluation, compile_flag
from domain.flags.explaining import Explanation, explain
from domain.flags.explaining_conditions import (
    AllExplained,
    AnyExplained,
    ConstraintExplained,
    SegmentExplained,
)
from domain.flags.rules import Prerequisite, Rule
from domain.flags.state import Flag, NoFlag, Segment, Segments
from domain.flags.variants import Override, Variant
from tests.support import flag_models
from tests.support.flag_asking import ENVIRONMENT, a_context, a_flag, constraint

HALF = {"rollout": "50", "stickiness": "userId"}
STAFF = Rule(id="staff", title="Our own", condition=constraint("IN", "blue", field="team"))
BETA = Rule(id="beta", strategy="flexibleRollout", parameters=HALF)
OFF = replace(STAFF, id="off", disabled=True)


def _explain(
    flag: Flag | NoFlag,
    raw: Any = None,
    *,
    segments: Segments | None = None,
    others: dict[str, Flag] | None = None,
) -> Explanation:
    def parent(key: str, context: Context) -> Evaluation:
        found = (others or {}).get(key, NoFlag())
        return compile_flag(key, found, ENVIRONMENT, segments or {}, parent)(context)

    return explain("flag", flag, ENVIRONMENT, segments or {}, parent, a_context(raw))


def test_each_rule_says_what_became_of_it() -> None:
    user = next(str(n) for n in range(100) if bucket("beta", str(n)) <= 50)
    found = _explain(a_flag(OFF, STAFF, BETA, replace(BETA, id="late")), {"userId": user})
    assert [(rule.id, rule.outcome) for rule in found.rules] == [
        ("off", "disabled"),
        ("staff", "condition"),
        ("beta", "decided"),
        ("late", "not-reached"),
    ]
    assert found.rules[1].title == "Our own"
    assert found.summary == "Rule beta lets the context in."


def test_a_constraint_shows_what_was_compared_with_what() -> None:
    condition = _explain(a_flag(STAFF), {"team": "red"}).rules[0].condition
    assert condition == ConstraintExplained(
        holds=False,
        field="team",
        found="red",
        operator="IN",
        values=("blue",),
        inverted=False,
        case_insensitive=False,
    )


def test_a_field_that_is_not_there_shows_nothing() -> None:
    condition = _explain(a_flag(STAFF)).rules[0].condition
    assert isinstance(condition, ConstraintExplained)
    assert (condition.found, condition.holds) == (None, False)


def test_conditions_are_told_part_by_part() -> None:
    segments = {"blues": Segment(condition=STAFF.condition)}
    nested = AllOf(
        of=(
            AnyOf(of=(constraint("NUM_GT", "5"), InSegment(segment="blues"))),
            InSegment(segment="blues", inverted=True),
        )
    )
    flag = a_flag(replace(STAFF, condition=nested))
    said = _explain(flag, {"team": "blue", "x": "3"}, segments=segments).rules[0].condition
    assert isinstance(said, AllExplained)
    either, neither = said.of
    assert isinstance(either, AnyExplained)
    assert isinstance(neither, SegmentExplained)
    assert [part.holds for part in either.of] == [False, True]
    assert (said.holds, either.holds, neither.holds) == (False, True, False)
    assert neither.condition is not None
    assert neither.condition.holds


def test_a_rollout_shows_the_bucket_and_the_threshold() -> None:
    rollout = _explain(a_flag(BETA), {"userId": "7"}).rules[0].strategy.rollout
    assert rollout is not None
    assert (rollout.stickiness, rollout.group, rollout.subject) == ("userId", "beta", "7")
    assert (rollout.bucket, rollout.threshold, rollout.of) == (bucket("beta", "7"), 50, 100)


def test_a_rollout_without_a_subject_shows_that() -> None:
    found = _explain(a_flag(BETA)).rules[0]
    assert found.outcome == "strategy"
    assert found.strategy.rollout is not None
    assert (found.strategy.rollout.subject, found.strategy.rollout.bucket) == (None, None)


def test_a_flag_without_rules_is_explained_by_its_own_rollout() -> None:
    (rule,) = _explain(a_flag(rollout=50), {"userId": "7"}).rules
    assert rule.strategy.rollout is not None
    assert rule.strategy.rollout.bucket == bucket("beta", "7")


def test_the_variant_shows_how_it_was_chosen() -> None:
    red = Variant(name="red", weight=300, overrides=(Override(field="team", values=("red",)),))
    blue = Variant(name="blue", weight=700)
    flag = a_flag(Rule(id="all"), variants=(red, blue))
    by_weight = _explain(flag, {"userId": "7"}).rules[0].variant
    assert by_weight is not None
    assert by_weight.weights is not None
    found = variant_bucket("flag", "7", 1000)
    assert (by_weight.by, by_weight.weights.bucket) == ("weight", found)
    assert by_weight.weights.threshold == (300 if found <= 300 else 1000)
    assert by_weight.name == ("red" if found <= 300 else "blue")

    by_override = _explain(flag, {"userId": "7", "team": "red"}).rules[0].variant
    assert by_override is not None
    assert (by_override.by, by_override.name) == ("override", "red")
    by_rule = _explain(a_flag(Rule(id="all", serve="blue"), variants=(red, blue))).rules[0].variant
    assert by_rule is not None
    assert (by_rule.by, by_rule.name) == ("rule", "blue")


def test_flagds_bucketing_is_explained_too() -> None:
    pair = (Variant(name="heads", weight=1), Variant(name="tails", weight=1))
    flag = a_flag(Rule(id="split", variants=pair, bucketing="flagd"))
    found = _explain(flag, {"targetingKey": "t"}).rules[0].variant
    assert found is not None
    assert found.weights is not None
    assert (found.weights.subject, found.weights.of) == ("flagt", 2)
    assert found.weights.bucket is not None
    assert found.weights.bucket <= found.weights.threshold
    assert _explain(flag).rules[0].outcome == "no-subject"


def test_prerequisites_show_what_was_wanted_and_found() -> None:
    wanted = Prerequisite(flag="parent", variants=("a",))
    others = {"parent": a_flag(variants=(Variant(name="b", weight=1000),))}
    found = _explain(a_flag(BETA, prerequisites=(wanted,)), others=others)
    (parent,) = found.prerequisites
    assert (parent.met, parent.enabled, parent.variant, parent.wanted) == (False, True, "b", wanted)
    assert found.summary == "A prerequisite is not met."
    assert [rule.outcome for rule in found.rules] == ["not-reached"]


def test_what_is_off_says_why() -> None:
    flag = a_flag(BETA)
    assert _explain(NoFlag()).summary == "There is no such flag."
    assert _explain(replace(flag, archived=True)).summary == "The flag is archived."
    assert _explain(replace(flag, killed=True)).summary == "The flag's kill switch is thrown."
    assert _explain(a_flag(enabled=False)).summary == "The flag is disabled in production."
    assert _explain(a_flag(STAFF)).summary == "No rule lets the context in."


def test_a_broken_rule_says_what_is_wrong_with_it() -> None:
    found = _explain(a_flag(replace(BETA, condition=constraint("REGEX", "("))))
    (rule,) = found.rules
    assert (rule.outcome, found.evaluation.reason) == ("broken", "ERROR")
    assert isinstance(rule.condition, ConstraintExplained)
    assert rule.condition.problem
    assert "cannot be evaluated" in found.summary
    gone = _explain(a_flag(replace(BETA, condition=InSegment(segment="gone")))).rules[0]
    assert isinstance(gone.condition, SegmentExplained)
    assert gone.condition.problem == "there is no such segment"
    wild = replace(BETA, parameters={"rollout": "101"})
    assert _explain(a_flag(wild)).rules[0].strategy.problem


def test_a_long_list_is_not_repeated_whole() -> None:
    many = replace(STAFF, condition=constraint("IN", *map(str, range(1000))))
    condition = _explain(a_flag(many)).rules[0].condition
    assert isinstance(condition, ConstraintExplained)
    assert len(condition.values) == 20


@settings(max_examples=50)
@given(flag_models.flag_sets(), st.lists(flag_models.contexts(), min_size=1, max_size=3))
def test_explanations_agree_with_what_they_explain(
    found: tuple[dict[str, Flag], Segments], contexts: list[dict[str, Any]]
) -> None:
    flags, segments = found
    for context in contexts:
        for flag in flags.values():
            said = _explain(flag, context, segments=segments, others=flags)
            decided = [rule for rule in said.rules if rule.outcome == "decided"]
            assert [rule.id for rule in decided] == (
                [said.evaluation.rule] if said.evaluation.enabled else []
            )
            for rule in decided:
                assert rule.condition.holds
                assert rule.strategy.activates
                name = None if rule.variant is None else rule.variant.name
                served = said.evaluation.variant
                assert name == (None if served is None else served.name)
            assert msgspec.json.decode(msgspec.json.encode(said), type=Explanation) == said
