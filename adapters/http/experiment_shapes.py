"""What experiments look like on the wire."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.commands import Render
from adapters.http.conditions import etag
from adapters.http.flag_shapes import Word
from adapters.http.names import NO_NUL, Name
from application.flags import DEFAULT_ENVIRONMENT
from domain.experiments.design import (
    HIGHEST_CONFIDENCE,
    LOWEST_CONFIDENCE,
    MOST_METRICS,
    MOST_VARIANTS,
    Experiment,
    MetricKind,
    NoExperiment,
    missing,
)

Variant = Annotated[str, msgspec.Meta(min_length=1, max_length=100, extra_json_schema=NO_NUL)]
Subject = Annotated[str, msgspec.Meta(min_length=1, max_length=500, extra_json_schema=NO_NUL)]
Weight = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
Confidence = Annotated[float, msgspec.Meta(ge=LOWEST_CONFIDENCE, le=HIGHEST_CONFIDENCE)]
Value = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
Time = Annotated[datetime, msgspec.Meta(tz=True, description="When; now, unless given.")]
State = Literal["draft", "running", "stopped"]

BATCH = 1000


class MetricBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is hoped for: that subjects convert, or that their values add up to much."""

    key: Name
    kind: MetricKind = "binary"


class ExperimentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which variants of a flag are compared with `control`, and by which metrics.

    Without `variants` they are the flag's, `enabled` and `disabled` if it has none. Without
    `weights` they are the flag's too, where it has them, else equal.
    """

    flag: Word
    control: Variant
    metrics: Annotated[tuple[MetricBody, ...], msgspec.Meta(min_length=1, max_length=MOST_METRICS)]
    environment: Name = DEFAULT_ENVIRONMENT
    variants: (
        Annotated[tuple[Variant, ...], msgspec.Meta(min_length=2, max_length=MOST_VARIANTS)] | None
    ) = None
    weights: Annotated[tuple[Weight, ...], msgspec.Meta(max_length=MOST_VARIANTS)] | None = None
    confidence: Confidence = 0.95


class ExposureBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subject was served a variant."""

    subject: Subject
    variant: Variant
    at: Time | None = None


class ExposuresBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who was exposed, a thousand at most."""

    exposures: Annotated[tuple[ExposureBody, ...], msgspec.Meta(min_length=1, max_length=BATCH)]


class ConversionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a subject has done; `value` is for metrics that are means, which need it."""

    subject: Subject
    metric: Name | None = None
    value: Value | None = None
    at: Time | None = None


class ConversionsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who has converted, a thousand at most."""

    conversions: Annotated[tuple[ConversionBody, ...], msgspec.Meta(min_length=1, max_length=BATCH)]


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """How many were recorded."""

    accepted: int


class MetricView(msgspec.Struct, frozen=True, kw_only=True):
    """A metric."""

    key: str
    kind: MetricKind


class ExperimentView(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment and its newest run (0: it was never started)."""

    key: str
    flag: str
    environment: str
    control: str
    variants: tuple[str, ...]
    weights: tuple[float, ...]
    metrics: list[MetricView]
    confidence: float
    state: State
    run: int
    started_at: datetime | None
    stopped_at: datetime | None
    version: int


class ExperimentList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of experiments, by key."""

    items: list[ExperimentView]
    next: str | None


def view_of(key: str, experiment: Experiment, version: int) -> ExperimentView:
    """An experiment as it is shown."""
    design = experiment.design
    state: State = "running" if experiment.running else "stopped" if experiment.run else "draft"
    return ExperimentView(
        key=key,
        flag=design.flag,
        environment=design.environment,
        control=design.control,
        variants=design.variants,
        weights=design.weights,
        metrics=[MetricView(key=metric.key, kind=metric.kind) for metric in design.metrics],
        confidence=design.confidence,
        state=state,
        run=experiment.run,
        started_at=experiment.started_at,
        stopped_at=experiment.stopped_at,
        version=version,
    )


def shown(key: str, *, created: bool = False) -> Render:
    """Shows an experiment after a command."""
    location: Headers = ((b"location", f"/v1/experiments/{key}".encode()),) if created else ()

    def render(experiment: NoExperiment | Experiment, version: int) -> Answer:
        if isinstance(experiment, NoExperiment):
            raise missing(key)
        view = view_of(key, experiment, version)
        return json_answer(view, 201 if created else 200, (etag(version), *location))

    return render
