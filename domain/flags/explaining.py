"""Why a flag answers as it does: rule by rule and condition by condition, for people.

Every part is asked by itself, by the closures that evaluate it, so an explanation cannot disagree
with the evaluation that it explains.
"""

from typing import Literal

import msgspec

from domain.flags.bucketing import (
    EVERYBODY,
    bucket,
    fractional_bucket,
    fractional_value,
    rollout_subject,
    variant_bucket,
    variant_subject,
)
from domain.flags.context import Context
from domain.flags.evaluation import (
    Evaluation,
    Parent,
    compile_flag,
    is_met,
    rules_of,
    spread_of,
)
from domain.flags.explaining_conditions import ConditionExplained, explain_condition
from domain.flags.rules import Prerequisite, Rule
from domain.flags.serving import Spread
from domain.flags.state import Flag, NoFlag, Segments
from domain.flags.strategies import compile_strategy, rollout_of

Outcome = Literal[
    "decided", "disabled", "condition", "strategy", "no-subject", "broken", "not-reached"
]
"""What became of a rule: it decided, or why it did not."""


class BucketExplained(msgspec.Struct, frozen=True, kw_only=True):
    """Where the subject falls: `bucket` of 1 to `of`, in when it is not beyond `threshold`.

    Among variants `threshold` is where the served one ends. `subject` is None where there is none.
    """

    stickiness: str
    group: str
    subject: str | None
    bucket: int | None
    threshold: int
    of: int


