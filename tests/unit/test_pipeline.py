"""The pipeline's promises, on the log in memory: nothing decided on what is no longer so."""

import asyncio
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.memory.vault import MemoryVault
from application.bus import Bus, OneStream
from application.codec import EventCodec
from application.context import Idempotency
from application.current import CurrentStates
from application.pipeline import KeyReused, Pipeline
from application.states import Folded, StateCache
from application.unit import Done, Replay, Unit
from domain.decider import Command, Decider, Event
from domain.rejections import Conflict, NotFound, Rejection, StaleVersion
from tests.support.contexts import at


class Added(Event, frozen=True, kw_only=True, tag="sum.added"):
    amount: int


class Add(Command, frozen=True, kw_only=True):
    name: str
    amount: int
    most: int = 1_000_000


class TooMuch(Conflict):
    slug = "too-much"


def decide(total: int, command: Add) -> list[Added]:
    if total + command.amount > command.most:
        raise TooMuch
    return [Added(amount=command.amount)] if command.amount else []


SUM: Decider[int, Add, Added] = Decider(
    category="sum",
    events=Added,
    initial=0,
    decide=decide,
    evolve=lambda total, event: total + event.amount,
)


class Process:
    """A process of its own on a shared log: its own cache, its own lanes."""

    def __init__(self, store: MemoryEventStore) -> None:
        self.store = store
        self.codec = EventCodec([SUM], MemoryVault())
        self.pipeline = Pipeline(store, self.codec, uuid4)
        self.current = CurrentStates(self.pipeline)
        self.bus = Bus(self.pipeline, {Add: OneStream(SUM, lambda command: command.name)})

    async def add(self, amount: int, *, most: int = 1_000_000, **context: Any) -> Any:
        return await self.bus.execute(Add(name="a", amount=amount, most=most), at(**context))

    async def total(self) -> int:
        folded = await self.pipeline.fold(SUM, ("default", "sum/a"))
        assert isinstance(folded.state, int)
        return folded.state


def keyed(key: str, request: str = "request", *, deeds_only: bool = False) -> Idempotency:
    def render(answer: Any | Rejection, version: int) -> bytes:
        shown = type(answer).__name__ if isinstance(answer, Rejection) else str(answer)
        return msgspec.json.encode([shown, version])

    return Idempotency(
        digest=key.encode(),
        fingerprint=request.encode(),
        render=render,
        seal=lambda raw: raw,
        deeds_only=deeds_only,
    )


@pytest.fixture
def store() -> MemoryEventStore:
    return MemoryEventStore()


@pytest.fixture
def process(store: MemoryEventStore) -> Process:
    return Process(store)


async def test_a_command_is_recorded_with_its_circumstances(process: Process) -> None:
    cause = uuid4()
    done = await process.add(3, actor="account/x", causation_id=cause, meta=b'{"trace":"t"}')
    (stored,) = await process.store.read_log(after=0, limit=10)
    assert (done.result, done.version, done.position.number) == (3, 1, 1)
    assert (stored.type, stored.data, stored.meta) == (
        "sum.added",
        b'{"amount":3}',
        b'{"trace":"t"}',
    )
    assert (stored.actor, stored.causation_id) == ("account/x", cause)


async def test_racing_processes_lose_nothing(store: MemoryEventStore) -> None:
    processes = [Process(store) for _ in range(8)]
    await asyncio.gather(*[each.add(1) for each in processes for _ in range(25)])
    assert await processes[0].total() == 200


async def test_a_race_never_breaks_a_rule(store: MemoryEventStore) -> None:
    processes = [Process(store) for _ in range(8)]
    tries = [each.add(1, most=50) for each in processes for _ in range(20)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, Done) for outcome in outcomes) == 50
    assert sum(isinstance(outcome, TooMuch) for outcome in outcomes) == 110


async def test_a_refusal_is_verified_against_the_log(store: MemoryEventStore) -> None:
    here, elsewhere = Process(store), Process(store)
    await here.add(10)
    await elsewhere.add(-10)
    assert (await here.add(10, most=15)).result == 10


async def test_that_nothing_changes_is_verified_against_the_log(store: MemoryEventStore) -> None:
    here, elsewhere = Process(store), Process(store)
    await here.add(1)
    await elsewhere.add(1)
    assert (await here.add(0)).result == 2


async def test_the_version_that_the_caller_has_seen_must_be_the_current_one(
    store: MemoryEventStore,
) -> None:
    here, elsewhere = Process(store), Process(store)
    await here.add(1)
    await elsewhere.add(1)
    with pytest.raises(StaleVersion):
        await here.add(1, if_match=1)
    assert (await here.add(1, if_match=2)).version == 3


async def test_what_may_not_be_known_has_no_version(store: MemoryEventStore) -> None:
    async def hidden(unit: Unit) -> None:
        await unit.load(SUM, "a")
        raise NotFound

    async def conflicting(unit: Unit) -> None:
        await unit.decide(SUM, "a", Add(name="a", amount=2, most=1))

    here = Process(store)
    await here.add(1)
    with pytest.raises(NotFound):
        await here.pipeline.run(hidden, at(if_match=7))
    with pytest.raises(StaleVersion):
        await here.pipeline.run(conflicting, at(if_match=7))
    with pytest.raises(TooMuch):
        await here.pipeline.run(conflicting, at(if_match=1))


