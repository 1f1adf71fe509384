"""Flags that depend on flags that depend on flags."""

from uuid import UUID

import pytest

from application.flags.flag_set import FlagRows, FlagSet
from application.states import Folded
from domain.flags.context import make_context
from domain.flags.rules import Prerequisite, Setting
from domain.flags.state import About, Flag
from tests.support.flag_models import ENVIRONMENT
from tests.support.unleash_oracle import AT

LENGTH = 5000


def chain(*, on: bool) -> FlagSet:
    """The first depends on nothing, each other on the one before it."""
    flags = {
        f"f{number}": Flag(
            about=About(
                group="g",
                prerequisites=(Prerequisite(flag=f"f{number - 1}"),) if number else (),
            ),
            settings={ENVIRONMENT: Setting(enabled=on or number > 0)},
        )
        for number in range(LENGTH)
    }
    return FlagSet(
        FlagRows(
            position=1,
            incarnation=UUID(int=1),
            revision=1,
            flags={key: Folded(1, flag) for key, flag in flags.items()},
            segments={},
        )
    )


@pytest.mark.parametrize("on", [True, False])
def test_a_chain_may_be_longer_than_calls_can_be_nested(*, on: bool) -> None:
    flags = chain(on=on)
    context = make_context({}, at=AT, seed="s")
    last = flags.evaluate(f"f{LENGTH - 1}", ENVIRONMENT, context)
    assert (last.enabled, last.error) == (on, None)
    found = flags.evaluate_each(flags.in_use(), ENVIRONMENT, context)
    assert {each.enabled for each in found} == {on}