class StrategyExplained(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the strategy activates, and in which bucket if it is a rollout."""

    name: str
    activates: bool
    parameters: dict[str, str]
    rollout: BucketExplained | None = None
    problem: str = ""


class VariantExplained(msgspec.Struct, frozen=True, kw_only=True):
    """How the variant was chosen: by what the rule says, by an override, or by weight."""

    name: str
    by: Literal["rule", "override", "weight"]
    weights: BucketExplained | None = None


class RuleExplained(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: what became of it, and what of it held."""

    id: str
    title: str
    outcome: Outcome
    condition: ConditionExplained
    strategy: StrategyExplained
    variant: VariantExplained | None = None


class PrerequisiteExplained(msgspec.Struct, frozen=True, kw_only=True):
    """What was wanted of another flag, and what it answered."""

    flag: str
    met: bool
    wanted: Prerequisite
    enabled: bool
    variant: str | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What the flag answers and why; `summary` says it in a sentence."""

    evaluation: Evaluation
    summary: str
    prerequisites: tuple[PrerequisiteExplained, ...] = ()
    rules: tuple[RuleExplained, ...] = ()


def explain(
    key: str,
    flag: NoFlag | Flag,
    environment: str,
    segments: Segments,
    parent: Parent,
    context: Context,
) -> Explanation:
    """What the flag answers in the context and why."""
    evaluation = compile_flag(key, flag, environment, segments, parent)(context)
    if isinstance(flag, NoFlag):
        return Explanation(evaluation=evaluation, summary="There is no such flag.")
    if evaluation.reason == "DISABLED":
        return Explanation(evaluation=evaluation, summary=_why_off(flag, environment))
    prerequisites = tuple(
        _prerequisite(each, parent(each.flag, context)) for each in flag.about.prerequisites
    )
    met = all(each.met for each in prerequisites)
    teller = _Teller(key, flag, environment, segments, context, evaluation)
    return Explanation(
        evaluation=evaluation,
        summary=_summary(evaluation, met=met),
        prerequisites=prerequisites,
        rules=teller.rules(reached=met),
    )


def _why_off(flag: Flag, environment: str) -> str:
    if flag.archived:
        return "The flag is archived."
    if flag.killed:
        return "The flag's kill switch is thrown."
    return f"The flag is disabled in {environment}."


def _summary(evaluation: Evaluation, *, met: bool) -> str:
    by = f"Rule {evaluation.rule}" if evaluation.rule else "The flag's own rollout"
    if evaluation.reason == "ERROR":
        return f"{by} cannot be evaluated ({evaluation.error}), so the declared default holds."
    if not met:
        return "A prerequisite is not met."
    if not evaluation.enabled:
        return "No rule lets the context in."
    if evaluation.variant is None:
        return f"{by} lets the context in."
    return f"{by} lets the context in and serves {evaluation.variant.name}."


def _prerequisite(wanted: Prerequisite, found: Evaluation) -> PrerequisiteExplained:
    return PrerequisiteExplained(
        flag=wanted.flag,
        met=is_met(wanted, found),
        wanted=wanted,
        enabled=found.enabled,
        variant=None if found.variant is None else found.variant.name,
    )


class _Teller:
    """Tells what became of each rule, in order, up to the one that decided and beyond."""

    def __init__(
        self,
        key: str,
        flag: Flag,
        environment: str,
        segments: Segments,
        context: Context,
        evaluation: Evaluation,
    ) -> None:
        self._key = key
        self._about = flag.about
        self._setting = flag.setting(environment)
        self._segments = segments
        self._context = context
        self._evaluation = evaluation

    def rules(self, *, reached: bool) -> tuple[RuleExplained, ...]:
        told = []
        for rule in rules_of(self._setting):
            explained = self._rule(rule, reached=reached)
            reached = reached and explained.outcome not in {"decided", "broken"}
            told.append(explained)
        return tuple(told)

    def _rule(self, rule: Rule, *, reached: bool) -> RuleExplained:
        condition = explain_condition(rule.condition, self._segments, self._context)
        strategy = self._strategy(rule)
        outcome = self._outcome(rule, condition, strategy, reached=reached)
        return RuleExplained(
            id=rule.id,
            title=rule.title,
            outcome=outcome,
            condition=condition,
            strategy=strategy,
            variant=self._variant(rule) if outcome == "decided" else None,
        )

    def _outcome(
        self,
        rule: Rule,
        condition: ConditionExplained,
        strategy: StrategyExplained,
        *,
        reached: bool,
    ) -> Outcome:
        if rule.disabled:
            return "disabled"
        if not reached:
            return "not-reached"
        evaluation = self._evaluation
        if evaluation.rule == rule.id and evaluation.reason == "ERROR":
            return "broken"
        if evaluation.rule == rule.id and evaluation.enabled:
            return "decided"
        if not condition.holds:
            return "condition"
        return "no-subject" if strategy.activates else "strategy"

    def _strategy(self, rule: Rule) -> StrategyExplained:
        activates, rollout, problem = False, None, ""
        try:
            activation = compile_strategy(
                rule.strategy, rule.parameters, self._about.group, rule.id
            )
            activates = activation.holds is None or activation.holds(self._context)
            rollout = self._rollout(rule)
        except ValueError as error:
            problem = str(error)[:200]
        return StrategyExplained(
            name=rule.strategy,
            activates=activates,
            parameters=rule.parameters,
            rollout=rollout,
            problem=problem,
        )

    def _rollout(self, rule: Rule) -> BucketExplained | None:
        rollout = rollout_of(rule.strategy, rule.parameters, self._about.group)
        if rollout is None:
            return None
        subject = rollout_subject(self._context, rollout.stickiness, rule.id)
        return BucketExplained(
            stickiness=rollout.stickiness,
            group=rollout.group,
            subject=subject,
            bucket=None if subject is None else bucket(rollout.group, subject),
            threshold=rollout.percent,
            of=EVERYBODY,
        )

    def _variant(self, rule: Rule) -> VariantExplained | None:
        served = self._evaluation.variant
        if served is None:
            return None
        spread = spread_of(rule, self._key, self._about, self._setting)
        if spread is None:
            return VariantExplained(name=served.name, by="rule")
        for variant in spread.variants:
            for override in variant.overrides:
                if self._context.fields[override.field] in override.values:
                    return VariantExplained(name=served.name, by="override")
        weights = _weights(spread, self._context, served.name)
        return VariantExplained(name=served.name, by="weight", weights=weights)


def _weights(spread: Spread, context: Context, name: str) -> BucketExplained:
    total, flagd = spread.total, spread.bucketing == "flagd"
    if flagd:
        subject = fractional_value(context, spread.key, spread.stickiness)
        found = None if subject is None else fractional_bucket(subject, total)
    else:
        subject = variant_subject(context, spread.stickiness, spread.salt)
        found = variant_bucket(spread.group, subject, total)
    return BucketExplained(
        stickiness=spread.stickiness,
        group="" if flagd else spread.group,
        subject=subject,
        bucket=found,
        threshold=_end(spread, name, found),
        of=total,
    )


def _end(spread: Spread, name: str, found: int | None) -> int:
    """Where the variant that was served ends; flagd may have it in several places."""
    end = 0
    for variant in spread.variants:
        end += variant.weight
        if variant.name == name and (found is None or found <= end):
            return end
    return end
