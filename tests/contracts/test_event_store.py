"""What every event store keeps to, whatever it is made of."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import msgspec
import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.postgres.event_store import opened
from application.event_store import (
    Append,
    EffectTaken,
    EventStore,
    KeyFound,
    Stored,
    VersionMismatch,
    Write,
)
from domain.rejections import Invalid
from tests.support.log_items import (
    TENANT,
    append,
    claim,
    effect,
    event,
    guard,
    key,
    settlement,
    write,
)
from tests.support.services import Services


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[EventStore]:
    if request.param == "memory":
        yield MemoryEventStore()
        return
    services: Services = request.getfixturevalue("services")
    url = services.new_database()
    async with opened(url, readers=2) as postgres:
        yield postgres
    services.drop_database(url)


async def stored(store: EventStore, item: Append) -> Stored:
    outcome = await store.append(item)
    assert isinstance(outcome, Stored)
    return outcome


async def test_an_event_is_read_back_exactly_as_it_was_written(store: EventStore) -> None:
    new = event(
        b'{ "b":1,  "a":"\xc3\xa9\\u00e9", "b":1.0e2 }', causation_id=uuid4(), meta=b'{"x":[]}'
    )
    outcome = await stored(
        store, Append(writes=(Write(tenant="t", stream="a/b c/d", expected=0, events=(new,)),))
    )
    [found] = await store.read_log(after=0, limit=10)
    assert (found.position, found.version, found.tenant, found.stream) == (1, 1, "t", "a/b c/d")
    assert found.recorded_at == outcome.recorded_at
    assert found.recorded_at.tzinfo is not None
    for field in msgspec.structs.fields(new):
        assert getattr(found, field.name) == getattr(new, field.name), field.name
    assert await store.read_stream(("t", "a/b c/d")) == [found]


async def test_positions_are_dense_over_all_streams(store: EventStore) -> None:
    first = await stored(store, append("a/1", count=3))
    second = await stored(store, append("b/1"))
    third = await stored(store, append("a/1", 3, count=2))
    assert [(o.first, o.last) for o in (first, second, third)] == [(1, 3), (4, 4), (5, 6)]
    log = await store.read_log(after=0, limit=100)
    assert [(e.position, e.stream, e.version) for e in log] == [
        (1, "a/1", 1), (2, "a/1", 2), (3, "a/1", 3), (4, "b/1", 1), (5, "a/1", 4), (6, "a/1", 5),
    ]  # fmt: skip


async def test_time_never_runs_backwards_along_the_log(store: EventStore) -> None:
    await asyncio.gather(*(store.append(append(f"a/{n}")) for n in range(50)))
    times = [e.recorded_at for e in await store.read_log(after=0, limit=100)]
    assert times == sorted(times)
    assert (await store.tail()).recorded_at == times[-1]


async def test_an_unexpected_version_is_named_and_nothing_is_recorded(store: EventStore) -> None:
    await stored(store, append("a/1", count=2))
    assert await store.append(append("a/1", 1)) == VersionMismatch(
        tenant=TENANT, stream="a/1", expected=1, actual=2
    )
    assert await store.append(append("a/1", 5)) == VersionMismatch(
        tenant=TENANT, stream="a/1", expected=5, actual=2
    )
    assert (await store.tail()).position == 2


async def test_an_item_is_recorded_whole_or_not_at_all(store: EventStore) -> None:
    await stored(store, append("b/1"))
    both = Append(writes=(write("a/1"), write("b/1")))
    assert await store.append(both) == VersionMismatch(
        tenant=TENANT, stream="b/1", expected=0, actual=1
    )
    assert await store.versions([(TENANT, "a/1"), (TENANT, "b/1")]) == [0, 1]
    await stored(store, Append(writes=(write("a/1", count=2), write("b/1", 1))))
    assert await store.versions([(TENANT, "a/1"), (TENANT, "b/1")]) == [2, 2]


async def test_a_guard_holds_an_item_back_and_writes_nothing(store: EventStore) -> None:
    await stored(store, append("a/1"))
    outcome = await store.append(Append(writes=(write("b/1"),), guards=(guard("a/1", 0),)))
    assert outcome == VersionMismatch(tenant=TENANT, stream="a/1", expected=0, actual=1)
    await stored(store, Append(writes=(write("b/1"),), guards=(guard("a/1", 1), guard("z/1", 0))))
    assert await store.versions([(TENANT, "a/1"), (TENANT, "z/1")]) == [1, 0]


async def test_tenants_do_not_share_streams(store: EventStore) -> None:
    await stored(store, Append(writes=(write("a/1", tenant="one"), write("a/1", tenant="two"))))
    assert await store.versions([("one", "a/1"), ("two", "a/1"), ("three", "a/1")]) == [1, 1, 0]
    assert len(await store.read_stream(("one", "a/1"))) == 1


async def test_of_many_appends_at_one_version_exactly_one_wins(store: EventStore) -> None:
    outcomes = await asyncio.gather(*(store.append(append("a/1")) for _ in range(40)))
    assert sum(isinstance(each, Stored) for each in outcomes) == 1
    assert all(
        each == VersionMismatch(tenant=TENANT, stream="a/1", expected=0, actual=1)
        for each in outcomes
        if not isinstance(each, Stored)
    )


async def test_an_item_that_was_recorded_is_told_so_when_it_comes_again(store: EventStore) -> None:
    item = Append(writes=(write("a/1", count=2), write("b/1")))
    first = await stored(store, item)
    await stored(store, append("a/1", 2))
    assert await store.append(item) == first
    assert (await store.tail()).position == 4


async def test_a_known_key_answers_before_versions_are_looked_at(store: EventStore) -> None:
    first = await stored(store, Append(writes=(write("a/1"),), key=key()))
    await stored(store, append("b/1"))
    found = KeyFound(
        incarnation=first.incarnation, fingerprint=b"request", response=b"answer", last=first.last
    )
    again = Append(writes=(write("a/1", 7),), key=key(response=b"other", fingerprint=b"other"))
    assert await store.append(again) == found
    assert await store.find_key(TENANT, b"k") == found
    assert await store.find_key("other", b"k") is None
    assert (await store.tail()).position == 2


async def test_a_key_is_not_kept_when_its_item_is_refused(store: EventStore) -> None:
    assert isinstance(
        await store.append(Append(writes=(write("a/1", 3),), key=key())), VersionMismatch
    )
    assert await store.find_key(TENANT, b"k") is None
    await stored(store, Append(writes=(write("a/1"),), key=key()))


async def test_a_key_alone_is_recorded_and_burns_no_position(store: EventStore) -> None:
    await stored(store, append("a/1"))
    outcome = await stored(store, Append(key=key(), guards=(guard("a/1", 1),)))
    assert (outcome.first, outcome.last) == (2, 1)
    found = await store.find_key(TENANT, b"k")
    assert found is not None
    assert found.last == 1
    assert (await stored(store, append("a/1", 1))).first == 2


async def test_of_many_items_with_one_key_exactly_one_is_recorded(store: EventStore) -> None:
    outcomes = await asyncio.gather(
        *(
            store.append(
                Append(writes=(write(f"a/{n}"),), key=key(response=f"answer {n}".encode()))
            )
            for n in range(20)
        )
    )
    [winner] = [n for n, each in enumerate(outcomes) if isinstance(each, Stored)]
    assert {each.response for each in outcomes if isinstance(each, KeyFound)} == {
        f"answer {winner}".encode()
    }
    assert (await store.tail()).position == 1


async def test_an_attempt_is_claimed_once(store: EventStore) -> None:
    outcomes = await asyncio.gather(
        *(store.append(Append(claim=claim(), writes=(write(f"a/{n}"),))) for n in range(10))
    )
    assert sum(isinstance(each, Stored) for each in outcomes) == 1
    assert outcomes.count(EffectTaken(effect=effect(), attempt=1)) == 9
    assert (await store.tail()).position == 1


async def test_a_lease_keeps_others_away_until_it_is_settled(store: EventStore) -> None:
    await stored(store, Append(claim=claim(1)))
    assert isinstance(await store.append(Append(claim=claim(2))), EffectTaken)
    await stored(store, Append(settlement=settlement(1, retry_in=1)))
    await stored(store, Append(claim=claim(2)))


async def test_a_lease_that_has_run_out_keeps_nobody_away(store: EventStore) -> None:
    await stored(store, Append(claim=claim(1, lease=-1)))
    assert isinstance(await store.append(Append(claim=claim(1))), EffectTaken)
    await stored(store, Append(claim=claim(2)))


async def test_an_effect_that_is_done_is_never_claimed_again(store: EventStore) -> None:
    await stored(store, Append(claim=claim(1)))
    await stored(store, Append(settlement=settlement(1), writes=(write("a/1"),)))
    assert isinstance(await store.append(Append(claim=claim(2))), EffectTaken)
    await stored(store, Append(claim=claim(1, of=effect(2))))


async def test_an_attempt_is_settled_once_and_only_when_claimed(store: EventStore) -> None:
    taken = EffectTaken(effect=effect(), attempt=1)
    late = Append(settlement=settlement(), writes=(write("a/1"),))
    assert await store.append(late) == taken
    await stored(store, Append(claim=claim()))
    await stored(store, Append(settlement=settlement()))
    assert await store.append(late) == taken
    assert (await store.tail()).position == 0


async def test_one_item_may_claim_and_settle(store: EventStore) -> None:
    await stored(store, Append(claim=claim(), settlement=settlement(), writes=(write("a/1"),)))
    assert isinstance(await store.append(Append(claim=claim(2))), EffectTaken)


async def test_a_claim_that_comes_again_with_its_events_is_still_its_own(store: EventStore) -> None:
    item = Append(claim=claim(), writes=(write("a/1"),))
    assert await store.append(item) == await store.append(item)


async def test_reading_goes_in_pages_until_the_tail(store: EventStore) -> None:
    for n in range(5):
        await stored(store, append("a/1", 2 * n, count=2))
    pages = [[e.position for e in await store.read_log(after=n, limit=4)] for n in (0, 4, 8, 10)]
    assert pages == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], []]
    stream = await store.read_stream((TENANT, "a/1"), after=7, limit=2)
    assert [e.version for e in stream] == [8, 9]
    assert await store.read_stream((TENANT, "none/1")) == []


async def test_an_empty_log_has_a_tail(store: EventStore) -> None:
    tail = await store.tail()
    assert tail.position == 0
    assert await store.read_log(after=0, limit=5) == []
    outcome = await stored(store, append("a/1"))
    assert outcome.incarnation == tail.incarnation
    assert outcome.recorded_at >= tail.recorded_at


@pytest.mark.parametrize(
    "bad",
    [
        Append(writes=(write("nameless"),)),
        Append(writes=(write("a/" + "x" * 200),)),
        Append(writes=(write("a/\x00"),)),
        Append(writes=(write("a/1"), write("a/1", 1))),
        Append(writes=(write("a/1"),), guards=(guard("a/1", 0),)),
        Append(writes=(Write(tenant=TENANT, stream="a/1", expected=0, events=()),)),
        *(
            Append(writes=(Write(tenant=TENANT, stream="a/1", expected=0, events=(hostile,)),))
            for hostile in (
                event(b'{"text":"\\u0000"}'),
                event(b'{"text":"\\ud800"}'),
                event(b'{"text":"\x00"}'),
                event(b'{"text":'),
                event(b'{"n":123456789012345678901234567890}'),
                event(b'{"n":1e999}'),
                event(b"[" * 65 + b"]" * 65),
                event(b'"' + b"x" * 1024 * 1024 + b'"'),
                event(actor="account/\x00"),
                event(type_="thing.\ud800"),
            )
        ),
    ],
)
async def test_what_would_poison_a_reader_is_refused(store: EventStore, bad: Append) -> None:
    with pytest.raises(Invalid):
        await store.append(bad)
    assert (await store.tail()).position == 0


async def test_strange_but_honest_text_comes_back_as_it_was(store: EventStore) -> None:
    for n, text in enumerate(
        ("\u202eabc\u2066", "👩‍👩‍👧", "\\u0000 is only a word", "';--", "{}[]" * 200, "é" * 100_000)
    ):
        data = msgspec.json.encode({"text": text, text[:50]: n})
        new = Write(tenant=TENANT, stream="a/1", expected=n, events=(event(data),))
        await stored(store, Append(writes=(new,)))
        [found] = await store.read_stream((TENANT, "a/1"), after=n)
        assert found.data == data


async def test_a_cancelled_caller_takes_nothing_back(store: EventStore) -> None:
    task = asyncio.create_task(store.append(append("a/1")))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.append(append("b/1"))
    log = await store.read_log(after=0, limit=10)
    assert [e.position for e in log] == list(range(1, len(log) + 1))
