"""Writing flagd's definitions.

A flag's targeting is one `if` with a pair for each rule. Whatever flagd cannot say so that it gives
the same values is refused; whoever no rule lets in is served the declared default.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.flags.conditions import EVERYONE, Condition, Constraint, segments_in
from domain.flags.documents import Inexpressible, LeftOut, refuse
from domain.flags.flagd_about import written_about
from domain.flags.flagd_conditions import FLAG_KEY
from domain.flags.flagd_logic import everything, given, logic_of, something, variable
from domain.flags.flagd_targeting import served_by_key
from domain.flags.flagd_values import Values
from domain.flags.rules import EVERYBODY, Rule, Setting
from domain.flags.simplifying import all_of, there
from domain.flags.state import Flag, Segment
from domain.flags.variants import Variant

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
_TARGETING_KEY = "targetingKey"
_SOMEBODY = {"default", "random"}

Pair = tuple[Any, Any]
"""A condition, and what it leads to."""


def write_flagd(
    flags: Mapping[str, Flag], segments: Mapping[str, Segment], environment: str
) -> dict[str, Any]:
    """A document with all flags as they are in one environment.

    Raises:
        Inexpressible: with a reason for each flag and segment that flagd cannot have.
    """
    document, left_out = written_flagd(flags, segments, environment)
    refuse(left_out)
    return document


def written_flagd(
    flags: Mapping[str, Flag], segments: Mapping[str, Segment], environment: str
) -> tuple[dict[str, Any], list[LeftOut]]:
    """As `write_flagd`, and what such a document has to do without.

    A rule that names a segment which is left out names what is not there, and so is its flag.
    """
    spare: list[LeftOut] = []
    evaluators: dict[str, Any] = {}
    for name, segment in segments.items():
        try:
            if not segment.archived:
                evaluators[name] = _evaluator(segment)
        except Inexpressible as refusal:
            spare.append(LeftOut(kind="segment", name=name, reasons=refusal.reasons))
    gone = {each.name for each in spare}
    left_out: list[LeftOut] = []
    written: dict[str, Any] = {}
    for key, flag in flags.items():
        try:
            _check_segments(flag.setting(environment), gone)
            written[key] = _flag(key, flag, environment)
        except Inexpressible as refusal:
            left_out.append(LeftOut(kind="flag", name=key, reasons=refusal.reasons))
    document: dict[str, Any] = {"$schema": SCHEMA, "flags": written}
    left_out += spare
    return {**document, "$evaluators": evaluators} if evaluators else document, left_out


def _check_segments(setting: Setting, gone: set[str]) -> None:
    used = {name for rule in setting.rules for name in segments_in(rule.condition)} & gone
    if used:
        raise Inexpressible(*(f"segment {name} is left out" for name in sorted(used)))


def _evaluator(segment: Segment) -> Any:
    logic = logic_of(segment.condition)
    return {"!!": [logic]} if isinstance(logic, bool) else logic


def _flag(key: str, flag: Flag, environment: str) -> dict[str, Any]:
    if flag.about.prerequisites:
        raise Inexpressible("it has prerequisites")
    setting = flag.setting(environment)
    on = setting.enabled and not flag.killed and not flag.archived
    variants = Values(flag, setting)
    if setting.rules:
        default = variants.default(setting.rules)
        pairs = _Targeting(key, setting, variants, default).pairs()
        if pairs and pairs[-1] == (True, default):
            pairs.pop()
    else:
        pairs = []
        default = _served_to_all(setting, variants)
    written: dict[str, Any] = {
        "state": "ENABLED" if on else "DISABLED",
        "variants": variants.values,
    }
    if default is not None:
        written["defaultVariant"] = default
    if pairs:
        written["targeting"] = _chain(pairs)
    metadata = written_about(flag.about, stale=flag.stale, archived=flag.archived)
    return {**written, "metadata": metadata} if metadata else written


def _served_to_all(setting: Setting, variants: Values) -> str | None:
    """The variant of a flag without rules."""
    if not setting.rollout:
        return variants.fallback()
    if setting.rollout < EVERYBODY:
        raise Inexpressible("its rollout spreads subjects as Unleash does")
    ((_, name),) = _Targeting("", setting, variants, None).of_rule(Rule(id="all"), ())[0]
    return str(name)


def _chain(pairs: list[Pair]) -> Any:
    *chosen, last = pairs
    expression = [each for pair in chosen for each in pair]
    expression += [last[1]] if last[0] is True else [*last, None]
    return expression[0] if len(expression) == 1 else {"if": expression}


class _Targeting:
    """The rules of one flag as pairs, the last for everybody where there is such a rule."""

    def __init__(self, key: str, setting: Setting, variants: Values, default: str | None) -> None:
        self.key = key
        self.setting = setting
        self.variants = variants
        self.default = default

    def pairs(self) -> list[Pair]:
        """All pairs.

        Raises:
            Inexpressible: with a reason for each rule.
        """
        rules = [rule for rule in self.setting.rules if not rule.disabled]
        pairs: list[Pair] = []
        reasons: list[str] = []
        while rules:
            rule, *rules = rules
            try:
                found, taken = self.of_rule(rule, rules)
                rules = rules[taken:]
            except Inexpressible as refusal:
                reasons += [f"rule {rule.id}: {reason}" for reason in refusal.reasons]
                continue
            pairs += found
            if found and found[-1][0] is True and isinstance(found[-1][1], str):
                break
        if reasons:
            raise Inexpressible(*reasons)
        return pairs

    def of_rule(self, rule: Rule, behind: Sequence[Rule]) -> tuple[list[Pair], int]:
        """A rule's pairs, and how many rules behind it they say as well."""
        condition = _with_strategy(rule)
        if condition is None:
            return [], 0
        variants = rule.variants or (() if rule.serve else self.setting.variants)
        total = sum(variant.weight for variant in variants)
        whole = [variant.name for variant in variants if variant.weight == total]
        if any(variant.overrides for variant in variants):
            raise Inexpressible("its variants have overrides")
        if rule.serve or not variants or (whole and rule.bucketing == "unleash"):
            name = rule.serve or next(iter(whole), "")
            if not name:
                name = self.variants.named(self.variants.alone(), "on")
            return [(logic_of(condition), name)], 0
        if rule.bucketing == "unleash":
            raise Inexpressible("its variants are spread as Unleash does it")
        return self._fractional(rule, condition, variants, behind)

    def _fractional(
        self,
        rule: Rule,
        condition: Condition,
        variants: tuple[Variant, ...],
        behind: Sequence[Rule],
    ) -> tuple[list[Pair], int]:
        """Flagd serves the default where there is nothing to bucket by; here the next rule may."""
        weights: list[Any] = [[variant.name, variant.weight] for variant in variants]
        stickiness = variants[0].stickiness
        keyed = stickiness.startswith(f"{FLAG_KEY} ")
        field = stickiness.removeprefix(f"{FLAG_KEY} ")
        plain = {"fractional": weights}
        following = behind[0] if behind else None
        if keyed:
            both = {"cat": [variable(FLAG_KEY), variable(field)]}
            bucketed = {"fractional": [both, *weights]}
            constant = served_by_key(self.key, variants)
            if following is not None and _repeats(following, condition, field, constant):
                return [(logic_of(following.condition), bucketed)], 1
            named = [
                (everything([*_parts(condition), given(field)]), bucketed),
                (everything([*_parts(condition), given(_TARGETING_KEY)]), plain),
            ]
            return named, 0
        bare = stickiness != "default"
        bucketed = {"fractional": [variable(field), *weights] if bare else weights}
        if (
            following is not None
            and _goes_on(following, condition, rule)
            and following.serve == self.default
        ):
            return [(logic_of(condition), bucketed)], int(following.condition != EVERYONE)
        there_is = [given(_TARGETING_KEY)]
        guard = something([given(field), *there_is]) if bare else there_is[0]
        return [(everything([*_parts(condition), guard]), bucketed)], 0


