"""Defining experiments, and beginning and ending their runs."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.experiments.running import RunningExperiments
from application.flags.flag_sets import FlagSets
from application.unit import Done, Unit
from domain.experiments.design import (
    EXPERIMENT,
    DefineExperiment,
    Design,
    Experiment,
    Metric,
    NoExperiment,
    StartExperiment,
    StopExperiment,
)
from domain.flags.state import Flag
from domain.rejections import Fault, Invalid

PLAIN = ("disabled", "enabled")
"""The variants of a flag that has none."""


class PutExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """Define an experiment; without variants those of the flag, without weights its weights."""

    experiment: str
    flag: str
    environment: str
    control: str
    variants: tuple[str, ...] | None
    weights: tuple[float, ...] | None
    metrics: tuple[Metric, ...]
    confidence: float
    at: datetime


@dataclass(frozen=True)
class PutExperimentHandler:
    """Carries out `PutExperiment`."""

    sets: FlagSets

    async def __call__(self, command: PutExperiment, run: Run) -> Done[NoExperiment | Experiment]:
        """Define it.

        Raises:
            Invalid: there is no such flag, or as the decider does.
        """
        folded = (await self.sets.of(run.context.tenant)).flag(command.flag)
        if folded is None or not isinstance(folded.state, Flag) or folded.state.archived:
            raise Invalid(Fault(pointer="/flag", code="unknown-flag", detail="is no flag"))
        definition = DefineExperiment(
            experiment=command.experiment, design=_design(command, folded.state), at=command.at
        )

        async def decide(unit: Unit) -> NoExperiment | Experiment:
            return await unit.decide(EXPERIMENT, command.experiment, definition)

        return await run(decide, lanes=[(EXPERIMENT, command.experiment)])


def _design(command: PutExperiment, flag: Flag) -> Design:
    setting = flag.setting(command.environment)
    weights = {variant.name: float(variant.weight) for variant in setting.variants}
    variants = command.variants
    if variants is None:
        served = [variant.name for rule in setting.rules for variant in rule.variants]
        variants = tuple(dict.fromkeys([*weights, *served])) or PLAIN
    if command.weights is not None:
        given = command.weights
    elif all(weights.get(name) for name in variants):
        given = tuple(weights[name] for name in variants)
    else:
        given = (1.0,) * len(variants)
    return Design(
        flag=command.flag,
        environment=command.environment,
        control=command.control,
        variants=variants,
        weights=given,
        metrics=command.metrics,
        confidence=command.confidence,
    )


@dataclass(frozen=True)
class SwitchExperimentHandler:
    """Carries out `StartExperiment` and `StopExperiment`: this process counts by it at once."""

    running: RunningExperiments

    async def __call__(
        self, command: StartExperiment | StopExperiment, run: Run
    ) -> Done[NoExperiment | Experiment]:
        """Begin or end a run."""
        key = command.experiment

        async def decide(unit: Unit) -> NoExperiment | Experiment:
            return await unit.decide(EXPERIMENT, key, command)

        done = await run(decide, lanes=[(EXPERIMENT, key)])
        if isinstance(done.result, Experiment):
            self.running.learn(run.context.tenant, key, done.result)
        return done
