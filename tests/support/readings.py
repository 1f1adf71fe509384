"""A read model to try the engine on: things, with a label, tags and a count of changes."""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import msgspec

from adapters.memory.read_models import MemoryReadModel
from adapters.postgres.connect import Connection, Pool, close, connect, open_pool
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.generations import prepare
from adapters.postgres.projector import Projector, bound_transactions
from adapters.postgres.read_models import PostgresReadModels
from adapters.postgres.status import FollowerStatus, status
from adapters.postgres.tail import Listener
from application.codec import EventCodec
from application.event_store import Append, NewEvent, Stored, Write
from application.positions import Position
from application.progress import LocalProgress
from application.tail import Tail
from application.vault import DataKey, KeyOwner
from domain.decider import Decider, Event
from domain.projections import PROJECTION
from domain.recorded import Recorded
from projections.projection import Projection
from projections.tables import (
    BIGINT,
    BOOLEAN,
    INT,
    JSON,
    TEXT,
    TEXTS,
    TIME,
    Operation,
    Table,
    defaulted,
    delete,
    merge,
    nullable,
    patch,
    put,
)
from projections.tables import (
    UUID as UUID_TYPE,
)


class ThingMade(Event, frozen=True, kw_only=True, tag="thing.made"):
    label: str
    tags: tuple[str, ...] = ()
    body: Any = None


class ThingLabelled(Event, frozen=True, kw_only=True, tag="thing.labelled"):
    label: str


class ThingCounted(Event, frozen=True, kw_only=True, tag="thing.counted"):
    count: int


class ThingGone(Event, frozen=True, kw_only=True, tag="thing.gone"):
    pass


class NoiseHeard(Event, frozen=True, kw_only=True, tag="noise.heard"):
    level: int = 0


ThingEvent = ThingMade | ThingLabelled | ThingCounted | ThingGone
THING: Decider[int, None, Any] = Decider(
    category="thing",
    events=ThingEvent,
    initial=0,
    decide=lambda _state, _command: [],
    evolve=lambda state, _event: state + 1,
)
NOISE: Decider[int, None, Any] = Decider(
    category="noise",
    events=NoiseHeard,
    initial=0,
    decide=lambda _state, _command: [],
    evolve=lambda state, _event: state + 1,
)

THINGS = Table(
    "things",
    key={"thing": TEXT},
    columns={
        "label": TEXT,
        "tags": TEXTS,
        "body": nullable(JSON),
        "count": defaulted(BIGINT, 0),
        "small": nullable(INT),
        "loud": defaulted(BOOLEAN, False),
        "at": TIME,
        "event": UUID_TYPE,
    },
    indexes=[("at desc", "thing")],
)
COUNTS = Table("counts", key={"thing": TEXT}, columns={"count": BIGINT, "note": nullable(TEXT)})


def project(recorded: Recorded[Any]) -> Iterable[Operation]:
    thing = recorded.stream_id
    match recorded.event:
        case ThingMade(label=label, tags=tags, body=body):
            values = {"label": label, "tags": tags, "body": body}
            yield put(THINGS, thing, values | {"at": recorded.recorded_at, "event": recorded.id})
        case ThingLabelled(label=label):
            yield patch(THINGS, thing, {"label": label})
        case ThingCounted(count=count):
            yield patch(THINGS, thing, {"count": count})
            yield merge(COUNTS, thing, {"count": count})
        case ThingGone():
            yield delete(THINGS, thing)


HANDLES = (ThingMade, ThingLabelled, ThingCounted, ThingGone)
THINGS_1 = Projection(
    name="things", version=1, tables=(THINGS, COUNTS), handles=HANDLES, project=project
)


class NoVault:
    async def keys(
        self, owners: Collection[KeyOwner], *, create: bool
    ) -> Mapping[KeyOwner, DataKey | None]:
        raise AssertionError((owners, create))

    async def destroy(self, owner: KeyOwner) -> None:
        raise AssertionError(owner)


CODEC = EventCodec([THING, NOISE, PROJECTION], NoVault())


async def record(
    store: PostgresEventStore,
    stream: str,
    *events: Event,
    tenant: str = "default",
    codec: EventCodec = CODEC,
) -> Position:
    """Append events to a stream, whatever its version."""
    [version] = await store.versions([(tenant, stream)])
    new = [await encode(event, tenant, stream, codec) for event in events]
    outcome = await store.append(
        Append(writes=(Write(tenant=tenant, stream=stream, expected=version, events=tuple(new)),))
    )
    assert isinstance(outcome, Stored), outcome
    return Position(outcome.incarnation, outcome.last)


