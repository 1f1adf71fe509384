"""What an experiment is, and when it runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from domain.experiments.design import (
    EXPERIMENT,
    DefineExperiment,
    Design,
    Experiment,
    ExperimentDefined,
    ExperimentIsRunning,
    ExperimentStarted,
    ExperimentStopped,
    Metric,
    NoExperiment,
    NoSuchExperiment,
    StartExperiment,
    StopExperiment,
)
from domain.experiments.observations import (
    OBSERVATIONS,
    Conversion,
    ExperimentConverted,
    ObservationBatch,
    Observe,
)
from domain.rejections import Invalid
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
DESIGN = Design(
    flag="checkout",
    environment="default",
    control="red",
    variants=("red", "blue"),
    weights=(1.0, 1.0),
    metrics=(Metric(key="bought"),),
    confidence=0.95,
)
DEFINED = ExperimentDefined(design=DESIGN)
STARTED = ExperimentStarted(
    run=1, flag="checkout", environment="default", variants=("red", "blue"), at=AT
)
STOPPED = ExperimentStopped(run=1, at=LATER)
START = StartExperiment(experiment="e", at=AT)
STOP = StopExperiment(experiment="e", at=LATER)


def define(**change: Any) -> DefineExperiment:
    design = msgspec.structs.replace(DESIGN, **change)
    return DefineExperiment(experiment="e", design=design, at=AT)


def test_an_experiment_is_defined_once() -> None:
    given(EXPERIMENT).when(define()).then(DEFINED)
    given(EXPERIMENT, DEFINED).when(define()).then()


def test_it_starts_with_what_is_compared() -> None:
    given(EXPERIMENT, DEFINED).when(START).then(STARTED)
    given(EXPERIMENT, DEFINED, STARTED).when(START).then()


def test_it_stops_once() -> None:
    given(EXPERIMENT, DEFINED).when(STOP).then()
    given(EXPERIMENT, DEFINED, STARTED).when(STOP).then(STOPPED)
    given(EXPERIMENT, DEFINED, STARTED, STOPPED).when(STOP).then()


def test_another_start_begins_a_new_run() -> None:
    again = msgspec.structs.replace(STARTED, run=2)
    given(EXPERIMENT, DEFINED, STARTED, STOPPED).when(START).then(again)


@pytest.mark.parametrize("command", [START, STOP])
def test_what_was_never_defined_does_not_run(command: Any) -> None:
    with pytest.raises(NoSuchExperiment):
        EXPERIMENT.decide(NoExperiment(), command)


@pytest.mark.parametrize(
    "change",
    [
        {"flag": "other"},
        {"environment": "live"},
        {"control": "blue"},
        {"variants": ("blue", "red")},
        {"weights": (1.0, 2.0)},
    ],
)
def test_what_is_compared_does_not_change_in_a_run(change: dict[str, Any]) -> None:
    running = EXPERIMENT.fold([DEFINED, STARTED])
    with pytest.raises(ExperimentIsRunning):
        EXPERIMENT.decide(running, define(**change))
    assert EXPERIMENT.decide(EXPERIMENT.fold([DEFINED, STARTED, STOPPED]), define(**change))


def test_metrics_and_confidence_change_in_a_run() -> None:
    running = EXPERIMENT.fold([DEFINED, STARTED])
    command = define(metrics=(Metric(key="spent", kind="mean"),), confidence=0.99)
    assert EXPERIMENT.decide(running, command) == [ExperimentDefined(design=command.design)]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"variants": ("red",), "weights": (1.0,)}, "/variants"),
        ({"variants": ("red", "red")}, "/variants"),
        ({"variants": tuple("abcdefghijklmnopqrstu"), "weights": (1.0,) * 21}, "/variants"),
        ({"control": "green"}, "/control"),
        ({"weights": (1.0,)}, "/weights"),
        ({"weights": (1.0, 0.0)}, "/weights"),
        ({"weights": (1.0, float("nan"))}, "/weights"),
        ({"weights": (1.0, float("inf"))}, "/weights"),
        ({"metrics": ()}, "/metrics"),
        ({"metrics": (Metric(key="a"), Metric(key="a", kind="mean"))}, "/metrics"),
        ({"confidence": 1.0}, "/confidence"),
        ({"confidence": float("nan")}, "/confidence"),
    ],
)
def test_what_cannot_be_compared_is_refused(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        EXPERIMENT.decide(NoExperiment(), define(**change))
    assert pointer in {fault.pointer for fault in refused.value.faults}


def test_a_run_is_on_from_its_start_to_its_end() -> None:
    states = [EXPERIMENT.fold(events) for events in ([DEFINED], [DEFINED, STARTED])]
    states.append(EXPERIMENT.evolve(states[-1], STOPPED))
    assert [isinstance(state, Experiment) and state.running for state in states] == [
        False,
        True,
        False,
    ]
    assert EXPERIMENT.fold([STARTED, STOPPED]) == NoExperiment()


def test_a_batch_of_observations_is_recorded_once() -> None:
    done = Conversion(subject="s", metric="bought", value=1.0, at=AT)
    event = ExperimentConverted(experiment="e", conversions=(done,))
    command = Observe(events=(event, event), at=AT)
    assert OBSERVATIONS.decide(ObservationBatch(), command) == [event, event]
    assert OBSERVATIONS.decide(OBSERVATIONS.fold([event]), command) == []
