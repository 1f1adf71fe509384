"""Taking in what callers tell: who was exposed, and who has converted."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.bus import Run
from application.flags.usage import parts
from application.unit import Done, Unit
from domain.experiments.design import (
    EXPERIMENT,
    Experiment,
    ExperimentIsNotRunning,
    MetricKind,
    NoExperiment,
    missing,
)
from domain.experiments.observations import (
    OBSERVATIONS,
    Conversion,
    ExperimentConverted,
    ExperimentExposed,
    Exposure,
    Observe,
)
from domain.rejections import Fault, Invalid

SubjectHash = Callable[[str, str, str], str]
"""From tenant, experiment and whom it is about to what is kept of that."""

_EVENT = 100_000  # bytes of JSON in one event, about


class Exposed(msgspec.Struct, frozen=True, kw_only=True):
    """A caller says that a subject was served a variant."""

    subject: str
    variant: str
    at: datetime | None = None


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """A caller says what a subject has done; without `metric` it is the only one there is."""

    subject: str
    metric: str | None = None
    value: float | None = None
    at: datetime | None = None


class TellExposures(msgspec.Struct, frozen=True, kw_only=True):
    """Record exposures."""

    experiment: str
    exposures: tuple[Exposed, ...]
    at: datetime


class TellConversions(msgspec.Struct, frozen=True, kw_only=True):
    """Record conversions."""

    experiment: str
    conversions: tuple[Converted, ...]
    at: datetime


@dataclass(frozen=True)
class TellExposuresHandler:
    """Carries out `TellExposures`; the result is how many there were."""

    subject_hash: SubjectHash
    new_id: Callable[[], UUID]

    async def __call__(self, command: TellExposures, run: Run) -> Done[int]:
        """Record them.

        Raises:
            NoSuchExperiment: there is none.
            ExperimentIsNotRunning: nobody is exposed to it.
            Invalid: a variant is none, or a time is not within the run.
        """
        key, tenant, batch = command.experiment, run.context.tenant, str(self.new_id())

        async def decide(unit: Unit) -> int:
            experiment = await _known(unit, key)
            if not experiment.running:
                raise ExperimentIsNotRunning("Start it first.")
            faults = [
                fault
                for nth, each in enumerate(command.exposures)
                for fault in _exposure_faults(f"/exposures/{nth}", each, experiment, command.at)
            ]
            if faults:
                raise Invalid(*faults)
            exposures = [
                Exposure(
                    subject=self.subject_hash(tenant, key, each.subject),
                    variant=each.variant,
                    at=each.at or command.at,
                )
                for each in command.exposures
            ]
            events = tuple(
                ExperimentExposed(experiment=key, run=experiment.run, exposures=part)
                for part in parts(exposures, _EVENT)
            )
            unit.begin(OBSERVATIONS, batch, Observe(events=events, at=command.at))
            return len(exposures)

        return await run(decide)


def _exposure_faults(
    pointer: str, told: Exposed, experiment: Experiment, now: datetime
) -> Iterator[Fault]:
    if told.variant not in experiment.design.variants:
        detail = "is none of the experiment's variants"
        yield Fault(pointer=f"{pointer}/variant", code="unknown-variant", detail=detail)
    started = experiment.started_at
    if told.at is not None and (told.at > now or (started is not None and told.at < started)):
        detail = "must lie between the start of the run and now"
        yield Fault(pointer=f"{pointer}/at", code="range", detail=detail)


@dataclass(frozen=True)
class TellConversionsHandler:
    """Carries out `TellConversions`; the result is how many there were."""

    subject_hash: SubjectHash
    new_id: Callable[[], UUID]

    async def __call__(self, command: TellConversions, run: Run) -> Done[int]:
        """Record them; also those that come late, of a run that is over.

        Raises:
            NoSuchExperiment: there is none.
            ExperimentIsNotRunning: it never was.
            Invalid: a metric is none, a value is missing, or a time is yet to come.
        """
        key, tenant, batch = command.experiment, run.context.tenant, str(self.new_id())

        async def decide(unit: Unit) -> int:
            experiment = await _known(unit, key)
            if not experiment.run:
                raise ExperimentIsNotRunning("Start it first.")
            kinds = {metric.key: metric.kind for metric in experiment.design.metrics}
            faults = [
                fault
                for nth, each in enumerate(command.conversions)
                for fault in _conversion_faults(f"/conversions/{nth}", each, kinds, command.at)
            ]
            if faults:
                raise Invalid(*faults)
            conversions = [
                Conversion(
                    subject=self.subject_hash(tenant, key, each.subject),
                    metric=each.metric or next(iter(kinds)),
                    value=1.0 if each.value is None else each.value,
                    at=each.at or command.at,
                )
                for each in command.conversions
            ]
            events = tuple(
                ExperimentConverted(experiment=key, conversions=part)
                for part in parts(conversions, _EVENT)
            )
            unit.begin(OBSERVATIONS, batch, Observe(events=events, at=command.at))
            return len(conversions)

        return await run(decide)


def _conversion_faults(
    pointer: str, told: Converted, kinds: Mapping[str, MetricKind], now: datetime
) -> Iterator[Fault]:
    kind = kinds.get(told.metric) if told.metric is not None else None
    if told.metric is None and len(kinds) == 1:
        [kind] = kinds.values()
    if told.metric is None and kind is None:
        detail = "is required, because the experiment has several metrics"
        yield Fault(pointer=f"{pointer}/metric", code="required", detail=detail)
    elif kind is None:
        detail = "is none of the experiment's metrics"
        yield Fault(pointer=f"{pointer}/metric", code="unknown-metric", detail=detail)
    if kind == "mean" and told.value is None:
        detail = "is required, because the metric is a mean"
        yield Fault(pointer=f"{pointer}/value", code="required", detail=detail)
    if kind == "binary" and told.value is not None:
        detail = "is not for a metric of yes and no"
        yield Fault(pointer=f"{pointer}/value", code="unexpected", detail=detail)
    if told.at is not None and told.at > now:
        yield Fault(pointer=f"{pointer}/at", code="range", detail="must not be yet to come")


async def _known(unit: Unit, key: str) -> Experiment:
    experiment = await unit.load(EXPERIMENT, key)
    if isinstance(experiment, NoExperiment):
        raise missing(key)
    return experiment
