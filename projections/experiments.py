"""Experiments as lists show them, and who took part: each subject once, each conversion.

A subject's row in a run says when it was first exposed to a variant, by the earliest time that was
ever told, and where in the log that was first told at all. One with rows of several variants took
part in none of them properly.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from application.experiments.results import Observed
from application.experiments.running import Running, RunningRows
from domain.experiments.design import (
    Design,
    ExperimentDefined,
    ExperimentEvent,
    ExperimentStarted,
    ExperimentStopped,
)
from domain.experiments.observations import ExperimentConverted, ExperimentExposed
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
    DOUBLE,
    INT,
    JSON,
    TEXT,
    TIME,
    Operation,
    Table,
    defaulted,
    gather,
    least,
    merge,
    nullable,
    patch,
    put,
)

EXPERIMENTS = Table(
    "experiments",
    key={"key": TEXT},
    columns={
        "design": JSON,
        "run": defaulted(INT, 0),
        "started_at": nullable(TIME),
        "stopped_at": nullable(TIME),
        "version": BIGINT,
    },
)
EXPOSURES = Table(
    "exposures",
    key={"experiment": TEXT, "run": INT, "subject": TEXT, "variant": TEXT},
    columns={"at": least(TIME), "position": least(BIGINT)},
)
CONVERSIONS = Table(
    "conversions",
    key={
        "experiment": TEXT,
        "metric": TEXT,
        "subject": TEXT,
        "position": BIGINT,
        "number": INT,
    },
    columns={"value": DOUBLE, "at": TIME},
)


def project(
    recorded: Recorded[ExperimentEvent | ExperimentExposed | ExperimentConverted],
) -> Iterable[Operation]:
    """How an event changes the rows."""
    event, position = recorded.event, recorded.position
    match event:
        case ExperimentExposed():
            for seen in event.exposures:
                key = (event.experiment, event.run, seen.subject, seen.variant)
                yield gather(EXPOSURES, key, {"at": seen.at, "position": position})
        case ExperimentConverted():
            for number, each in enumerate(event.conversions):
                done = (event.experiment, each.metric, each.subject, position, number)
                yield put(CONVERSIONS, done, {"value": each.value, "at": each.at})
        case ExperimentDefined():
            values = {"design": event.design, "version": recorded.version}
            yield merge(EXPERIMENTS, recorded.stream_id, values)
        case ExperimentStarted():
            began = {"run": event.run, "started_at": event.at, "stopped_at": None}
            yield patch(EXPERIMENTS, recorded.stream_id, {**began, "version": recorded.version})
        case ExperimentStopped():
            ended = {"stopped_at": event.at, "version": recorded.version}
            yield patch(EXPERIMENTS, recorded.stream_id, ended)


PROJECTION = Projection(
    name="experiments",
    version=1,
    tables=(EXPERIMENTS, EXPOSURES, CONVERSIONS),
    handles=(
        ExperimentDefined,
        ExperimentStarted,
        ExperimentStopped,
        ExperimentExposed,
        ExperimentConverted,
    ),
    project=project,
)


class ExperimentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment and its newest run."""

    key: str
    design: Design
    run: int
    started_at: datetime | None
    stopped_at: datetime | None
    version: int


class SubjectsRow(msgspec.Struct, frozen=True, kw_only=True):
    """How many subjects were served one variant; several variants, where there is no name."""

    variant: str | None
    users: int


class ObservedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one variant's subjects by one metric."""

    metric: str
    variant: str
    users: int
    converted: int
    total: float
    squares: float


_EXPERIMENT = "key, design, run, started_at, stopped_at, version"
_SUBJECTS = """
    subjects AS (
        SELECT subject, min(variant) AS variant, min(at) AS at, count(*) AS variants
        FROM {exposures} WHERE experiment = $1 AND run = $2 AND position <= $3
        GROUP BY subject
    )
"""


async def find_experiments(
    rows: Rows, *, after: str = "", limit: int = 50, flag: str | None = None
) -> list[ExperimentRow]:
    """Experiments by key, behind a key, and of one flag if it is named."""
    sql = f"""
        SELECT {_EXPERIMENT} FROM {{experiments}}
        WHERE key > $1 AND ($3::text IS NULL OR design ->> 'flag' = $3) ORDER BY key LIMIT $2
    """  # noqa: S608 - constants
    return await rows.find(ExperimentRow, sql, after, limit, flag)


async def load_running(rows: Rows) -> RunningRows:
    """The runs that are on."""
    sql = f"""
        SELECT {_EXPERIMENT} FROM {{experiments}}
        WHERE started_at IS NOT NULL AND stopped_at IS NULL
    """  # noqa: S608 - constants
    found = await rows.find(ExperimentRow, sql)
    at = await rows.position()
    return RunningRows(
        position=at.number,
        incarnation=at.incarnation,
        running=[
            Running(
                experiment=row.key,
                run=row.run,
                flag=row.design.flag,
                environment=row.design.environment,
                variants=frozenset(row.design.variants),
            )
            for row in found
        ],
    )


async def find_subjects(
    rows: Rows, experiment: str, run: int, position: int
) -> tuple[dict[str, int], int]:
    """How many subjects were served each variant alone, and how many several, up to a position."""
    sql = f"""
        WITH {_SUBJECTS}
        SELECT CASE WHEN variants = 1 THEN variant END AS variant, count(*) AS users
        FROM subjects GROUP BY 1
    """  # noqa: S608 - constants
    found = await rows.find(SubjectsRow, sql, experiment, run, position)
    users = {row.variant: row.users for row in found if row.variant is not None}
    return users, sum(row.users for row in found if row.variant is None)


async def find_observed(
    rows: Rows,
    experiment: str,
    run: int,
    position: int,
    *,
    metrics: list[str],
    until: datetime | None,
) -> dict[str, dict[str, Observed]]:
    """What was seen by metric and variant: conversions count from a subject's exposure on."""
    sql = f"""
        WITH {_SUBJECTS}, done AS (
            SELECT m.metric, s.subject, s.variant, count(c.at) AS times,
                   coalesce(sum(c.value), 0) AS value
            FROM subjects AS s CROSS JOIN unnest($4::text[]) AS m (metric)
            LEFT JOIN {{conversions}} AS c
              ON c.experiment = $1 AND c.metric = m.metric AND c.subject = s.subject
             AND c.at >= s.at AND c.position <= $3 AND ($5::timestamptz IS NULL OR c.at <= $5)
            WHERE s.variants = 1 GROUP BY m.metric, s.subject, s.variant
        )
        SELECT metric, variant, count(*) AS users, count(*) FILTER (WHERE times > 0) AS converted,
               sum(value) AS total, sum(value * value) AS squares
        FROM done GROUP BY metric, variant
    """  # noqa: S608 - constants
    found = await rows.find(ObservedRow, sql, experiment, run, position, metrics, until)
    observed: dict[str, dict[str, Observed]] = {}
    for row in found:
        observed.setdefault(row.metric, {})[row.variant] = Observed(
            users=row.users, converted=row.converted, total=row.total, squares=row.squares
        )
    return observed