async def test_a_command_is_recorded_only_while_its_premise_holds(store: MemoryEventStore) -> None:
    async def premise(unit: Unit) -> None:
        if await unit.watch(SUM, "b") > 1:
            raise TooMuch

    async def bring_down(unit: Unit) -> None:
        if not await elsewhere.pipeline.store.read_stream(("default", "sum/b"), after=1, limit=1):
            await elsewhere.pipeline.run(raised, at())
        await unit.decide(SUM, "a", Add(name="a", amount=1))

    async def raised(unit: Unit) -> None:
        await unit.decide(SUM, "b", Add(name="b", amount=1))

    here, elsewhere = Process(store), Process(store)
    await elsewhere.pipeline.run(raised, at())
    assert (await here.add(1, premise=premise, if_match=0)).version == 1
    with pytest.raises(TooMuch):
        await here.pipeline.run(bring_down, at(premise=premise))
    assert await here.total() == 1


async def test_a_repeated_key_is_answered_and_not_executed(store: MemoryEventStore) -> None:
    first = await Process(store).add(5, idempotency=keyed("k"))
    again = await Process(store).add(5, idempotency=keyed("k"))
    assert isinstance(first, Done)
    assert isinstance(again, Replay)
    assert msgspec.json.decode(again.sealed) == ["5", 1]
    assert again.position == first.position


async def test_concurrent_twins_are_executed_once(store: MemoryEventStore) -> None:
    processes = [Process(store) for _ in range(4)]
    tries = [each.add(5, idempotency=keyed("k")) for each in processes for _ in range(5)]
    outcomes = await asyncio.gather(*tries)
    assert sum(isinstance(outcome, Done) for outcome in outcomes) == 1
    assert await processes[0].total() == 5


async def test_a_refusal_is_kept_under_its_key(store: MemoryEventStore) -> None:
    with pytest.raises(TooMuch):
        await Process(store).add(5, most=1, idempotency=keyed("k"))
    await Process(store).add(-100)
    again = await Process(store).add(5, most=1, idempotency=keyed("k"))
    assert msgspec.json.decode(again.sealed) == ["TooMuch", 0]


async def test_of_some_only_what_was_recorded_is_kept(store: MemoryEventStore) -> None:
    process, key = Process(store), keyed("k", deeds_only=True)

    async def look(unit: Unit) -> int:
        return await unit.load(SUM, "a")

    for _ in range(2):  # of the second time, the state is a kept one
        with pytest.raises(TooMuch):
            await process.add(5, most=1, idempotency=key)
        assert (await process.pipeline.run(look, at(idempotency=key))).result == 0
        assert await store.find_key("default", key.digest) is None
    assert isinstance(await process.add(1, most=1, idempotency=key), Done)
    assert isinstance(await process.add(1, most=1, idempotency=key), Replay)


async def test_what_is_not_to_be_told_from_a_deed_is_kept_as_one(store: MemoryEventStore) -> None:
    key = keyed("k", deeds_only=True)

    async def answer(unit: Unit) -> None:
        unit.keep_answer()

    await Process(store).pipeline.run(answer, at(idempotency=key))
    assert await store.find_key("default", key.digest) is not None


async def test_a_key_belongs_to_one_request(process: Process) -> None:
    await process.add(5, idempotency=keyed("k", "this"))
    with pytest.raises(KeyReused):
        await process.add(5, idempotency=keyed("k", "that"))


async def test_what_is_read_follows_the_tail(store: MemoryEventStore) -> None:
    here, elsewhere = Process(store), Process(store)
    await here.add(1)
    await elsewhere.add(1)
    assert await here.current.get(SUM, "a") == 1
    here.current.moved(("default", "sum/a"), 2)
    assert await here.current.get(SUM, "a") == 2


async def test_what_the_tail_tells_while_a_stream_is_read_is_not_overlooked() -> None:
    store = SlowToRead()
    here, elsewhere = Process(store), Process(store)
    await elsewhere.add(1)
    reading = asyncio.create_task(here.current.get(SUM, "a"))
    await store.was_read.wait()
    await elsewhere.add(1)
    here.current.moved(("default", "sum/a"), 2)
    store.go_on.set()
    assert await reading == 1
    assert await here.current.get(SUM, "a") == 2


class SlowToRead(MemoryEventStore):
    """Gives what it has read only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.was_read, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.clear()

    async def read_stream(self, *args: Any, **kwargs: Any) -> Any:
        found = await super().read_stream(*args, **kwargs)
        if found:
            self.was_read.set()
            await self.go_on.wait()
        return found


async def test_two_streams_are_written_together_or_not_at_all(process: Process) -> None:
    async def move(unit: Unit) -> None:
        await unit.decide(SUM, "from", Add(name="from", amount=-5))
        await unit.decide(SUM, "to", Add(name="to", amount=5, most=3))

    with pytest.raises(TooMuch):
        await process.pipeline.run(move, at())
    assert await process.store.read_log(after=0, limit=10) == []


async def test_a_guarded_stream_must_not_move(store: MemoryEventStore) -> None:
    process, elsewhere = Process(store), Process(store)
    tries = 0

    async def decide_beside(unit: Unit) -> int:
        nonlocal tries
        tries += 1
        seen = await unit.guard(SUM, "a")
        if tries == 1:
            await elsewhere.add(7)
        await unit.decide(SUM, "b", Add(name="b", amount=seen + 1))
        return seen

    done = await process.pipeline.run(decide_beside, at())
    assert (tries, done.result) == (2, 7)


def test_the_codec_refuses_two_events_with_one_name() -> None:
    with pytest.raises(ValueError, match="two event types"):
        EventCodec([SUM, SUM], MemoryVault())


def test_a_state_that_was_being_read_when_all_were_dropped_is_not_kept() -> None:
    cache, stream = StateCache(), ("default", "thing/1")
    with cache.folding(stream):
        cache.clear()
        cache.put(stream, Folded(7, "of before"))
    assert cache.get(stream) is None
    cache.put(stream, Folded(7, "of now"))
    assert cache.get(stream) == Folded(7, "of now")
