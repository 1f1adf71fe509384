from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from domain.flags.conditions import AllOf, AnyOf, Condition, Constraint, InSegment
from domain.flags.documents import FlagSet, ImportedFlag, Inexpressible
from domain.flags.normal_form import negated
from domain.flags.rules import Rule, Setting
from domain.flags.state import About, Flag, Segment
from domain.flags.unleash import (
    EXPORT,
    SERVED,
    STATE,
    number_segments,
    read_unleash,
    unleash_feature,
    write_unleash,
)
from domain.flags.variants import Payload, Variant
from tests.support.unleash_documents import (
    ENVIRONMENT,
    answered,
    asked,
    contexts,
    documents,
    flags_of,
)

many_contexts = st.lists(contexts(), min_size=4, max_size=4)


def served(flags: dict[str, Flag], segments: dict[str, Segment]) -> dict[str, Any]:
    numbered = number_segments(segments)
    features = [
        unleash_feature(key, flag, ENVIRONMENT, numbered, flags=flags)
        for key, flag in flags.items()
    ]
    written = write_unleash({}, {name: segments[name] for name in numbered.numbers}, ENVIRONMENT)
    return {"version": 2, "features": features, "segments": written["segments"]}


@given(documents(), many_contexts)
def test_a_document_written_again_gives_the_answers_that_it_gave(
    document: dict[str, Any], asking: list[dict[str, Any]]
) -> None:
    found = read_unleash(document, ENVIRONMENT)
    flags = flags_of(found)
    again = write_unleash(flags, found.segments, ENVIRONMENT)
    to_clients = served(flags, found.segments)
    answers = asked(document, asking)
    assert asked(again, asking) == answers
    assert asked(to_clients, asking) == answers
    assert answered(flags, found.segments, asking) == answers


@pytest.mark.parametrize("version", [STATE, SERVED, EXPORT])
@given(document=documents())
def test_what_was_written_is_read_as_it_was(version: int, document: dict[str, Any]) -> None:
    found = read_unleash(document, ENVIRONMENT)
    written = write_unleash(flags_of(found), found.segments, ENVIRONMENT, version=version)
    assert read_unleash(written, ENVIRONMENT) == found


@given(documents())
def test_a_document_written_again_says_what_it_said(document: dict[str, Any]) -> None:
    found = read_unleash(document, ENVIRONMENT)
    written = write_unleash(flags_of(found), found.segments, ENVIRONMENT)
    for before, after in zip(document["features"], written["features"], strict=True):
        assert [each["parameters"] for each in after["strategies"]] == [
            each["parameters"] for each in before["strategies"]
        ]
        assert [each["title"] for each in after["strategies"]] == [
            each.get("title", "") for each in before["strategies"]
        ]
        assert [each["sortOrder"] for each in after["strategies"]] == [
            order for order, _ in enumerate(before["strategies"])
        ]
        assert after["variants"] == before["variants"]
        assert {name: after[name] for name in ("type", "project", "stale", "description")} == {
            name: before[name] for name in ("type", "project", "stale", "description")
        }


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


def test_our_own_words_survive_an_export() -> None:
    about = About(
        group="shared",
        kind="number",
        default=3,
        owner="ann",
        tags=("team:a", "loose", "simple:b:c"),
        lifetime=9,
        protected=True,
    )
    found = FlagSet(flags={"f": ImportedFlag(about=about, setting=Setting(enabled=True))})
    document = write_unleash(flags_of(found), {}, ENVIRONMENT)
    assert read_unleash(document, ENVIRONMENT) == found


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
