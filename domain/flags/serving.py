"""Which variant is served, compiled into closures.

Every outcome is made beforehand; what is left for the context is to say which one.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate

import msgspec

from domain.flags.bucketing import fractional_bucket, fractional_value, variant_bucket
from domain.flags.bucketing import variant_subject as subject_of
from domain.flags.context import Context
from domain.flags.outcomes import Evaluation, Reason, ServedVariant, on
from domain.flags.rules import Bucketing
from domain.flags.state import About
from domain.flags.variants import Variant

Serve = Callable[[Context], Evaluation]

Serving = Evaluation | Serve
"""What is served: the same to everybody, or what depends on the context."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Variants and how they meet their subjects; `salt` tells chances apart."""

    variants: tuple[Variant, ...]
    group: str
    salt: str
    key: str
    bucketing: Bucketing = "unleash"

    @property
    def stickiness(self) -> str:
        """What a subject is held on to by: the first variant says so for all."""
        return self.variants[0].stickiness or "default"

    @property
    def total(self) -> int:
        """The sum of the weights."""
        return sum(variant.weight for variant in self.variants)


def served(variant: Variant) -> ServedVariant:
    """A variant as it is served."""
    return ServedVariant(name=variant.name, payload=variant.payload)


def compile_spread(spread: Spread, about: About, rule: str, reason: Reason) -> Serving:
    """Serve a variant by override or by weight; `reason` where there is nothing to choose.

    Raises:
        ValueError: no variant has a weight.
    """
    if spread.total <= 0 or min(variant.weight for variant in spread.variants) < 0:
        raise ValueError("no variant has a weight")
    by_weight = _by_weight(spread, about, rule, reason)
    overrides = _overrides(spread.variants, about, rule)
    if not overrides:
        return by_weight

    def serve(context: Context) -> Evaluation:
        for field, values, evaluation in overrides:
            if context.fields[field] in values:
                return evaluation
        return by_weight if isinstance(by_weight, Evaluation) else by_weight(context)

    return serve


def _by_weight(spread: Spread, about: About, rule: str, reason: Reason) -> Serving:
    total = spread.total
    whole = [variant for variant in spread.variants if variant.weight == total]
    if whole:
        return on(about, rule, reason, served(whole[0]))
    ends = list(accumulate(variant.weight for variant in spread.variants))
    outcomes = [on(about, rule, "SPLIT", served(variant)) for variant in spread.variants]
    choose = _fractional if spread.bucketing == "flagd" else _normalised
    return choose(spread, ends, outcomes)


def _normalised(spread: Spread, ends: list[int], outcomes: list[Evaluation]) -> Serve:
    group, salt, stickiness, total = spread.group, spread.salt, spread.stickiness, spread.total

    def serve(context: Context) -> Evaluation:
        bucket = variant_bucket(group, subject_of(context, stickiness, salt), total)
        return outcomes[bisect_left(ends, bucket)]

    return serve


def _fractional(spread: Spread, ends: list[int], outcomes: list[Evaluation]) -> Serve:
    key, stickiness, total = spread.key, spread.stickiness, spread.total

    def serve(context: Context) -> Evaluation:
        value = fractional_value(context, key, stickiness)
        if value is None:  # the rule asks beforehand whether there is one
            raise ValueError("there is nothing to bucket")
        return outcomes[bisect_left(ends, fractional_bucket(value, total))]

    return serve


def _overrides(
    variants: Sequence[Variant], about: About, rule: str
) -> list[tuple[str, frozenset[str], Evaluation]]:
    return [
        (
            override.field,
            frozenset(override.values),
            on(about, rule, "TARGETING_MATCH", served(variant)),
        )
        for variant in variants
        for override in variant.overrides
    ]
