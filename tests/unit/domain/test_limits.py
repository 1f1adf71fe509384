"""What the limits' decider decides."""

from datetime import UTC, datetime

import pytest

from domain.limits import LIMIT, DefineLimit, LimitDefined
from domain.rejections import Invalid
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)


def define(limit: int = 10, window: float = 60.0) -> DefineLimit:
    return DefineLimit(
        name="api",
        algorithm="fixed_window",
        limit=limit,
        window=window,
        scope="account",
        at=AT,
    )


DEFINED = LimitDefined(algorithm="fixed_window", limit=10, window=60.0, scope="account")


def test_a_limit_is_defined() -> None:
    given(LIMIT).when(define()).then(DEFINED)


def test_defining_it_again_changes_nothing() -> None:
    given(LIMIT, DEFINED).when(define()).then()


def test_a_change_is_an_event() -> None:
    given(LIMIT, DEFINED).when(define(limit=20)).then(
        LimitDefined(algorithm="fixed_window", limit=20, window=60.0, scope="account")
    )


@pytest.mark.parametrize(
    ("limit", "window", "pointers"),
    [
        (0, 60.0, ["/limit"]),
        (1, 0.0, ["/window"]),
        (-1, 1e9, ["/limit", "/window"]),
        (1, float("nan"), ["/window"]),
    ],
)
def test_nonsense_is_refused_with_pointers(limit: int, window: float, pointers: list[str]) -> None:
    rejection = given(LIMIT).when(define(limit, window)).refused(Invalid)
    assert isinstance(rejection, Invalid)
    assert [fault.pointer for fault in rejection.faults] == pointers
