"""Any sequence of appends and reads gives the same on Postgres as in memory."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from adapters.memory.event_store import MemoryEventStore
from adapters.postgres.event_store import PostgresEventStore
from application.event_store import (
    Append,
    Claim,
    EffectId,
    Guard,
    Key,
    KeyFound,
    Outcome,
    Settlement,
    Stored,
    StoredEvent,
    Write,
)
from tests.support.log_items import event
from tests.support.services import Services

T = TypeVar("T")

STREAMS = ("a/1", "a/2", "b/1")
streams = st.lists(st.sampled_from(STREAMS), unique=True, max_size=3)
off_by = st.sampled_from([0, 0, 0, 0, 1, -1])
now = datetime.now(UTC)
lease_ends = st.sampled_from([now - timedelta(hours=1), now + timedelta(hours=1)])
effects = st.integers(1, 2)
attempts = st.integers(1, 3)


class Stores(RuleBasedStateMachine):
    """Both stores, asked the same; Postgres keeps the examples apart by tenant."""

    postgres: PostgresEventStore
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    @initialize()
    def begin(self) -> None:
        self.tenant = uuid4().hex
        self.memory = MemoryEventStore()
        self.before = self.run(self.postgres.tail()).position
        self.versions = dict.fromkeys(STREAMS, 0)
        self.kept: list[Append] = []

    @rule(
        written=streams,
        guarded=streams,
        counts=st.lists(st.integers(1, 3), min_size=3, max_size=3),
        off=st.lists(off_by, min_size=6, max_size=6),
        key=st.none() | st.sampled_from(["k", "l"]),
        claim=st.none() | st.tuples(effects, attempts, lease_ends),
        settlement=st.none() | st.tuples(effects, attempts, st.none() | st.just(now)),
    )
    def append(
        self,
        written: list[str],
        guarded: list[str],
        counts: list[int],
        off: list[int],
        key: str | None,
        claim: tuple[int, int, datetime] | None,
        settlement: tuple[int, int, datetime | None] | None,
    ) -> None:
        item = Append(
            writes=tuple(
                Write(
                    tenant=self.tenant,
                    stream=stream,
                    expected=max(0, self.versions[stream] + shift),
                    events=tuple(event() for _ in range(count)),
                )
                for stream, shift, count in zip(written, off, counts, strict=False)
            ),
            guards=tuple(
                Guard(
                    tenant=self.tenant,
                    stream=stream,
                    expected=max(0, self.versions[stream] + shift),
                )
                for stream, shift in zip(guarded, off[3:], strict=False)
                if stream not in written
            ),
            key=key and self.key(key),
            claim=claim
            and Claim(effect=self.effect(claim[0]), attempt=claim[1], lease_until=claim[2]),
            settlement=settlement
            and Settlement(
                effect=self.effect(settlement[0]), attempt=settlement[1], retry_at=settlement[2]
            ),
        )  # fmt: skip
        self.kept.append(item)
        self.both(item)

    @rule(data=st.data())
    def append_again(self, data: st.DataObject) -> None:
        if self.kept:
            self.both(data.draw(st.sampled_from(self.kept)))

    @rule(after=st.integers(0, 20), limit=st.integers(1, 20), stream=st.sampled_from(STREAMS))
    def read(self, after: int, limit: int, stream: str) -> None:
        name = (self.tenant, stream)
        mine = self.run(self.memory.read_stream(name, after=after, limit=limit))
        theirs = self.run(self.postgres.read_stream(name, after=after, limit=limit))
        assert self.relative(theirs) == self.relative(mine, before=0)
        mine = self.run(self.memory.read_log(after=after, limit=limit))
        theirs = self.run(self.postgres.read_log(after=self.before + after, limit=limit))
        assert self.relative(theirs) == self.relative(mine, before=0)

    @invariant()
    def both_end_alike(self) -> None:
        if not hasattr(self, "memory"):
            return
        names = [(self.tenant, stream) for stream in STREAMS]
        versions = self.run(self.memory.versions(names))
        assert self.run(self.postgres.versions(names)) == versions
        tail = self.run(self.postgres.tail()).position
        assert tail - self.before == self.run(self.memory.tail()).position == sum(versions)
        self.versions = dict(zip(STREAMS, versions, strict=True))

    def both(self, item: Append) -> None:
        here = self.outcome(self.run(self.memory.append(item)), before=0)
        there = self.outcome(self.run(self.postgres.append(item)), before=self.before)
        assert there == here

    def outcome(self, outcome: Outcome, *, before: int) -> Any:
        """An outcome without what differs between any two logs."""
        if isinstance(outcome, Stored):
            return (outcome.first - before, outcome.last - before)
        if isinstance(outcome, KeyFound):
            return (outcome.fingerprint, outcome.response, outcome.last - before)
        return type(outcome)  # which of several reasons is named is nobody's promise

    def relative(self, events: list[StoredEvent], before: int | None = None) -> list[StoredEvent]:
        start = self.before if before is None else before
        return [
            msgspec.structs.replace(each, position=each.position - start, recorded_at=now)
            for each in events
        ]

    def key(self, name: str) -> Key:
        return Key(
            tenant=self.tenant, digest=name.encode(), fingerprint=b"f", response=uuid4().bytes
        )

    def effect(self, position: int) -> EffectId:
        return EffectId(tenant=self.tenant, reaction=self.tenant, position=position)


async def test_postgres_and_memory_are_one_log(services: Services) -> None:
    url = services.new_database()
    Stores.postgres = await PostgresEventStore.open(url)
    Stores.loop = asyncio.get_running_loop()
    try:
        await asyncio.to_thread(
            run_state_machine_as_test,
            Stores,
            settings=settings(
                max_examples=30,
                stateful_step_count=20,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        await Stores.postgres.aclose()
        services.drop_database(url)
