"""Experiments over HTTP: defined, run, told what happened, and asked what they show."""

import asyncio

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.event_views import EventList
from adapters.http.experiment_shapes import (
    Accepted,
    ConversionsBody,
    ExperimentBody,
    ExperimentList,
    ExperimentView,
    ExposuresBody,
    shown,
    view_of,
)
from adapters.http.flag_shapes import Word
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold, in_utc, is_new, position_of
from adapters.http.names import known_name, new_name
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Cursor, Limit, read_cursor
from application.boundary import MAX_INTEGER
from application.experiments.defining import PutExperiment
from application.experiments.results import Results, results_of
from application.experiments.telling import (
    Converted,
    Exposed,
    TellConversions,
    TellExposures,
)
from domain.experiments.design import (
    EXPERIMENT,
    Experiment,
    Metric,
    NoExperiment,
    StartExperiment,
    StopExperiment,
    missing,
)
from projections import experiments as projection

READ, WRITE, TELL = "flags:read", "flags:write", "flags:evaluate"


class ExperimentsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which experiments: all, or those of a flag."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    flag: Word | None = None


def _key(call: Call) -> str:
    return known_name(call.params["key"], missing)


@operation(
    "PUT",
    "/v1/experiments/{key}",
    needs=WRITE,
    body=ExperimentBody,
    answers={200: ExperimentView, 201: ExperimentView},
    conditional=True,
)
async def put_experiment(call: Call, body: ExperimentBody) -> Answer:
    """Define an experiment, or say anew what it is; in a run only metrics and confidence change."""
    key = new_name(call.params["key"])
    command = PutExperiment(
        experiment=key,
        flag=body.flag,
        environment=body.environment,
        control=body.control,
        variants=body.variants,
        weights=body.weights,
        metrics=tuple(Metric(key=each.key, kind=each.kind) for each in body.metrics),
        confidence=body.confidence,
        at=call.platform.now(),
    )
    return await execute(call, command, shown(key, created=await is_new(call, EXPERIMENT, key)))


@operation(
    "POST",
    "/v1/experiments/{key}/start",
    needs=WRITE,
    answers={200: ExperimentView},
    conditional=True,
)
async def start_experiment(call: Call) -> Answer:
    """Begin a run: from now on who is served one of the variants is counted."""
    key = _key(call)
    command = StartExperiment(experiment=key, at=call.platform.now())
    return await execute(call, command, shown(key))


@operation(
    "POST",
    "/v1/experiments/{key}/stop",
    needs=WRITE,
    answers={200: ExperimentView},
    conditional=True,
)
async def stop_experiment(call: Call) -> Answer:
    """End the run; another start begins a new one, which counts anew."""
    key = _key(call)
    return await execute(call, StopExperiment(experiment=key, at=call.platform.now()), shown(key))


@operation(
    "POST",
    "/v1/experiments/{key}/exposures",
    needs=TELL,
    body=ExposuresBody,
    answers={200: Accepted},
)
async def tell_exposures(call: Call, body: ExposuresBody) -> Answer:
    """Say who was served which variant, where a client has evaluated by itself."""
    exposures = tuple(
        Exposed(
            subject=each.subject,
            variant=each.variant,
            at=in_utc(each.at, f"/exposures/{nth}/at"),
        )
        for nth, each in enumerate(body.exposures)
    )
    command = TellExposures(experiment=_key(call), exposures=exposures, at=call.platform.now())
    return await execute(call, command, _accepted)


@operation(
    "POST",
    "/v1/experiments/{key}/conversions",
    needs=TELL,
    body=ConversionsBody,
    answers={200: Accepted},
)
async def tell_conversions(call: Call, body: ConversionsBody) -> Answer:
    """Say who has converted; it counts for those who were exposed before."""
    conversions = tuple(
        Converted(
            subject=each.subject,
            metric=each.metric,
            value=each.value,
            at=in_utc(each.at, f"/conversions/{nth}/at"),
        )
        for nth, each in enumerate(body.conversions)
    )
    command = TellConversions(
        experiment=_key(call), conversions=conversions, at=call.platform.now()
    )
    return await execute(call, command, _accepted)


def _accepted(number: int, _version: int) -> Answer:
    return json_answer(Accepted(accepted=number))


@operation(
    "GET",
    "/v1/experiments/{key}",
    needs=READ,
    query=Moment,
    answers={200: ExperimentView},
    consistent=True,
)
async def get_experiment(call: Call, moment: Moment) -> Answer:
    """One experiment, now or as it was."""
    key = _key(call)
    return shown(key)(*await fold(call, EXPERIMENT, key, moment))


@operation(
    "GET",
    "/v1/experiments",
    needs=READ,
    query=ExperimentsQuery,
    answers={200: ExperimentList},
    consistent=True,
)
async def list_experiments(call: Call, query: ExperimentsQuery) -> Answer:
    """The experiments, by key."""
    (after,) = read_cursor(query.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_experiments(
            rows, after=after, limit=query.limit + 1, flag=query.flag
        )
    page, following = cut(found, query.limit, lambda row: row.key)
    items = [
        view_of(
            row.key,
            Experiment(
                design=row.design,
                run=row.run,
                started_at=row.started_at,
                stopped_at=row.stopped_at,
            ),
            row.version,
        )
        for row in page
    ]
    return json_answer(ExperimentList(items=items, next=following))


@operation(
    "GET",
    "/v1/experiments/{key}/results",
    needs=READ,
    query=Moment,
    answers={200: Results},
    consistent=True,
)
async def experiment_results(call: Call, moment: Moment) -> Answer:
    """What the newest run shows, now or by what was known at a moment."""
    key = _key(call)
    experiment, _ = await fold(call, EXPERIMENT, key, moment)
    if isinstance(experiment, NoExperiment):
        raise missing(key)
    position = await position_of(call, moment)
    design, until = experiment.design, MAX_INTEGER if position is None else position
    async with rows_of(call, projection.PROJECTION) as rows:
        users, excluded = await projection.find_subjects(rows, key, experiment.run, until)
        observed = await projection.find_observed(
            rows,
            key,
            experiment.run,
            until,
            metrics=[metric.key for metric in design.metrics],
            until=experiment.stopped_at,
        )
    results = await asyncio.to_thread(
        results_of,
        key,
        design,
        run=experiment.run,
        started_at=experiment.started_at,
        stopped_at=experiment.stopped_at,
        users=users,
        excluded=excluded,
        observed=observed,
        statistics=call.platform.services.statistics,
    )
    return json_answer(results)


@operation(
    "GET",
    "/v1/experiments/{key}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def experiment_history(call: Call, page: HistoryPage) -> Answer:
    """How the experiment was changed, started and stopped."""
    key = _key(call)
    return await stream_history(call, call.tenant, EXPERIMENT.stream(key), page, missing(key))


OPERATIONS = (
    put_experiment,
    start_experiment,
    stop_experiment,
    tell_exposures,
    tell_conversions,
    get_experiment,
    list_experiments,
    experiment_results,
    experiment_history,
)
