"""What a flag serves in a context, decided by closures that are compiled once.

Most of what can be answered is known beforehand: each rule's and each variant's evaluation is made
when the flag is compiled and shared by all contexts that meet it, so that callers may keep its
encoding by identity. Evaluating never raises: what is broken serves the default and says so.
"""

from collections.abc import Callable, Sequence

import msgspec

from domain.flags.bucketing import fractional_value
from domain.flags.comparing import Holds
from domain.flags.conditions import EVERYONE
from domain.flags.context import Context, InvalidContext
from domain.flags.matching import compile_condition
from domain.flags.outcomes import (
    NOT_FOUND,
    ErrorCode,
    Evaluation,
    Reason,
    ServedVariant,
    failed,
    off,
    on,
)
from domain.flags.rules import Prerequisite, Rule, Setting
from domain.flags.serving import Serve, Serving, Spread, compile_spread, served
from domain.flags.state import About, Flag, NoFlag, Segments
from domain.flags.strategies import Activation, compile_strategy

__all__ = ["ErrorCode", "Evaluate", "Evaluation", "Parent", "Reason", "ServedVariant"]

Evaluate = Callable[[Context], Evaluation]
Parent = Callable[[str, Context], Evaluation]
"""Evaluates another flag of the same environment."""

NO_VARIANT = "disabled"
"""What Unleash calls the variant of a flag that serves none."""


class CompiledRule(msgspec.Struct, frozen=True):
    """When a rule decides (always, where `holds` is None), and what is served then."""

    id: str
    holds: Holds | None
    serving: Serving


def compile_flag(
    key: str, flag: NoFlag | Flag, environment: str, segments: Segments, parent: Parent
) -> Evaluate:
    """How the flag is evaluated in an environment; never raises, nor does what it gives."""
    if isinstance(flag, NoFlag):
        return _always(NOT_FOUND)
    about, setting = flag.about, flag.setting(environment)
    if flag.killed or flag.archived or not setting.enabled:
        return _always(off(about, "DISABLED"))
    return _compiled(about, compiled_rules(key, about, setting, segments), parent)


def compiled_rules(
    key: str, about: About, setting: Setting, segments: Segments
) -> list[CompiledRule]:
    """The rules in force, in order."""
    compiled: list[CompiledRule] = []
    for rule in rules_of(setting):
        if not rule.disabled:
            first = not compiled and not about.prerequisites
            compiled.append(_compile_rule(key, about, setting, rule, segments, first=first))
    return compiled


def rules_of(setting: Setting) -> tuple[Rule, ...]:
    """The setting's rules; without any, its own rollout as a rule."""
    return setting.rules or (
        Rule(strategy="flexibleRollout", parameters={"rollout": str(setting.rollout)}),
    )


def _compile_rule(
    key: str, about: About, setting: Setting, rule: Rule, segments: Segments, *, first: bool
) -> CompiledRule:
    try:
        activation = compile_strategy(rule.strategy, rule.parameters, about.group, rule.id)
        conditional = rule.condition != EVERYONE
        reason = _reason(activation, conditional=conditional, first=first)
        serving = _compile_serving(rule, key, about, setting, reason)
        parts = [compile_condition(rule.condition, segments)] if conditional else []
        parts += [] if activation.holds is None else [activation.holds]
        parts += _bucketable(spread_of(rule, key, about, setting))
        return CompiledRule(rule.id, _joined(parts), serving)
    except (ValueError, RecursionError):
        return CompiledRule(rule.id, None, failed(about, rule.id, "PARSE_ERROR"))


def _joined(parts: list[Holds]) -> Holds | None:
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:  # noqa: PLR2004 - a condition and a strategy, the common case
        first, second = parts
        return lambda context: first(context) and second(context)
    return lambda context: all(part(context) for part in parts)


def _reason(activation: Activation, *, conditional: bool, first: bool) -> Reason:
    """Why the rule's value is served: its share, its condition, or that nothing else was left."""
    if activation.partial:
        return "SPLIT"
    if conditional or activation.holds is not None:
        return "TARGETING_MATCH"
    return "STATIC" if first else "DEFAULT"


def _compile_serving(
    rule: Rule, key: str, about: About, setting: Setting, reason: Reason
) -> Serving:
    spread = spread_of(rule, key, about, setting)
    if spread is not None:
        return compile_spread(spread, about, rule.id, reason)
    if not rule.serve:
        return on(about, rule.id, reason, None)
    for variant in setting.variants:
        if variant.name == rule.serve:
            return on(about, rule.id, reason, served(variant))
    raise ValueError(f"there is no variant {rule.serve}")


def spread_of(rule: Rule, key: str, about: About, setting: Setting) -> Spread | None:
    """The variants that a rule chooses among by weight; None where it leaves no choice."""
    if rule.variants:
        group = rule.parameters.get("groupId") or about.group
        return Spread(
            variants=rule.variants, group=group, salt=rule.id, key=key, bucketing=rule.bucketing
        )
    if rule.serve or not setting.variants:
        return None
    return Spread(
        variants=setting.variants, group=key, salt=rule.id, key=key, bucketing=rule.bucketing
    )


def _bucketable(spread: Spread | None) -> list[Holds]:
    """A rule of flagd's is passed over where there is nothing to bucket a context by."""
    if spread is None or spread.bucketing != "flagd":
        return []
    key, stickiness = spread.key, spread.stickiness
    return [lambda context: fractional_value(context, key, stickiness) is not None]


def _always(evaluation: Evaluation) -> Evaluate:
    return lambda _context: evaluation


def _compiled(about: About, rules: Sequence[CompiledRule], parent: Parent) -> Evaluate:
    nobody = off(about, "DEFAULT")
    prerequisites = about.prerequisites
    table = [_row(rule) for rule in rules]

    def evaluate(context: Context) -> Evaluation:
        rule = ""
        try:
            for prerequisite in prerequisites:
                if not is_met(prerequisite, parent(prerequisite.flag, context)):
                    return nobody
            for rule, holds, fixed, serve in table:  # noqa: B007 - a failure names it
                if holds(context):
                    return fixed or serve(context)
        except InvalidContext:
            return failed(about, rule, "INVALID_CONTEXT")
        except Exception:  # noqa: BLE001 - a broken rule must never break its caller
            return failed(about, rule, "GENERAL")
        return nobody

    return evaluate


def _row(rule: CompiledRule) -> tuple[str, Holds, Evaluation | None, Serve]:
    """A rule, when it decides, and what it serves: always the same, or what the context decides."""
    holds, serving = rule.holds or _everybody, rule.serving
    if isinstance(serving, Evaluation):
        return rule.id, holds, serving, _undecided
    return rule.id, holds, None, serving


def _undecided(_context: Context) -> Evaluation:
    raise ValueError("there is nothing to decide")


def _everybody(_context: Context) -> bool:
    return True


def is_met(prerequisite: Prerequisite, found: Evaluation) -> bool:
    """Whether another flag's evaluation is what is wanted; a flag that is not there never is."""
    if found.error == "FLAG_NOT_FOUND":
        return False
    if not prerequisite.enabled:
        return not found.enabled
    if not found.enabled or not prerequisite.variants:
        return found.enabled
    served = NO_VARIANT if found.variant is None else found.variant.name
    return served in prerequisite.variants