def _parts(condition: Condition) -> list[Any]:
    return [] if condition == EVERYONE else [logic_of(condition)]


def _repeats(following: Rule, condition: Condition, field: str, constant: str) -> bool:
    """Whether a rule serves those without the field what flagd would serve them."""
    return (
        following.serve == constant
        and following.strategy == "default"
        and all_of([following.condition, there(field)]) == condition
    )


def _goes_on(following: Rule, condition: Condition, rule: Rule) -> bool:
    """Whether the rule behind is for all whom this one was for."""
    return (
        bool(following.serve)
        and following.strategy == rule.strategy == "default"
        and following.condition in {condition, EVERYONE}
    )


def _with_strategy(rule: Rule) -> Condition | None:
    """Whom a rule is for, its strategy being part of the condition; None where it is nobody."""
    match rule.strategy:
        case "default":
            return rule.condition
        case "userWithId":
            users = tuple(each.strip() for each in rule.parameters.get("userIds", "").split(","))
            listed = Constraint(field="userId", operator="IN", values=users)
            return all_of([rule.condition, listed])
        case "flexibleRollout":
            rollout = rule.parameters.get("rollout")
            if rollout == "0":
                return None
            somebody = rule.parameters.get("stickiness", "default") in _SOMEBODY
            if rollout == str(EVERYBODY) and somebody:
                return rule.condition
    raise Inexpressible(f"flagd has no strategy like {rule.strategy}")
