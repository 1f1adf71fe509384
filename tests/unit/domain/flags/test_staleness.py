"""When a flag has outlived its purpose."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.flags.staleness import lifetime_of, potentially_stale
from domain.flags.state import LIFETIMES, PURPOSES, About, Flag

CREATED = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def flag(**change: Any) -> Flag:
    switches = {
        name: change.pop(name) for name in ("stale", "archived", "killed") if name in change
    }
    return Flag(about=About(group="a", **change), **switches)


def test_every_purpose_has_a_lifetime_or_says_that_it_has_none() -> None:
    assert set(LIFETIMES) == set(PURPOSES)


@pytest.mark.parametrize(
    ("change", "days"),
    [
        ({}, 40),
        ({"purpose": "experiment"}, 40),
        ({"purpose": "operational"}, 7),
        ({"lifetime": 3}, 3),
        ({"purpose": "kill-switch", "lifetime": 10}, 10),
        ({"killed": True}, 40),
    ],
)
def test_a_flag_is_potentially_stale_from_the_end_of_its_lifetime_on(
    change: dict[str, Any], days: int
) -> None:
    end = CREATED + timedelta(days=days)
    assert not potentially_stale(flag(**change), CREATED, CREATED)
    assert not potentially_stale(flag(**change), CREATED, end - MOMENT)
    assert potentially_stale(flag(**change), CREATED, end)
    assert potentially_stale(flag(**change), CREATED, end + timedelta(days=1000))


@pytest.mark.parametrize("purpose", ["kill-switch", "permission"])
def test_what_is_meant_to_stay_is_never_stale(purpose: Any) -> None:
    assert lifetime_of(About(group="a", purpose=purpose)) is None
    assert not potentially_stale(flag(purpose=purpose), CREATED, CREATED + timedelta(days=10_000))


@pytest.mark.parametrize("looked", [{"stale": True}, {"archived": True}])
def test_who_has_looked_is_not_asked_again(looked: dict[str, Any]) -> None:
    assert not potentially_stale(flag(**looked), CREATED, CREATED + timedelta(days=10_000))
