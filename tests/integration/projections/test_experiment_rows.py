"""What an experiment's queries count, against what the log says when it is read one by one."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from adapters.capabilities import DECIDERS, UPCASTS
from adapters.postgres.event_store import PostgresEventStore
from application.codec import EventCodec
from application.experiments.results import Observed
from application.positions import Position
from domain.experiments.design import Design, ExperimentDefined, ExperimentStarted, Metric
from domain.experiments.observations import (
    Conversion,
    ExperimentConverted,
    ExperimentExposed,
    Exposure,
)
from projections import experiments
from tests.support.readings import NoVault, Reading, migrate_projections, reading, record

AT = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = 2**62
METRICS = ["bought", "spent"]


@pytest.fixture
async def url(database_url: str) -> str:
    await migrate_projections(database_url, [experiments.PROJECTION])
    return database_url


CODEC = EventCodec(DECIDERS, NoVault(), UPCASTS)


def at(random: Random) -> datetime:
    return AT + timedelta(seconds=random.randrange(100))


def batch(random: Random, experiment: str) -> ExperimentExposed | ExperimentConverted:
    subjects = [f"s{random.randrange(40)}" for _ in range(random.randrange(1, 6))]
    if random.random() < 0.5:
        exposures = tuple(
            Exposure(
                subject=subject,
                variant=("red", "blue")[hash_of(subject, random)],
                at=at(random),
            )
            for subject in subjects
        )
        return ExperimentExposed(
            experiment=experiment, run=random.randrange(1, 3), exposures=exposures
        )
    conversions = tuple(
        Conversion(
            subject=subject,
            metric=random.choice(METRICS),
            value=float(random.randrange(10)),
            at=at(random),
        )
        for subject in subjects
    )
    return ExperimentConverted(experiment=experiment, conversions=conversions)


def hash_of(subject: str, random: Random) -> int:
    """A subject is mostly served the same."""
    return (int(subject[1:]) + (random.random() < 0.1)) % 2


Told = list[tuple[int, ExperimentExposed | ExperimentConverted]]


def expected(
    told: Told, experiment: str, run: int, until: int, ended: datetime | None
) -> tuple[dict[str, int], int, dict[str, dict[str, Observed]]]:
    """Users, excluded ones and what was observed, by the plainest reading of the rules."""
    first: dict[str, dict[str, datetime]] = defaultdict(dict)
    mine = [each for position, each in told if each.experiment == experiment and position <= until]
    known = {
        (seen.subject, seen.variant)
        for each in mine
        if isinstance(each, ExperimentExposed) and each.run == run
        for seen in each.exposures
    }
    for _, each in told:  # who was exposed was so at the earliest time that was ever told
        if isinstance(each, ExperimentExposed) and (each.experiment, each.run) == (experiment, run):
            for seen in each.exposures:
                if (seen.subject, seen.variant) in known:
                    before = first[seen.subject].get(seen.variant, seen.at)
                    first[seen.subject][seen.variant] = min(before, seen.at)
    users: dict[str, int] = defaultdict(int)
    values: dict[str, dict[str, list[list[float]]]] = {
        metric: defaultdict(list) for metric in METRICS
    }
    for subject, variants in first.items():
        if len(variants) > 1:
            continue
        [(variant, exposed_at)] = variants.items()
        users[variant] += 1
        for metric in METRICS:
            done = [
                conversion.value
                for each in mine
                if isinstance(each, ExperimentConverted)
                for conversion in each.conversions
                if (conversion.subject, conversion.metric) == (subject, metric)
                and exposed_at <= conversion.at
                and (ended is None or conversion.at <= ended)
            ]
            values[metric][variant].append(done)
    observed = {
        metric: {
            variant: Observed(
                users=len(each),
                converted=sum(bool(done) for done in each),
                total=sum(map(sum, each)),
                squares=sum(sum(done) ** 2 for done in each),
            )
            for variant, each in by_variant.items()
        }
        for metric, by_variant in values.items()
        if by_variant
    }
    excluded = sum(len(variants) > 1 for variants in first.values())
    return dict(users), excluded, observed


async def asked(
    engine: Reading, after: Position, experiment: str, run: int, until: int, ended: datetime | None
) -> Any:
    async with engine.read_models.rows(experiments.PROJECTION, "default", after=after) as rows:
        users, excluded = await experiments.find_subjects(rows, experiment, run, until)
        observed = await experiments.find_observed(
            rows, experiment, run, until, metrics=METRICS, until=ended
        )
    return users, excluded, observed


async def test_the_queries_count_as_the_log_says(url: str) -> None:
    random = Random(7)
    told: Told = []
    async with reading(url, [experiments.PROJECTION], codec=CODEC) as engine:
        for number in range(120):
            event = batch(random, random.choice(["one", "two"]))
            last = await observe(engine.store, f"experiment-observations/{number}", event)
            told.append((last.number, event))
        middle = told[60][0]
        cases = [
            (experiment, run, until, ended)
            for experiment in ("one", "two")
            for run in (1, 2)
            for until in (EVERYTHING, middle)
            for ended in (None, AT + timedelta(seconds=50))
        ]
        seen = 0
        for case in cases:
            wanted = expected(told, *case)
            assert await asked(engine, last, *case) == wanted
            seen += wanted[1]
        assert seen > 0  # some were served both
        nobody = await asked(engine, last, "three", 1, EVERYTHING, None)
        assert nobody == ({}, 0, {})


async def observe(store: PostgresEventStore, stream: str, event: Any) -> Position:
    return await record(store, stream, event, codec=CODEC)


async def test_what_runs_is_known_with_its_variants(url: str) -> None:
    design = Design(
        flag="checkout",
        environment="live",
        control="red",
        variants=("red", "blue"),
        weights=(1.0, 1.0),
        metrics=(Metric(key="bought"),),
        confidence=0.95,
    )
    started = ExperimentStarted(
        run=1, flag="checkout", environment="live", variants=("red", "blue"), at=AT
    )
    async with reading(url, [experiments.PROJECTION], codec=CODEC) as engine:
        await observe(engine.store, "experiment/idle", ExperimentDefined(design=design))
        await observe(engine.store, "experiment/one", ExperimentDefined(design=design))
        last = await observe(engine.store, "experiment/one", started)
        async with engine.read_models.rows(experiments.PROJECTION, "default", after=last) as rows:
            found = await experiments.load_running(rows)
            listed = await experiments.find_experiments(rows)
            of_flag = await experiments.find_experiments(rows, flag="other")
    [running] = found.running
    assert (running.experiment, running.run, running.environment) == ("one", 1, "live")
    assert running.variants == {"red", "blue"}
    assert found.position >= last.number
    assert [(row.key, row.run, row.design) for row in listed] == [
        ("idle", 0, design),
        ("one", 1, design),
    ]
    assert of_flag == []
