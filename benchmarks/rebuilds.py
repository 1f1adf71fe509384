"""How fast a read model is built anew, from the beginning of the log until it is at its end.

The engine runs in this process. Two logs: one of plain events, of which two fifths concern nobody,
and one of jobs, whose events have sealed fields that are opened on the way.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import nullcontext
from statistics import median
from uuid import uuid4

import msgspec

import projections.jobs
from adapters.bootstrap import open_platform
from adapters.postgres.connect import Connection
from adapters.postgres.generations import Generation, generations, rebuild
from adapters.postgres.migrations import migrate
from application.codec import EventCodec
from application.event_store import Append, Stored, Write
from benchmarks.servers import Installation
from benchmarks.snapshots import held_snapshot
from domain.decider import Event
from domain.jobs import JobQueued, JobStarted, JobSucceeded
from projections.projection import Projection, schema_of
from tests.support.readings import (
    CODEC,
    THINGS_1,
    NoiseHeard,
    Reading,
    ThingCounted,
    ThingLabelled,
    ThingMade,
    migrate_projections,
    owner,
    reading,
)

PLAIN_EVENTS = 150_000
JOB_EVENTS = 60_000
STREAMS_PER_APPEND = 100
ROUNDS = 2

Streams = Iterator[tuple[str, list[Event]]]


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """Events per second, medians over the rounds, without and with an old snapshot."""

    what: str
    events: int
    rows: int
    plain: float
    snapshot: float


async def measure(url: str, installation: Installation) -> list[Rebuilt]:
    """`url` is an empty database's."""
    await migrate(url)
    await migrate_projections(url, [THINGS_1])
    plain = await _rebuilt(url, THINGS_1, CODEC, _things(PLAIN_EVENTS))
    async with open_platform(installation.settings) as platform:
        jobs = await _rebuilt(
            installation.database_url,
            projections.jobs.PROJECTION,
            platform.codec,
            _jobs(JOB_EVENTS),
        )
    return [plain, jobs]


async def _rebuilt(
    url: str, projection: Projection, codec: EventCodec, streams: Streams
) -> Rebuilt:
    plain: list[float] = []
    snapshot: list[float] = []
    async with reading(url, (projection,), codec=codec) as engine, owner(url) as connection:
        await _fill(engine, codec, streams)
        tail = (await engine.store.tail()).position
        await _reached(connection, projection.name, projection.generation(), tail)
        for _ in range(ROUNDS):
            for taken, beside in ((plain, nullcontext()), (snapshot, held_snapshot(url))):
                async with beside:
                    pace, table = await _build(connection, projection, tail)
                taken.append(pace)
        rows = await _counted(url, table)
    return Rebuilt(
        what=projection.name,
        events=tail,
        rows=rows,
        plain=median(plain),
        snapshot=median(snapshot),
    )


async def _build(connection: Connection, projection: Projection, tail: int) -> tuple[float, str]:
    """Events per second from a build's first checkpoint on, and the name of its first table.

    Before that first one the projector has to notice that there is a build, within a second.
    """
    build = await rebuild(connection, projection)
    first = await _reached(connection, projection.name, build.number, 1)
    began = time.perf_counter()
    await _reached(connection, projection.name, build.number, tail)
    seconds = time.perf_counter() - began
    await _active(connection, build)
    table = f'"{schema_of(projection.name, build.number)}"."{projection.tables[0].name}"'
    return (tail - first) / seconds, table


async def _counted(url: str, table: str) -> int:
    """How many rows there are, by whom the rows of every tenant are shown to."""
    async with owner(url, role="annals_projector") as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - ours


async def _active(connection: Connection, build: Generation) -> None:
    """Wait until queries turn to a build, so that another one may begin."""
    served: set[int] = set()
    while build.number not in served:
        await asyncio.sleep(0.02)
        served = {each.number for each in await generations(connection) if each.active}


async def _reached(connection: Connection, name: str, generation: int, position: int) -> int:
    """Wait until a build is there or farther; gives where it is."""
    found = "SELECT max(position) FROM annals.checkpoints WHERE projection = $1 AND generation = $2"
    while (at := await connection.fetchval(found, name, generation) or 0) < position:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    return int(at)


async def _fill(engine: Reading, codec: EventCodec, streams: Streams) -> None:
    writes: list[Write] = []
    for stream, events in streams:
        writes.append(await _write(codec, stream, events))
        if len(writes) == STREAMS_PER_APPEND:
            assert isinstance(await engine.store.append(Append(writes=tuple(writes))), Stored)
            writes.clear()


async def _write(codec: EventCodec, stream: str, events: list[Event]) -> Write:
    new = [
        await codec.encode(
            event,
            id_=uuid4(),
            tenant="default",
            stream=stream,
            actor="account/benchmark",
            correlation_id=uuid4(),
            causation_id=None,
        )
        for event in events
    ]
    return Write(tenant="default", stream=stream, expected=0, events=tuple(new))


def _things(events: int) -> Streams:
    """A fifth of the events make a thing, two fifths change one, two fifths are for nobody."""
    body = {"k": [1, 2]}
    for _ in range(events // 5):
        id_ = uuid4().hex
        made = ThingMade(label="a label of a usual length", tags=("one", "two"), body=body)
        yield f"thing/{id_}", [made, ThingLabelled(label="another"), ThingCounted(count=7)]
        yield f"noise/{id_}", [NoiseHeard(level=3), NoiseHeard(level=4)]


def _jobs(events: int) -> Streams:
    """Jobs that succeeded at the first attempt."""
    queued = JobQueued(action="benchmark", requester="benchmark", input={"to": "ada"})
    succeeded = JobSucceeded(attempt=1, requester="benchmark", status=None, response=None)
    for _ in range(events // 3):
        yield f"job/{uuid4()}", [queued, JobStarted(attempt=1), succeeded]
