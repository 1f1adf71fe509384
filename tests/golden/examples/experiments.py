"""Events of experiments, one of each type."""

from domain.decider import Event
from domain.experiments.design import (
    Design,
    ExperimentDefined,
    ExperimentStarted,
    ExperimentStopped,
    Metric,
)
from domain.experiments.observations import (
    Conversion,
    ExperimentConverted,
    ExperimentExposed,
    Exposure,
)
from tests.golden.examples.moment import AT

EVENTS: list[Event] = [
    ExperimentDefined(
        design=Design(
            flag="a",
            environment="live",
            control="red",
            variants=("red", "blue"),
            weights=(500.0, 500.0),
            metrics=(Metric(key="bought"), Metric(key="spent", kind="mean")),
            confidence=0.95,
        )
    ),
    ExperimentStarted(run=1, flag="a", environment="live", variants=("red", "blue"), at=AT),
    ExperimentStopped(run=1, at=AT),
    ExperimentExposed(
        experiment="e", run=1, exposures=(Exposure(subject="s1", variant="red", at=AT),)
    ),
    ExperimentConverted(
        experiment="e",
        conversions=(Conversion(subject="s1", metric="spent", value=9.5, at=AT),),
    ),
]
