"""Rules as Unleash's strategies, of which the first that activates decides there too.

A strategy's constraints must all hold, so a rule with alternatives becomes several strategies. What
Unleash decides by chance it would decide anew for each of them: those are made so that only ever
one of them can apply.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from domain.flags.conditions import AllOf, Condition, Constraint, InSegment
from domain.flags.documents import Inexpressible
from domain.flags.normal_form import MOST_TERMS, Term, TooManyTerms, product, terms
from domain.flags.rules import EVERYBODY, Rule
from domain.flags.unleash_constraints import client_terms, written_constraint
from domain.flags.unleash_segments import NumberedSegments
from domain.flags.unleash_variants import written_variant
from domain.flags.variants import WHOLE, Variant

_ALWAYS_GROUPED = {"gradualRolloutUserId", "gradualRolloutSessionId"}
_GROUPED = {*_ALWAYS_GROUPED, "flexibleRollout"}
_BY_CHANCE = {"random", "default"}


class Strategies(msgspec.Struct, frozen=True, kw_only=True):
    """How the rules of one flag in one environment are written."""

    key: str
    group: str
    variants: tuple[Variant, ...]
    segments: NumberedSegments
    for_clients: bool
    """Whether SDKs will read it, or a person's import."""

    def written(self, rules: Iterable[Rule]) -> list[dict[str, Any]]:
        """The rules as strategies, in their order.

        Raises:
            Inexpressible: with a reason for each rule that cannot be one.
        """
        strategies: list[dict[str, Any]] = []
        reasons: list[str] = []
        for rule in rules:
            if rule.disabled and self.for_clients:
                continue
            try:
                strategies += self._rule(rule)
            except Inexpressible as refusal:
                reasons += [f"rule {rule.id}: {reason}" for reason in refusal.reasons]
        if reasons:
            raise Inexpressible(*reasons)
        for order, strategy in enumerate(strategies):
            strategy["sortOrder"] = order
        return strategies

    def _rule(self, rule: Rule) -> Iterator[dict[str, Any]]:
        variants = self._variants(rule)
        parameters = self._parameters(rule, variants)
        said = {"name": rule.strategy, "parameters": parameters}
        if self.for_clients:
            _check_texts(rule, parameters)
        found = self._terms(rule)
        for number, term in enumerate(found, 1):
            identity = rule.id if number == 1 else f"{rule.id}-{number}"
            yield {
                **said,
                "id": identity,
                "title": rule.title,
                "disabled": rule.disabled,
                "constraints": [
                    self._constraint(each) for each in term if isinstance(each, Constraint)
                ],
                "segments": [
                    self.segments.numbers[each.segment]
                    for each in term
                    if not isinstance(each, Constraint)
                ],
                "variants": [written_variant(each) for each in variants],
            }

    def _terms(self, rule: Rule) -> list[Term]:
        by_chance = _is_by_chance(rule)
        several = by_chance and not _is_conjunction(rule.condition)
        condition = self.segments.resolved(rule.condition, spelt_out=several)
        try:
            found = terms(condition, disjoint=by_chance)
            return self._for_clients(found) if self.for_clients else found
        except TooManyTerms:
            reason = f"its condition would take more than {MOST_TERMS} strategies"
            raise Inexpressible(reason) from None

    def _for_clients(self, found: list[Term]) -> list[Term]:
        """The terms as SDKs can be told them; what one of them becomes excludes each other."""
        told: list[Term] = []
        for term in found:
            told += product(
                client_terms(each) if isinstance(each, Constraint) else [(each,)] for each in term
            )
            if len(told) > MOST_TERMS:
                raise TooManyTerms
        return told

    def _variants(self, rule: Rule) -> tuple[Variant, ...]:
        spread = rule.variants or (() if rule.serve else self.variants)
        if rule.bucketing == "flagd" and len(spread) > 1:
            raise Inexpressible("its variants are spread as flagd does it")
        if any(variant.overrides for variant in rule.variants):
            raise Inexpressible("its variants have overrides, those of a strategy cannot")
        if rule.variants or not rule.serve:
            return rule.variants
        for variant in self.variants:
            if variant.name == rule.serve:
                served = msgspec.structs.replace(variant, weight=WHOLE, overrides=())
                return (msgspec.structs.replace(served, fixed=False, stickiness="default"),)
        raise Inexpressible(f"it serves {rule.serve}, which is no variant of the flag")

    def _parameters(self, rule: Rule, variants: tuple[Variant, ...]) -> dict[str, str]:
        parameters = dict(rule.parameters)
        if not parameters.get("groupId") and (
            rule.strategy in (_GROUPED if self.for_clients else _ALWAYS_GROUPED)
            or ((rule.strategy in _GROUPED or variants) and self.group != self.key)
        ):
            parameters["groupId"] = self.group
        stickiness = parameters.get("stickiness", "default")
        if len(variants) > 1 and variants[0].stickiness != stickiness:
            if rule.strategy == "flexibleRollout":
                raise Inexpressible(
                    f"its variants hold on to {variants[0].stickiness}, its rollout to {stickiness}"
                )
            parameters["stickiness"] = variants[0].stickiness
        return parameters

    def _constraint(self, constraint: Constraint) -> dict[str, Any]:
        return written_constraint(constraint, for_clients=self.for_clients)


def whole_rollout(group: str, rollout: int) -> list[Rule]:
    """The rules of a flag that has none: nothing to say where everybody gets it."""
    if rollout == EVERYBODY:
        return []
    parameters = {"rollout": str(rollout), "stickiness": "default", "groupId": group}
    return [Rule(id="rollout", strategy="flexibleRollout", parameters=parameters)]


def _is_conjunction(condition: Condition) -> bool:
    """Whether one strategy's constraints say it: nothing in it will have to be turned round."""
    parts = condition.of if isinstance(condition, AllOf) else (condition,)
    return all(isinstance(each, Constraint | InSegment) for each in parts)


def _is_by_chance(rule: Rule) -> bool:
    if rule.strategy == "gradualRolloutRandom":
        return True
    stickiness = rule.parameters.get("stickiness", "default")
    return (
        rule.strategy == "flexibleRollout"
        and stickiness in _BY_CHANCE
        and rule.parameters.get("rollout") != str(EVERYBODY)
    )


def _check_texts(rule: Rule, parameters: dict[str, str]) -> None:
    """What the SDKs' engine cannot read: it would then take the whole flag for off."""
    for name, text in parameters.items():
        pieces = text.split(",") if name in {"userIds", "IPs", "hostNames"} else [text]
        if any(piece.strip().endswith("\\") for piece in pieces) or (
            '"' in text and name != "userIds"
        ):
            raise Inexpressible(f"its parameter {name} has a quote, or a backslash at an end")
    if rule.strategy == "flexibleRollout" and not parameters.get("rollout", "").isdecimal():
        raise Inexpressible("its rollout is no whole number")
