"""What an experiment has shown so far: numbers, and what they mean in words."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from application.experiments.statistics import TUNING, Effect, Flaw, Sample, Statistics
from domain.experiments.design import Design, Metric, MetricKind

UNEVEN = 0.001
"""A split that is less probable than this is not by chance."""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one variant's subjects by one metric."""

    users: int
    converted: int
    total: float
    squares: float


class VariantResult(msgspec.Struct, frozen=True, kw_only=True):
    """A variant beside the control; `rate` is the mean of a metric that measures.

    `verdict` follows from the sequential p-value of the absolute uplift.
    """

    variant: str
    control: bool
    users: int
    conversions: int
    rate: float
    absolute: Effect | None
    relative: Effect | None
    verdict: str


class MetricResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one metric shows."""

    key: str
    kind: MetricKind
    variants: list[VariantResult]


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """Whether subjects are split among the variants as they should be."""

    expected: dict[str, float]
    observed: dict[str, int]
    p_value: float
    even: bool
    verdict: str


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment has shown in a run.

    `excluded` subjects were served several variants. Sequential intervals and p-values hold however
    often somebody looks; `tuning` is the number of subjects at which they are sharpest.
    """

    experiment: str
    run: int
    started_at: datetime | None
    stopped_at: datetime | None
    confidence: float
    tuning: float
    users: int
    excluded: int
    split: Split
    metrics: list[MetricResult]


_FLAWED: Mapping[Flaw, str] = {
    "too-few": "There are too few subjects to compare.",
    "no-variance": "There is nothing to compare yet: all subjects of a variant are alike.",
}


def split_of(design: Design, users: Sequence[int], statistics: Statistics) -> Split:
    """The sample-ratio check; `users` are by variant."""
    p_value = statistics.mismatch(users, design.weights)
    even, whole = p_value >= UNEVEN, sum(design.weights)
    verdict = (
        "Subjects are split as they should be."
        if even
        else "Subjects are not split as they should be: something loses or moves them, and the "
        "results must not be trusted."
    )
    return Split(
        expected={
            name: weight / whole
            for name, weight in zip(design.variants, design.weights, strict=True)
        },
        observed=dict(zip(design.variants, users, strict=True)),
        p_value=p_value,
        even=even,
        verdict=verdict if sum(users) else "Nobody was exposed yet.",
    )


def metric_result(
    design: Design, metric: Metric, observed: Mapping[str, Observed], statistics: Statistics
) -> MetricResult:
    """What a metric shows of each variant; `observed` is by variant, where there is anything."""
    control = _sample(metric, observed.get(design.control))
    return MetricResult(
        key=metric.key,
        kind=metric.kind,
        variants=[
            _variant(design, name, control, _sample(metric, found), found, statistics)
            for name in design.variants
            for found in [observed.get(name)]
        ],
    )


def _sample(metric: Metric, found: Observed | None) -> Sample:
    if found is None:
        return Sample(kind=metric.kind, users=0, total=0.0, squares=0.0)
    if metric.kind == "binary":
        number = float(found.converted)
        return Sample(kind="binary", users=found.users, total=number, squares=number)
    return Sample(kind="mean", users=found.users, total=found.total, squares=found.squares)


def _variant(
    design: Design,
    name: str,
    control: Sample,
    sample: Sample,
    found: Observed | None,
    statistics: Statistics,
) -> VariantResult:
    is_control = name == design.control
    comparison = None if is_control else statistics.compare(control, sample, design.confidence)
    if comparison is None:
        verdict = "The others are compared with it."
    elif comparison.absolute is None:
        verdict = _FLAWED[comparison.flaw or "too-few"]
    else:
        verdict = _verdict(name, design, comparison.absolute)
    return VariantResult(
        variant=name,
        control=is_control,
        users=sample.users,
        conversions=0 if found is None else found.converted,
        rate=sample.mean,
        absolute=None if comparison is None else comparison.absolute,
        relative=None if comparison is None else comparison.relative,
        verdict=verdict,
    )


def _verdict(name: str, design: Design, effect: Effect) -> str:
    percent = f"{design.confidence * 100:.6g} %"
    if effect.sequential_p_value > 1 - design.confidence:
        return f"No difference from {design.control} is shown at {percent} confidence so far."
    which = "more" if effect.uplift > 0 else "less"
    return f"{name} does {which} than {design.control}, at {percent} confidence."


def results_of(
    experiment: str,
    design: Design,
    *,
    run: int,
    started_at: datetime | None,
    stopped_at: datetime | None,
    users: Mapping[str, int],
    excluded: int,
    observed: Mapping[str, Mapping[str, Observed]],
    statistics: Statistics,
) -> Results:
    """All results; slow. `users` are by variant, `observed` by metric and variant."""
    counts = [users.get(name, 0) for name in design.variants]
    return Results(
        experiment=experiment,
        run=run,
        started_at=started_at,
        stopped_at=stopped_at,
        confidence=design.confidence,
        tuning=TUNING,
        users=sum(counts),
        excluded=excluded,
        split=split_of(design, counts, statistics),
        metrics=[
            metric_result(design, metric, observed.get(metric.key, {}), statistics)
            for metric in design.metrics
        ],
    )
