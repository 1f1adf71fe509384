"""What the actions' decider decides."""

from datetime import UTC, datetime

from domain.actions import ACTION, ActionDefined, DefineAction, HttpTarget, LogTarget, Target
from domain.retries import RetryPolicy
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)


def define(executor: Target) -> DefineAction:
    return DefineAction(
        name="mail",
        flag="beta",
        limit=None,
        input_schema=None,
        executor=executor,
        headers={"x-token": "t"},
        retry=RetryPolicy(),
        at=AT,
    )


def defined(executor: Target) -> ActionDefined:
    return ActionDefined(
        flag="beta",
        limit=None,
        input_schema=None,
        executor=executor,
        headers={"x-token": "t"},
        retry=RetryPolicy(),
    )


def test_an_action_is_defined() -> None:
    given(ACTION).when(define(LogTarget())).then(defined(LogTarget()))


def test_defining_it_again_changes_nothing() -> None:
    given(ACTION, defined(LogTarget())).when(define(LogTarget())).then()


def test_a_change_is_an_event() -> None:
    target = HttpTarget(url="http://example.org/")
    given(ACTION, defined(LogTarget())).when(define(target)).then(defined(target))
