"""What the flags' decider decides, and that what it decides can be taken back."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.flags.commands import ChangeFlag, FlagIsArchived, FlagIsProtected, NoSuchFlag
from domain.flags.conditions import Constraint, InSegment
from domain.flags.decider import FLAG
from domain.flags.differences import differences, edits_between
from domain.flags.edits import (
    Archive,
    Describe,
    Disable,
    Edit,
    Enable,
    Kill,
    Mark,
    Release,
    Revive,
    RollOut,
    SetRules,
)
from domain.flags.events import (
    FlagArchived,
    FlagDefined,
    FlagDisabled,
    FlagEnabled,
    FlagEvent,
    FlagKilled,
    FlagMarkedActive,
    FlagMarkedStale,
    FlagReleased,
    FlagRevived,
    FlagRolledOut,
    FlagRulesChanged,
    FlagVariantsChanged,
)
from domain.flags.rules import Rule
from domain.flags.state import About, Flag, NoFlag
from domain.flags.variants import Variant, payload_of
from domain.rejections import Invalid
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
ABOUT = About(group="beta")
DEFINED = FlagDefined(about=ABOUT)
ON = FlagEnabled(environment="default")
OFF = FlagDisabled(environment="default")
HALF = Rule(id="half", strategy="flexibleRollout", parameters={"rollout": "50"})
NORWAY = Rule(id="no", condition=Constraint(field="country", operator="IN", values=("NO",)))


def change(*edits: Edit, **more: Any) -> ChangeFlag:
    return ChangeFlag(flag="beta", edits=edits, at=AT, **more)


def rules(*rules_: Rule) -> SetRules:
    return SetRules(environment="default", rules=rules_)


def changed(*rules_: Rule) -> FlagRulesChanged:
    return FlagRulesChanged(environment="default", rules=rules_)


def test_defining_a_flag_says_what_is_new() -> None:
    edits = (
        Describe(about=ABOUT),
        RollOut(environment="default", rollout=30),
        Enable(environment="default"),
    )
    given(FLAG).when(change(*edits)).then(
        DEFINED, FlagRolledOut(environment="default", rollout=30), ON
    )


def test_what_a_flag_says_about_itself_changes_as_a_whole() -> None:
    owned = msgspec.structs.replace(ABOUT, owner="team")
    given(FLAG, DEFINED).when(change(Describe(about=owned))).then(FlagDefined(about=owned))


@pytest.mark.parametrize(
    ("history", "edit"),
    [
        ([], Describe(about=ABOUT)),
        ([ON], Enable(environment="default")),
        ([], Disable(environment="default")),
        ([], RollOut(environment="default", rollout=100)),
        ([changed(HALF)], rules(HALF)),
        ([changed(HALF)], RollOut(environment="default", rollout=50, rule="half")),
        ([FlagKilled(reason="")], Kill(reason="again")),
        ([], Release()),
        ([FlagArchived()], Archive()),
        ([], Revive()),
        ([FlagMarkedStale()], Mark(stale=True)),
        ([], Mark(stale=False)),
    ],
)
def test_what_is_so_already_changes_nothing(history: list[FlagEvent], edit: Edit) -> None:
    given(FLAG, DEFINED, *history).when(change(edit)).then()


@pytest.mark.parametrize(
    ("history", "edit", "event"),
    [
        ([], Enable(environment="default"), ON),
        ([ON], Enable(environment="staging"), FlagEnabled(environment="staging")),
        ([ON], Disable(environment="default"), OFF),
        ([], Kill(reason="fire"), FlagKilled(reason="fire")),
        ([FlagKilled(reason="")], Release(), FlagReleased()),
        ([], Archive(), FlagArchived()),
        ([FlagArchived()], Revive(), FlagRevived()),
        ([], Mark(stale=True), FlagMarkedStale()),
        ([FlagMarkedStale()], Mark(stale=False), FlagMarkedActive()),
        ([], rules(NORWAY, HALF), changed(NORWAY, HALF)),
    ],
)
def test_an_edit_is_an_event(history: list[FlagEvent], edit: Edit, event: FlagEvent) -> None:
    given(FLAG, DEFINED, *history).when(change(edit)).then(event)


def test_a_rule_is_rolled_out_by_its_own_percentage() -> None:
    by_user = Rule(id="old", strategy="gradualRolloutUserId", parameters={"percentage": "5"})
    wider = Rule(id="old", strategy="gradualRolloutUserId", parameters={"percentage": "20"})
    edit = RollOut(environment="default", rollout=20, rule="old")
    given(FLAG, DEFINED, changed(HALF, by_user)).when(change(edit)).then(changed(HALF, wider))


@pytest.mark.parametrize(
    ("edit", "pointer", "code"),
    [
        (RollOut(environment="default", rollout=101), "/rollout", "range"),
        (RollOut(environment="default", rollout=1, rule="x"), "/rule", "unknown-rule"),
        (RollOut(environment="default", rollout=1, rule="no"), "/rule", "no-percentage"),
        (rules(Rule(id="a", strategy="magic")), "/rules/0/strategy", "unknown-strategy"),
        (
            rules(Rule(id="a", condition=InSegment(segment="gone"))),
            "/rules/0/condition/segment",
            "unknown-segment",
        ),
    ],
)
def test_a_wrong_edit_is_refused_where_it_is_wrong(edit: Edit, pointer: str, code: str) -> None:
    command = change(Enable(environment="default"), edit, pointers=("/edits/0", "/edits/1"))
    refusal = given(FLAG, DEFINED, changed(NORWAY)).when(command).refused(Invalid)
    assert isinstance(refusal, Invalid)
    assert [(fault.pointer, fault.code) for fault in refusal.faults] == [
        (f"/edits/1{pointer}", code)
    ]


def test_weights_that_do_not_add_up_are_refused() -> None:
    variants = (Variant(name="a", weight=600), Variant(name="b", weight=300))
    edit = SetRules(environment="default", rules=(), variants=variants)
    refusal = given(FLAG, DEFINED).when(change(edit)).refused(Invalid)
    assert isinstance(refusal, Invalid)
    assert refusal.faults[0].pointer == "/variants"


def test_a_flag_does_not_become_of_another_kind_than_what_it_serves() -> None:
    texts = FlagVariantsChanged(
        environment="default",
        variants=(Variant(name="a", weight=1000, payload=payload_of("red")),),
    )
    number = msgspec.structs.replace(ABOUT, kind="number")
    refusal = given(FLAG, DEFINED, texts).when(change(Describe(about=number))).refused(Invalid)
    assert isinstance(refusal, Invalid)
    assert refusal.faults[0].pointer == "/kind"


def test_a_flag_becomes_of_another_kind_with_all_that_it_serves() -> None:
    def served(value: object) -> FlagVariantsChanged:
        variants = (Variant(name="a", weight=1000, payload=payload_of(value)),)
        return FlagVariantsChanged(environment="default", variants=variants)

    number = msgspec.structs.replace(ABOUT, kind="number")
    new = SetRules(environment="default", rules=(), variants=served(5).variants)
    command = change(Describe(about=number), new)
    given(FLAG, DEFINED, served("red")).when(command).then(FlagDefined(about=number), served(5))


def test_a_strategy_that_nobody_has_is_kept_where_it_was_imported() -> None:
    magic = Rule(id="a", strategy="magic")
    given(FLAG, DEFINED).when(change(rules(magic), foreign=True)).then(changed(magic))


@pytest.mark.parametrize("edit", [Enable(environment="default"), Kill(), Archive(), Revive()])
def test_an_unknown_flag_cannot_be_changed(edit: Edit) -> None:
    given(FLAG).when(change(edit)).refused(NoSuchFlag)


@pytest.mark.parametrize("edit", [Enable(environment="default"), Describe(about=ABOUT), Kill()])
def test_an_archived_flag_only_comes_back(edit: Edit) -> None:
    given(FLAG, DEFINED, FlagArchived()).when(change(edit)).refused(FlagIsArchived)


def test_a_protected_flag_waits_for_approval_but_can_be_killed() -> None:
    protected = FlagDefined(about=msgspec.structs.replace(ABOUT, protected=True))
    on = Enable(environment="default")
    given(FLAG, protected).when(change(on)).refused(FlagIsProtected)
    given(FLAG, protected).when(change(Describe(about=ABOUT))).refused(FlagIsProtected)
    given(FLAG, protected).when(change(Kill(), on)).refused(FlagIsProtected)
    given(FLAG, protected).when(change(on, approved=True)).then(ON)
    given(FLAG, protected).when(change(Kill(reason="x"))).then(FlagKilled(reason="x"))


EVENTS = st.sampled_from(
    [
        DEFINED,
        FlagDefined(about=About(group="", owner="team", kind="string")),
        ON,
        OFF,
        FlagEnabled(environment="staging"),
        FlagRolledOut(environment="default", rollout=20),
        changed(HALF),
        changed(NORWAY, HALF),
        FlagVariantsChanged(environment="staging", variants=(Variant(name="a", weight=1000),)),
        FlagKilled(reason=""),
        FlagReleased(),
        FlagArchived(),
        FlagRevived(),
        FlagMarkedStale(),
        FlagMarkedActive(),
    ]
)


@for_all(st.lists(EVENTS))
def test_any_events_in_any_order_fold(events: list[FlagEvent]) -> None:
    state = FLAG.fold(events)
    assert isinstance(state, Flag) == any(isinstance(event, FlagDefined) for event in events)


@for_all(st.lists(EVENTS), st.lists(EVENTS))
def test_edits_lead_from_any_state_to_any_other(
    first: list[FlagEvent], second: list[FlagEvent]
) -> None:
    before, after = FLAG.fold(first), FLAG.fold([DEFINED, *second])
    assert isinstance(after, Flag)
    command = change(*edits_between(before, after))
    reached = FLAG.fold(FLAG.decide(before, command), before)
    assert isinstance(reached, Flag)
    environments = {*reached.settings, *after.settings}
    assert {name: reached.setting(name) for name in environments} == {
        name: after.setting(name) for name in environments
    }
    assert msgspec.structs.replace(reached, settings={}) == msgspec.structs.replace(
        after, settings={}
    )
    assert edits_between(reached, after) == ()


def test_differences_name_the_places() -> None:
    before, after = FLAG.fold([DEFINED, ON]), FLAG.fold([DEFINED, ON, changed(HALF)])
    [found] = differences(before, after)
    assert (found.pointer, found.before) == ("/settings/default/rules/0", None)
    assert differences(NoFlag(), NoFlag()) == []
