"""What the flags' decider decides, and how subjects fall into buckets."""

from datetime import UTC, datetime

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.flags import (
    FLAG,
    DefineFlag,
    DisableFlag,
    EnableFlag,
    Flag,
    FlagDefined,
    FlagDisabled,
    FlagEnabled,
    FlagRolledOut,
    NoSuchFlag,
    bucket,
    is_on,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
DEFINED = FlagDefined(description="", group="beta")
ON = FlagEnabled(environment="default")


def define(*, enabled: bool = True, rollout: int = 100) -> DefineFlag:
    return DefineFlag(
        flag="beta",
        environment="default",
        description="",
        group="beta",
        enabled=enabled,
        rollout=rollout,
        at=AT,
    )


def test_defining_a_flag_says_what_is_new() -> None:
    given(FLAG).when(define(rollout=30)).then(
        DEFINED, FlagRolledOut(environment="default", rollout=30), ON
    )


def test_defining_it_again_changes_nothing() -> None:
    given(FLAG, DEFINED, ON).when(define()).then()


def test_a_switched_off_flag_can_be_enabled() -> None:
    given(FLAG, DEFINED).when(EnableFlag(flag="beta", environment="default", at=AT)).then(ON)


def test_each_environment_has_its_own_switch() -> None:
    elsewhere = EnableFlag(flag="beta", environment="staging", at=AT)
    given(FLAG, DEFINED, ON).when(elsewhere).then(FlagEnabled(environment="staging"))


def test_disabling_what_is_off_changes_nothing() -> None:
    given(FLAG, DEFINED).when(DisableFlag(flag="beta", environment="default", at=AT)).then()


@pytest.mark.parametrize("command", [EnableFlag, DisableFlag])
def test_an_unknown_flag_cannot_be_switched(command: type[EnableFlag | DisableFlag]) -> None:
    given(FLAG).when(command(flag="x", environment="default", at=AT)).refused(NoSuchFlag)


@for_all(st.lists(st.sampled_from([DEFINED, ON, FlagDisabled(environment="default")])))
def test_any_events_in_any_order_fold(events: list[FlagDefined | FlagEnabled]) -> None:
    state = FLAG.fold(events)
    assert isinstance(state, Flag) == (DEFINED in events)


@for_all(st.booleans(), st.integers(0, 100))
def test_deciding_again_gives_nothing(enabled: bool, rollout: int) -> None:  # noqa: FBT001
    command = define(enabled=enabled, rollout=rollout)
    state = FLAG.fold(FLAG.decide(FLAG.initial, command))
    assert FLAG.decide(state, command) == []


@pytest.mark.parametrize(
    ("subject", "group", "value"),
    [("123", "gr1", 73), ("999", "groupX", 25)],
)
def test_buckets_are_those_of_the_published_client_specification(
    subject: str, group: str, value: int
) -> None:
    assert bucket(group, subject) == value


@for_all(st.text(), st.integers(0, 99))
def test_a_growing_rollout_takes_nobody_out(subject: str, rollout: int) -> None:
    def on(percent: int) -> bool:
        events = (DEFINED, ON, FlagRolledOut(environment="default", rollout=percent))
        return is_on(FLAG.fold(events), "default", subject)

    assert on(rollout + 1) or not on(rollout)
    assert on(100)
    assert not on(0)
