"""What the webhook inbox's deciders decide."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.webhooks.hooks import (
    HOOK,
    CloseHook,
    Hook,
    HookClosed,
    HookEvent,
    HookOpened,
    NoHook,
    OpenHook,
)
from domain.webhooks.sources import (
    SOURCE,
    Dedup,
    DeleteSource,
    DisableSource,
    EnableSource,
    NoSource,
    NoSuchSource,
    SetSource,
    Source,
    SourceCommand,
    SourceDefined,
    SourceDeleted,
    SourceDisabled,
    SourceEnabled,
    SourceEvent,
    ToAction,
    ToLog,
)
from tests.support.deciders import given

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def set_source(**change: Any) -> SetSource:
    command = SetSource(
        source="shop",
        hook="h1",
        subject="s1",
        preset="stripe",
        secrets=("first",),
        tolerance=300.0,
        dedup=Dedup(),
        scheme=None,
        target=ToLog(),
        schema=None,
        at=AT,
    )
    return msgspec.structs.replace(command, **change)


def defined(**change: Any) -> SourceDefined:
    event = SourceDefined(
        hook="h1",
        subject="s1",
        preset="stripe",
        secrets=["first"],
        tolerance=300.0,
        dedup=Dedup(),
        scheme=None,
        target=ToLog(),
        schema=None,
    )
    return msgspec.structs.replace(event, **change)


DISABLE, ENABLE = DisableSource(source="shop", at=AT), EnableSource(source="shop", at=AT)
DELETE = DeleteSource(source="shop", at=AT)


def test_a_new_source_has_the_address_that_was_made_for_it() -> None:
    given(SOURCE).when(set_source()).then(defined())


def test_a_source_keeps_its_address_through_every_change() -> None:
    change = set_source(hook="h2", subject="s2", preset="github", target=ToAction(name="mail"))
    changed = defined(preset="github", target=ToAction(name="mail"))
    given(SOURCE, defined()).when(change).then(changed)


def test_what_is_so_already_gives_no_event() -> None:
    given(SOURCE, defined()).when(set_source(hook="h2", subject="s2")).then()
    given(SOURCE, defined()).when(set_source(secrets=None)).then()


def test_secrets_that_are_left_out_stay() -> None:
    two = defined(secrets=["first", "second"])
    change = set_source(secrets=None, tolerance=1.0)
    given(SOURCE, two).when(change).then(defined(secrets=["first", "second"], tolerance=1.0))


def test_a_source_is_disabled_and_enabled_and_a_change_leaves_that_alone() -> None:
    given(SOURCE, defined()).when(DISABLE).then(SourceDisabled())
    given(SOURCE, defined()).when(ENABLE).then()
    given(SOURCE, defined(), SourceDisabled()).when(DISABLE).then()
    given(SOURCE, defined(), SourceDisabled()).when(ENABLE).then(SourceEnabled())
    changed = SOURCE.fold([defined(), SourceDisabled(), defined(tolerance=1.0)])
    assert isinstance(changed, Source)
    assert not changed.enabled


def test_a_deleted_source_begins_anew_with_another_address() -> None:
    given(SOURCE, defined()).when(DELETE).then(SourceDeleted())
    anew = set_source(hook="h2", subject="s2")
    given(SOURCE, defined(), SourceDeleted()).when(anew).then(defined(hook="h2", subject="s2"))


@pytest.mark.parametrize("command", [DISABLE, ENABLE, DELETE])
def test_there_is_nothing_to_do_with_a_source_that_is_not_there(command: SourceCommand) -> None:
    given(SOURCE).when(command).refused(NoSuchSource)
    given(SOURCE, defined(), SourceDeleted()).when(command).refused(NoSuchSource)


SOURCE_EVENTS = [defined(), SourceDisabled(), SourceEnabled(), SourceDeleted(), defined(hook="h9")]


@for_all(st.lists(st.sampled_from(SOURCE_EVENTS)))
def test_any_events_of_a_source_in_any_order_fold(events: list[SourceEvent]) -> None:
    assert isinstance(SOURCE.fold(events), Source | NoSource)


@for_all(st.lists(st.sampled_from(SOURCE_EVENTS)))
def test_to_set_a_source_again_gives_nothing(events: list[SourceEvent]) -> None:
    source = SOURCE.fold(events)
    once = SOURCE.fold(SOURCE.decide(source, set_source()), source)
    assert SOURCE.decide(once, set_source()) == []


OPENED = HookOpened(tenant="default", source="shop")


def test_a_hook_is_opened_and_closed_for_good() -> None:
    opened = OpenHook(tenant="default", source="shop", at=AT)
    given(HOOK).when(opened).then(OPENED)
    given(HOOK, OPENED).when(CloseHook(at=AT)).then(HookClosed())
    given(HOOK, OPENED, HookClosed()).when(CloseHook(at=AT)).then()
    assert HOOK.fold([OPENED]) == Hook(tenant="default", source="shop")


@for_all(st.lists(st.sampled_from([OPENED, HookClosed()]), min_size=1))
def test_the_last_event_of_a_hook_says_what_it_is(events: list[HookEvent]) -> None:
    assert isinstance(HOOK.fold(events), NoHook) == isinstance(events[-1], HookClosed)
