"""What an experiment compares, and whether it runs.

Each start begins a new run: what was observed before belongs to an earlier one. While it runs, what
would make its observations incomparable does not change.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Literal, assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import Conflict, Fault, Invalid, NotFound

MetricKind = Literal["binary", "mean"]
"""Whether a subject converts or does not, or what its conversions' values add up to."""

MOST_VARIANTS, MOST_METRICS = 20, 20
LOWEST_CONFIDENCE, HIGHEST_CONFIDENCE = 0.5, 0.9999


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is hoped for."""

    key: str
    kind: MetricKind = "binary"


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """Which variants of a flag are compared with `control`, and by what.

    `weights` are the shares that the variants should have, in their order; only their proportions
    count. Flags without variants have the two `enabled` and `disabled`.
    """

    flag: str
    environment: str
    control: str
    variants: tuple[str, ...]
    weights: tuple[float, ...]
    metrics: tuple[Metric, ...]
    confidence: float


class ExperimentDefined(Event, frozen=True, kw_only=True, tag="experiment.defined"):
    """This is what the experiment is from now on."""

    design: Design


class ExperimentStarted(Event, frozen=True, kw_only=True, tag="experiment.started"):
    """A run has begun: who is served one of the variants is counted."""

    run: int
    flag: str
    environment: str
    variants: tuple[str, ...]
    at: datetime


class ExperimentStopped(Event, frozen=True, kw_only=True, tag="experiment.stopped"):
    """The run is over."""

    run: int
    at: datetime


ExperimentEvent = ExperimentDefined | ExperimentStarted | ExperimentStopped


class DefineExperiment(Command, frozen=True, kw_only=True):
    """Say what the experiment is."""

    experiment: str
    design: Design
    at: datetime


class StartExperiment(Command, frozen=True, kw_only=True):
    """Begin a run."""

    experiment: str
    at: datetime


class StopExperiment(Command, frozen=True, kw_only=True):
    """End the run."""

    experiment: str
    at: datetime


ExperimentCommand = DefineExperiment | StartExperiment | StopExperiment


class NoExperiment(msgspec.Struct, frozen=True):
    """No such experiment was defined."""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment and its newest run, of which there is none at `run` 0."""

    design: Design
    run: int = 0
    started_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def running(self) -> bool:
        """Whether a run is on."""
        return self.started_at is not None and self.stopped_at is None


class NoSuchExperiment(NotFound):
    """No such experiment was defined."""

    slug = "no-such-experiment"
    title = "There is no such experiment"


class ExperimentIsRunning(Conflict):
    """What is compared does not change under a run."""

    slug = "experiment-is-running"
    title = "The experiment is running"


class ExperimentIsNotRunning(Conflict):
    """Nobody is exposed to what does not run."""

    slug = "experiment-is-not-running"
    title = "The experiment is not running"


def missing(key: str) -> NoSuchExperiment:
    """There is no experiment of this key."""
    return NoSuchExperiment(f"There is no experiment named {key[:100]}.", experiment=key[:100])


def decide(
    experiment: NoExperiment | Experiment, command: ExperimentCommand
) -> list[ExperimentEvent]:
    """Answer a command with the events it causes."""
    match command:
        case DefineExperiment():
            return _define(experiment, command)
        case StartExperiment():
            return _start(experiment, command)
        case StopExperiment():
            return _stop(experiment, command)
        case _:
            assert_never(command)


def _define(
    experiment: NoExperiment | Experiment, command: DefineExperiment
) -> list[ExperimentEvent]:
    faults = tuple(_faults(command.design))
    if faults:
        raise Invalid(*faults)
    if isinstance(experiment, Experiment):
        if experiment.design == command.design:
            return []
        if experiment.running and _compared(experiment.design) != _compared(command.design):
            raise ExperimentIsRunning("Stop it first; only metrics and confidence change in a run.")
    return [ExperimentDefined(design=command.design)]


def _compared(design: Design) -> Design:
    """What does not change in a run."""
    return msgspec.structs.replace(design, metrics=(), confidence=0.0)


def _faults(design: Design) -> Iterator[Fault]:
    variants, metrics = design.variants, [metric.key for metric in design.metrics]
    if not 2 <= len(variants) <= MOST_VARIANTS:  # noqa: PLR2004 - one cannot be compared
        yield _fault("/variants", "number", f"must be 2 to {MOST_VARIANTS} variants")
    if len(set(variants)) < len(variants):
        yield _fault("/variants", "duplicate", "names a variant twice")
    if design.control not in variants:
        yield _fault("/control", "unknown-variant", "is none of the variants")
    if len(design.weights) != len(variants):
        yield _fault("/weights", "number", "must be one for each variant")
    if not all(math.isfinite(weight) and 0 < weight <= 1e9 for weight in design.weights):  # noqa: PLR2004 - as good as any
        yield _fault("/weights", "range", "must be above 0")
    if not 1 <= len(metrics) <= MOST_METRICS:
        yield _fault("/metrics", "number", f"must be 1 to {MOST_METRICS} metrics")
    if len(set(metrics)) < len(metrics):
        yield _fault("/metrics", "duplicate", "names a metric twice")
    if not LOWEST_CONFIDENCE <= design.confidence <= HIGHEST_CONFIDENCE:
        detail = f"must lie between {LOWEST_CONFIDENCE} and {HIGHEST_CONFIDENCE}"
        yield _fault("/confidence", "range", detail)


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)


def _start(
    experiment: NoExperiment | Experiment, command: StartExperiment
) -> list[ExperimentEvent]:
    if isinstance(experiment, NoExperiment):
        raise missing(command.experiment)
    if experiment.running:
        return []
    design = experiment.design
    return [
        ExperimentStarted(
            run=experiment.run + 1,
            flag=design.flag,
            environment=design.environment,
            variants=design.variants,
            at=command.at,
        )
    ]


def _stop(experiment: NoExperiment | Experiment, command: StopExperiment) -> list[ExperimentEvent]:
    if isinstance(experiment, NoExperiment):
        raise missing(command.experiment)
    if not experiment.running:
        return []
    return [ExperimentStopped(run=experiment.run, at=command.at)]


def evolve(
    experiment: NoExperiment | Experiment, event: ExperimentEvent
) -> NoExperiment | Experiment:
    """The experiment after an event."""
    if isinstance(event, ExperimentDefined):
        if isinstance(experiment, NoExperiment):
            return Experiment(design=event.design)
        return msgspec.structs.replace(experiment, design=event.design)
    if isinstance(experiment, NoExperiment):
        return experiment
    if isinstance(event, ExperimentStarted):
        return msgspec.structs.replace(
            experiment, run=event.run, started_at=event.at, stopped_at=None
        )
    return msgspec.structs.replace(experiment, stopped_at=event.at)


EXPERIMENT: Decider[NoExperiment | Experiment, ExperimentCommand, ExperimentEvent] = Decider(
    category="experiment",
    events=ExperimentEvent,
    initial=NoExperiment(),
    decide=decide,
    evolve=evolve,
)
