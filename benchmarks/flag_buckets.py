"""A million users over a rollout to 37 percent: how many are let in, and whether they are the same.

Unleash's own engine decides about a part of them, one by one; a difference is a person who would
change sides by moving from there.
"""

import json
from math import sqrt

import msgspec
from yggdrasil_engine.engine import UnleashEngine

from benchmarks.flag_evaluation import AT, ENVIRONMENT
from benchmarks.report import Row, Section
from domain.flags.context import make_context
from domain.flags.evaluation import compile_flag
from domain.flags.outcomes import NOT_FOUND
from domain.flags.rules import Rule, Setting
from domain.flags.state import About, Flag
from domain.flags.unleash import write_unleash

USERS = 1_000_000
ASKED = 200_000
SHARE = 0.37


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How many were let in, and for how many of those asked the engine decides otherwise."""

    let_in: int
    different: int


def measure() -> Spread:
    parameters = {"rollout": "37", "stickiness": "userId", "groupId": "checkout"}
    rule = Rule(id="only", strategy="flexibleRollout", parameters=parameters)
    flag = Flag(
        about=About(group="checkout"),
        settings={ENVIRONMENT: Setting(enabled=True, rules=(rule,))},
    )
    evaluate = compile_flag("flag", flag, ENVIRONMENT, {}, lambda _key, _context: NOT_FOUND)
    let_in = [
        evaluate(make_context({"userId": str(user)}, at=AT, seed="")).enabled
        for user in range(USERS)
    ]
    engine = UnleashEngine()
    engine.take_state(json.dumps(write_unleash({"flag": flag}, {}, ENVIRONMENT)))
    different = sum(
        bool(engine.is_enabled("flag", {"userId": str(user)}).is_enabled) != let_in[user]
        for user in range(ASKED)
    )
    return Spread(let_in=sum(let_in), different=different)


def section(found: Spread) -> Section:
    """The figures as lines of the table."""
    deviations = (found.let_in - USERS * SHARE) / sqrt(USERS * SHARE * (1 - SHARE))
    return Section(
        title="A rollout to 37 percent",
        rows=[
            Row(
                what=f"let in of {USERS:,} users",
                figure=f"{found.let_in:,}",
                beside=f"{deviations:+.1f} standard deviations",
                goal="within 3",
                met=abs(deviations) < 3,
            ),
            Row(
                what=f"decided otherwise by Unleash's engine, of {ASKED:,}",
                figure=f"{found.different}",
                goal="0",
                met=found.different == 0,
            ),
        ],
    )
