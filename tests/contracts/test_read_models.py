"""Row operations mean the same in memory and in Postgres, wherever batches begin and end."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.memory.read_models import MemoryReadModel
from adapters.postgres.connect import Pool, open_pool
from adapters.postgres.generations import prepare
from adapters.postgres.read_tables import ProjectionFollower
from domain.recorded import Recorded
from projections.projection import Projection
from projections.tables import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    JSON,
    TEXT,
    TEXTS,
    TIME,
    Operation,
    Table,
    defaulted,
    delete,
    gather,
    greatest,
    least,
    merge,
    nullable,
    patch,
    put,
    summed,
)
from projections.tables import (
    UUID as UUID_COLUMN,
)
from tests.support.readings import NoiseHeard, owner

ALL = Table(
    "everything",
    key={"id": TEXT, "number": BIGINT},
    columns={
        "text": defaulted(TEXT, "start"),
        "big": defaulted(BIGINT, -1),
        "small": nullable(INT),
        "yes": defaulted(BOOLEAN, True),
        "at": nullable(TIME),
        "uuid": nullable(UUID_COLUMN),
        "json": nullable(JSON),
        "texts": defaulted(TEXTS, ()),
    },
    indexes=[("at desc", "id")],
)
BARE = Table("bare", key={"id": UUID_COLUMN}, columns={})
SUMS = Table(
    "sums",
    key={"id": TEXT},
    columns={
        "count": summed(defaulted(BIGINT, 0)),
        "first": least(TIME),
        "last": greatest(TIME),
        "newest": defaulted(JSON, {}),
        "whole": summed(defaulted(DOUBLE, 0.0)),
    },
)
PLAN: dict[int, Sequence[Operation]] = {}
PROJECTION = Projection(
    name="contract",
    version=7,
    tables=(ALL, BARE, SUMS),
    handles=(NoiseHeard,),
    project=lambda recorded: PLAN[recorded.position],
)
TENANTS = count(1)

Rows = dict[Table, dict[Any, dict[str, Any]]]
Apply = Callable[[Sequence[Sequence[Operation]], set[int]], Awaitable[Rows]]


def events(operations: Sequence[Sequence[Operation]], tenant: str) -> list[Recorded[Any]]:
    PLAN.clear()
    PLAN.update(enumerate(operations, 1))
    return [
        Recorded(
            position=position,
            tenant=tenant,
            stream="noise/1",
            version=position,
            id=UUID(int=position),
            type="noise.heard",
            event=NoiseHeard(),
            recorded_at=datetime(2030, 1, 1, tzinfo=UTC),
            actor="anonymous",
            correlation_id=UUID(int=0),
            causation_id=None,
            meta={},
        )
        for position in PLAN
    ]


def split(batch: list[Recorded[Any]], cuts: set[int]) -> list[list[Recorded[Any]]]:
    edges = [0, *sorted(cut for cut in cuts if cut < len(batch)), len(batch)]
    return [batch[a:b] for a, b in pairwise(edges) if b > a]


async def in_memory(operations: Sequence[Sequence[Operation]], cuts: set[int]) -> Rows:
    model = MemoryReadModel(PROJECTION)
    for batch in split(events(operations, "t"), cuts):
        model.apply(batch)
    return {
        table: {key[1:]: row for key, row in model.rows(table).items()}
        for table in PROJECTION.tables
    }


@pytest.fixture(scope="module")
async def pool(postgres_url: str) -> AsyncIterator[Pool]:
    async with owner(postgres_url) as connection:
        await prepare(connection, [PROJECTION])
    pool = await open_pool(postgres_url, role="annals_projector", max_size=2)
    yield pool
    pool.terminate()


@pytest.fixture(params=["memory", "postgres"])
def apply(request: pytest.FixtureRequest, pool: Pool) -> Apply:
    if request.param == "memory":
        return in_memory
    follower = ProjectionFollower(PROJECTION, PROJECTION.generation())

    async def in_postgres(operations: Sequence[Sequence[Operation]], cuts: set[int]) -> Rows:
        tenant = f"contract-{next(TENANTS)}"
        async with pool.acquire() as connection:
            for batch in split(events(operations, tenant), cuts):
                async with connection.transaction():
                    await follower.apply(connection, batch)
            found: Rows = {}
            for table in PROJECTION.tables:
                rows = found[table] = {}
                sql = f"SELECT * FROM read_contract_7_0.{table.name} WHERE tenant = $1"  # noqa: S608 - a constant
                for record in await connection.fetch(sql, tenant):
                    row = dict(record)
                    key = tuple(row.pop(name) for name in table.key_names)[1:]
                    for name in ("json", "newest"):
                        if row.get(name) is not None:
                            row[name] = msgspec.json.decode(row[name])
                    rows[key] = row
            return found

    return in_postgres


TEXTS_ANY = st.text(st.characters(codec=None, exclude_categories=[]), max_size=6)
HOSTILE = st.sampled_from(["", "\x00", "a\x00b", "\ud800", '"', "\\", "{}", "NULL", "\\u0000", "'"])
TEXT_VALUES = HOSTILE | TEXTS_ANY
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT_VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT_VALUES, inner, max_size=2),
    max_leaves=6,
)
TIMES = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXT_VALUES,
        "big": st.integers(-(2**63), 2**63 - 1),
        "small": st.none() | st.integers(-(2**31), 2**31 - 1),
        "yes": st.booleans(),
        "at": st.none() | TIMES,
        "uuid": st.none() | st.uuids(),
        "json": JSON_VALUES,
        "texts": st.lists(TEXT_VALUES, max_size=3),
    },
)
GATHERED = st.fixed_dictionaries(
    {"first": TIMES, "last": TIMES},
    optional={
        "count": st.integers(-(2**40), 2**40),
        "newest": JSON_VALUES.filter(lambda value: value is not None),
        "whole": st.integers(-(2**40), 2**40).map(float),  # whole ones add up exactly
    },
)
KEYS = st.tuples(st.sampled_from(["k", "k\x00", "k\ufffd"]), st.integers(0, 1))
BARE_KEYS = st.sampled_from([UUID(int=1), UUID(int=2)])
OPERATIONS: st.SearchStrategy[Operation] = st.one_of(
    st.builds(lambda key, values: put(ALL, key, values), KEYS, VALUES),
    st.builds(lambda key, values: patch(ALL, key, values), KEYS, VALUES),
    st.builds(lambda key, values: merge(ALL, key, values), KEYS, VALUES),
    st.builds(lambda key: delete(ALL, key), KEYS),
    st.builds(lambda key: put(BARE, key, {}), BARE_KEYS),
    st.builds(lambda key: merge(BARE, key, {}), BARE_KEYS),
    st.builds(lambda key: patch(BARE, key, {}), BARE_KEYS),
    st.builds(lambda key: delete(BARE, key), BARE_KEYS),
    st.builds(lambda key, values: gather(SUMS, key, values), st.just("k"), GATHERED),
    st.builds(lambda key, values: gather(SUMS, key, values), st.just("k"), GATHERED),
    st.builds(lambda key, values: put(SUMS, key, values), st.just("k"), GATHERED),
    st.builds(lambda key: delete(SUMS, key), st.just("k")),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(OPERATIONS, max_size=3), max_size=10),
    st.sets(st.integers(1, 9)),
)
async def test_rows_are_those_of_one_operation_at_a_time(
    apply: Apply, operations: list[list[Operation]], cuts: set[int]
) -> None:
    one_by_one = await in_memory(
        [[operation] for some in operations for operation in some],
        set(range(1, 40)),
    )
    assert await apply(operations, cuts) == one_by_one


async def test_a_row_of_each_kind_comes_back_as_it_went(apply: Apply) -> None:
    at = datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
    row = {
        "text": "\U0001f9ff" * 1000,
        "big": -(2**63),
        "small": 2**31 - 1,
        "yes": False,
        "at": at,
        "uuid": UUID(int=2**128 - 1),
        "json": {"deep": [[[{"a": None}]]]},
        "texts": ["", "null", "a,b", '{"'],
    }
    rows = await apply([[put(ALL, ("k", 1), row)]], set())
    assert rows[ALL] == {("k", 1): row}
    later = at + timedelta(microseconds=1)
    rows = await apply([[put(ALL, ("k", 1), row)], [patch(ALL, ("k", 1), {"at": later})]], {1})
    assert rows[ALL]["k", 1]["at"] == later
