from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint, InSegment
from domain.flags.documents import Inexpressible
from domain.flags.normal_form import negated
from domain.flags.rules import Rule, Setting
from domain.flags.state import About, Flag, Segment
from domain.flags.unleash import (
    number_segments,
    unleash_feature,
    write_unleash,
)
from domain.flags.variants import Payload, Variant
from tests.support.unleash_documents import (
    ENVIRONMENT,
    answered,
    asked,
    contexts,
    served,
)

many_contexts = st.lists(contexts(), min_size=4, max_size=4)


literals = st.one_of(
    st.builds(
        Constraint,
        field=st.sampled_from(["team", "userId"]),
        operator=st.sampled_from(["IN", "NOT_IN", "STR_CONTAINS"]),
        values=st.lists(st.sampled_from(["ann", "1", "[x]"]), min_size=1, max_size=2).map(tuple),
        inverted=st.booleans(),
        case_insensitive=st.booleans(),
    ),
    st.builds(
        Constraint,
        field=st.sampled_from(["team", "userId"]),
        operator=st.sampled_from(["NUM_GT", "NUM_LTE"]),
        values=st.sampled_from([("1",), ("2.5",)]),
        inverted=st.booleans(),
    ),
    st.builds(InSegment, segment=st.sampled_from(["plain", "nested"]), inverted=st.booleans()),
)
conditions = st.recursive(
    literals,
    lambda inner: st.one_of(
        st.builds(AllOf, of=st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, of=st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
ONE = Constraint(field="team", operator="IN", values=("ann", "ANN", "1"))
OTHER = Constraint(field="userId", operator="STR_STARTS_WITH", values=("a",))
SEGMENTS = {
    "plain": Segment(condition=AllOf(of=(ONE,))),
    "nested": Segment(condition=AnyOf(of=(ONE, AllOf(of=(OTHER, negated(ONE)))))),
}
VARIANTS = (
    Variant(name="a", weight=400, payload=Payload(type="string", value="A")),
    Variant(name="b", weight=600),
)
own_rules = st.builds(
    Rule,
    id=st.just("r"),
    condition=conditions,
    disabled=st.sampled_from([False, False, True]),
    strategy=st.just("flexibleRollout"),
    parameters=st.sampled_from(
        [
            {"rollout": "40", "stickiness": "userId"},
            {"rollout": "70", "stickiness": "default", "groupId": "g"},
            {"rollout": "100", "stickiness": "default"},
        ]
    ),
    serve=st.sampled_from(["", "", "b"]),
)
settings_of_flags = st.builds(
    Setting,
    enabled=st.just(True),
    rollout=st.sampled_from([0, 35, 100]),
    rules=st.lists(own_rules, max_size=3).map(tuple),
    variants=st.sampled_from([(), VARIANTS]),
)


@given(settings_of_flags, many_contexts)
def test_clients_answer_as_we_do_whatever_is_nested(
    setting: Setting, asking: list[dict[str, Any]]
) -> None:
    assume(setting.variants or not any(rule.serve for rule in setting.rules))
    flag = Flag(about=About(group="group"), settings={ENVIRONMENT: setting})
    try:
        document = served({"flag": flag}, SEGMENTS)
    except Inexpressible:
        reject()  # one of too many alternatives
    assert asked(document, asking) == answered({"flag": flag}, SEGMENTS, asking)


def test_a_rollout_without_rules_is_a_strategy_of_the_flags_group() -> None:
    flag = Flag(
        about=About(group="shared"), settings={ENVIRONMENT: Setting(enabled=True, rollout=20)}
    )
    feature = unleash_feature("f", flag, ENVIRONMENT, number_segments({}))
    assert [(each["name"], each["parameters"]) for each in feature["strategies"]] == [
        ("flexibleRollout", {"rollout": "20", "stickiness": "default", "groupId": "shared"})
    ]


@pytest.mark.parametrize("off", [{"killed": True}, {"archived": True}, {"settings": {}}])
def test_a_flag_that_is_off_is_served_as_off(off: dict[str, Any]) -> None:
    said = {"settings": {ENVIRONMENT: Setting(enabled=True)}, **off}
    flag = Flag(about=About(group="f"), **said)
    assert not unleash_feature("f", flag, ENVIRONMENT, number_segments({}))["enabled"]


def test_rules_that_are_all_disabled_let_nobody_in() -> None:
    setting = Setting(enabled=True, rules=(Rule(id="r", disabled=True),))
    flag = Flag(about=About(group="f"), settings={ENVIRONMENT: setting})
    feature = unleash_feature("f", flag, ENVIRONMENT, number_segments({}))
    assert asked({"version": 2, "features": [feature]}, [{}])[0]["f"][0] is False


ANY = AnyOf(of=(ONE, OTHER))


def test_what_is_left_to_chance_is_decided_once_for_each_request() -> None:
    rule = Rule(
        id="r",
        condition=ANY,
        strategy="gradualRolloutRandom",
        parameters={"percentage": "50"},
    )
    flag = Flag(about=About(group="f"), settings={ENVIRONMENT: Setting(rules=(rule,))})
    first, second = unleash_feature("f", flag, ENVIRONMENT, number_segments({}))["strategies"]
    assert [each["operator"] for each in first["constraints"]] == ["IN"]
    assert [each["operator"] for each in second["constraints"]] == ["NOT_IN", "STR_STARTS_WITH"]


def test_segments_among_alternatives_left_to_chance_are_spelt_out() -> None:
    rule = Rule(
        id="r",
        condition=AnyOf(of=(InSegment(segment="plain"), OTHER)),
        strategy="flexibleRollout",
        parameters={"rollout": "50", "stickiness": "random"},
    )
    flag = Flag(about=About(group="f"), settings={ENVIRONMENT: Setting(rules=(rule,))})
    numbered = number_segments({"plain": SEGMENTS["plain"]})
    first, second = unleash_feature("f", flag, ENVIRONMENT, numbered)["strategies"]
    assert (first["segments"], second["segments"]) == ([], [])
    assert [each["operator"] for each in second["constraints"]] == ["NOT_IN", "STR_STARTS_WITH"]


@pytest.mark.parametrize(
    "text", ["2030-01-01 01:00:00+0100", "2030-1-1T0:0:0.0Z", "2029-12-31T23:59:60z"]
)
def test_clients_are_given_dates_that_they_can_read(text: str) -> None:
    condition = Constraint(field="currentTime", operator="DATE_BEFORE", values=(text,))
    setting = Setting(enabled=True, rules=(Rule(id="r", condition=condition),))
    flag = Flag(about=About(group="f"), settings={ENVIRONMENT: setting})
    asking = [{"currentTime": f"20{each}:00:00Z"} for each in ("29-12-31T23", "30-01-01T00")]
    document = served({"f": flag}, {})
    assert [each["f"][0] for each in asked(document, asking)] == [True, False]


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint(field="team", operator="IN", values=("ANN", "[x]"), case_insensitive=True),
        Constraint(field="team", operator="NOT_IN", values=("Bob",), case_insensitive=True),
        Constraint(field="currentTime", operator="DATE_BEFORE", values=("2030-01-01 00:00:00Z",)),
    ],
)
def test_segments_are_read_by_clients_as_by_us(constraint: Constraint) -> None:
    rule = Rule(id="r", condition=InSegment(segment="s"))
    flag = Flag(
        about=About(group="f"), settings={ENVIRONMENT: Setting(enabled=True, rules=(rule,))}
    )
    segments = {"s": Segment(condition=constraint)}
    times = {"currentTime": "2026-03-01T12:00:00Z"}
    asking = [{"properties": {"team": team}, **times} for team in ("ann", "BOB", "[X]", "x")]
    document = served({"f": flag}, segments)
    assert asked(document, asking) == answered({"f": flag}, segments, asking)
    assert document["features"][0]["strategies"][0]["segments"]


def crowded() -> Condition:
    pairs = (
        AnyOf(
            of=tuple(
                Constraint(field=f"f{side}{index}", operator="IN", values=("x",))
                for side in range(2)
            )
        )
        for index in range(8)
    )
    return AllOf(of=tuple(pairs))


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Rule(id="r", condition=crowded()), "more than 100 strategies"),
        (Rule(id="r", bucketing="flagd"), "as flagd does it"),
        (Rule(id="r", serve="c"), "serves c"),
        (Rule(id="r", condition=InSegment(segment="lost")), "no segment lost"),
        (
            Rule(id="r", condition=Constraint(field='a"b', operator="IN", values=("1",))),
            "has a quote",
        ),
        (
            Rule(id="r", condition=Constraint(field="a", operator="IN", values=("1\\",))),
            "ends in",
        ),
        (
            Rule(
                id="r",
                strategy="flexibleRollout",
                parameters={"rollout": "10", "stickiness": "team", "groupId": "g"},
                variants=VARIANTS,
            ),
            "hold on to default",
        ),
        (
            Rule(
                id="r",
                strategy="flexibleRollout",
                parameters={"rollout": "10", "groupId": 'g"'},
            ),
            "groupId",
        ),
    ],
)
def test_what_clients_would_answer_otherwise_is_refused(rule: Rule, reason: str) -> None:
    setting = Setting(enabled=True, rules=(rule,), variants=VARIANTS)
    flag = Flag(about=About(group="f"), settings={ENVIRONMENT: setting})
    with pytest.raises(Inexpressible, match=reason):
        unleash_feature("f", flag, ENVIRONMENT, number_segments({}))
    with pytest.raises(Inexpressible) as refused:
        write_unleash({"f": flag, "g": flag}, {"s": SEGMENTS["nested"]}, ENVIRONMENT)
    assert any("segment s" in each for each in refused.value.reasons)


def test_segments_keep_their_numbers_whatever_else_is_there() -> None:
    plain = SEGMENTS["plain"]
    alone = number_segments({"beta": plain}).numbers["beta"]
    crowd = {f"segment-{alone}": plain, **dict.fromkeys(("alpha", "gamma"), plain)}
    numbers = number_segments({**crowd, "beta": plain}).numbers
    assert numbers[f"segment-{alone}"] == alone
    assert len(set(numbers.values())) == len(numbers)
    assert number_segments({"alpha": plain, "beta": plain}).numbers["beta"] == alone