async def encode(event: Event, tenant: str, stream: str, codec: EventCodec = CODEC) -> NewEvent:
    return await codec.encode(
        event,
        id_=uuid4(),
        tenant=tenant,
        stream=stream,
        actor="anonymous",
        correlation_id=UUID(int=1),
        causation_id=None,
    )


@dataclass
class Reading:
    """One process's worth of engine over a database."""

    url: str
    store: PostgresEventStore
    tail: Tail
    pool: Pool
    projector: Projector
    read_models: PostgresReadModels
    progress: LocalProgress
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, *works: Any) -> None:
        self.tasks.extend(asyncio.create_task(work) for work in works)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()


@asynccontextmanager
async def owner(url: str, role: str | None = "annals_owner") -> AsyncIterator[Connection]:
    connection = await connect(url, role=role)
    try:
        yield connection
    finally:
        await close(connection)


async def migrate_projections(url: str, projections: Sequence[Projection]) -> None:
    async with owner(url) as connection:
        await prepare(connection, projections)


@asynccontextmanager
async def reading(
    url: str,
    projections: Sequence[Projection] = (THINGS_1,),
    *,
    holder: str = "one",
    run: bool = True,
    progress: LocalProgress | None = None,
    codec: EventCodec = CODEC,
) -> AsyncIterator[Reading]:
    """An engine that runs beside the test, over tables that are there already."""
    store = await PostgresEventStore.open(url)
    pool = await open_pool(
        url,
        role="annals_projector",
        name=f"projector {holder}",
        on_connect=bound_transactions,
    )
    reader = await open_pool(url, role="annals_reader", name="reads")
    progress = progress or LocalProgress()
    tail = Tail(store)
    projector = Projector(
        pool=pool,
        store=store,
        codec=codec,
        tail=tail,
        progress=progress,
        holder=holder,
        projections=projections,
    )
    read_models = PostgresReadModels(reader, projections, progress, store.incarnation)
    engine = Reading(url, store, tail, pool, projector, read_models, progress)
    engine.start(tail.run(), Listener(url, tail).run(), read_models.run())
    if run:
        engine.start(projector.run())
    try:
        yield engine
    finally:
        await engine.stop()
        pool.terminate()
        reader.terminate()
        await store.aclose()


async def table(url: str, schema: str, name: str) -> list[dict[str, Any]]:
    """Every row of a read table, as a projector sees it: of all tenants."""
    async with owner(url, role="annals_projector") as connection:
        rows = await connection.fetch(f'SELECT * FROM "{schema}"."{name}" ORDER BY 1, 2')  # noqa: S608 - a test names them
        return [dict(row) for row in rows]


async def folded(store: PostgresEventStore, projection: Projection = THINGS_1) -> MemoryReadModel:
    """What the log amounts to in memory."""
    model = MemoryReadModel(projection)
    after = 0
    while stored := await store.read_log(after=after, limit=1000):
        model.apply(await CODEC.decode(stored))
        after = stored[-1].position
    return model


async def same_rows(url: str, store: PostgresEventStore, schema: str = "read_things_1_0") -> None:
    """Insist that the rows in Postgres are those that the log amounts to in memory."""
    memory = await folded(store)
    for each in THINGS_1.tables:
        found = {}
        for row in await table(url, schema, each.name):
            key = tuple(row.pop(name) for name in each.key_names)
            if isinstance(row.get("body"), bytes):
                row["body"] = msgspec.json.decode(row["body"])
            found[key] = row
        assert found == memory.rows(each)


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again; a test that waits in vain is ended by who runs it."""
    while not await condition():  # noqa: ASYNC110 - the database has no event to wait for
        await asyncio.sleep(0.02)


async def status_of(url: str, name: str = "things", generation: int = 1000) -> FollowerStatus:
    async with owner(url) as connection:
        [found] = [
            each
            for each in await status(connection)
            if (each.name, each.generation) == (name, generation)
        ]
        return found


async def reach(
    url: str, state: str, name: str = "things", generation: int = 1000
) -> FollowerStatus:
    """Wait until a follower is in a state."""

    async def there() -> bool:
        return (await status_of(url, name, generation)).state == state

    await wait_until(there)
    return await status_of(url, name, generation)
