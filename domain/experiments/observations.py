"""What an experiment is told: who was exposed to which variant, and who has converted.

Observations come in batches, each on a stream of its own that takes one. Subjects are keyed hashes:
nobody can tell from the log who took part, nor that two experiments had the same subject.
"""

from datetime import datetime

import msgspec

from domain.decider import Command, Decider, Event


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """A subject was served a variant."""

    subject: str
    variant: str
    at: datetime


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """A subject has done what a metric counts; `value` is 1 where there is nothing to measure."""

    subject: str
    metric: str
    value: float
    at: datetime


class ExperimentExposed(Event, frozen=True, kw_only=True, tag="experiment.exposed"):
    """These subjects were exposed in a run of an experiment."""

    experiment: str
    run: int
    exposures: tuple[Exposure, ...]


class ExperimentConverted(Event, frozen=True, kw_only=True, tag="experiment.converted"):
    """These conversions happened; which of them count follows from who was exposed before."""

    experiment: str
    conversions: tuple[Conversion, ...]


ObservationEvent = ExperimentExposed | ExperimentConverted


class Observe(Command, frozen=True, kw_only=True):
    """Record a batch of observations."""

    events: tuple[ObservationEvent, ...]
    at: datetime


class ObservationBatch(msgspec.Struct, frozen=True):
    """Whether the batch was recorded."""

    recorded: bool = False


def decide(batch: ObservationBatch, command: Observe) -> list[ObservationEvent]:
    """Record a batch once."""
    return [] if batch.recorded else list(command.events)


def evolve(_batch: ObservationBatch, _event: ObservationEvent) -> ObservationBatch:
    """The batch after an event."""
    return ObservationBatch(recorded=True)


OBSERVATIONS: Decider[ObservationBatch, Observe, ObservationEvent] = Decider(
    category="experiment-observations",
    events=ObservationEvent,
    initial=ObservationBatch(),
    decide=decide,
    evolve=evolve,
)
