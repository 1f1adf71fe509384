"""Small flags to ask, and asking them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.flags.conditions import EVERYONE, Condition, Constraint, Operator
from domain.flags.context import Context, make_context
from domain.flags.evaluation import Evaluation, compile_flag
from domain.flags.rules import Rule, Setting
from domain.flags.state import About, Flag, NoFlag, Segments
from domain.flags.variants import Variant

AT = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
ENVIRONMENT = "production"


def a_context(raw: Any = None, *, seed: str = "seed", at: datetime = AT) -> Context:
    return make_context({} if raw is None else raw, at=at, seed=seed)


def a_flag(
    *rules: Rule,
    variants: tuple[Variant, ...] = (),
    rollout: int = 100,
    enabled: bool = True,
    **about: Any,
) -> Flag:
    setting = Setting(enabled=enabled, rollout=rollout, rules=rules, variants=variants)
    return Flag(about=About(**{"group": "beta", **about}), settings={ENVIRONMENT: setting})


def ask(
    flag: Flag,
    raw: Any = None,
    *,
    key: str = "beta",
    segments: Segments | None = None,
    others: Mapping[str, Flag] | None = None,
    seed: str = "seed",
) -> Evaluation:
    """What the flag answers; its prerequisites are among the others."""
    flags: dict[str, Flag] = {key: flag, **(others or {})}

    def answer(name: str, context: Context) -> Evaluation:
        found = flags.get(name, NoFlag())
        return compile_flag(name, found, ENVIRONMENT, segments or {}, answer)(context)

    return answer(key, a_context(raw, seed=seed))


def constraint(operator: Operator, *values: str, field: str = "x", **how: bool) -> Constraint:
    return Constraint(field=field, operator=operator, values=values, **how)


def fits(condition: Condition, raw: Any = None, *, segments: Segments | None = None) -> bool:
    """Whether a context fits; a condition that is broken fails the test."""
    rule = Rule(id="only", condition=condition)
    found = ask(a_flag(rule), raw, segments=segments)
    assert found.error is None
    return found.enabled


def activates(strategy: str, parameters: dict[str, str], raw: Any = None) -> bool:
    """Whether a strategy lets a context in."""
    rule = Rule(id="only", condition=EVERYONE, strategy=strategy, parameters=parameters)
    return ask(a_flag(rule), raw).enabled
