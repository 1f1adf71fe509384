"""What the appender puts into one batch, and what it leaves for the next."""

import asyncio
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.appender import Appender, Limits
from adapters.postgres.batch import Entry
from application.event_store import Append
from tests.support.log_items import append, claim, effect, guard, key, settlement, write


def batches(*items: Append, limits: Limits | None = None) -> list[list[int]]:
    """The batches that the items leave in, each as the items' numbers."""
    loop = asyncio.new_event_loop()
    appender = Appender("postgresql://nowhere", incarnation=uuid4(), limits=limits)
    entries = [Entry(item, loop.create_future(), 0.0) for item in items]
    numbers = {id(entry): number for number, entry in enumerate(entries)}
    appender._queue.extend(entries)
    appender._bytes = sum(entry.size for entry in entries)
    taken = []
    while appender._queue:
        batch = appender._take(appender._limits.batch_items)
        taken.append([numbers[id(entry)] for entry in batch])
    loop.close()
    assert appender._bytes == 0
    return taken


def test_items_that_share_nothing_leave_together() -> None:
    assert batches(append("a/1"), append("a/2"), Append(key=key())) == [[0, 1, 2]]


def test_the_second_write_to_a_stream_waits() -> None:
    assert batches(append("a/1"), append("a/1", 1), append("b/1")) == [[0, 2], [1]]


def test_a_guard_counts_as_a_use_of_its_stream() -> None:
    guarded = Append(writes=(write("b/1"),), guards=(guard("a/1", 0),))
    assert batches(append("a/1"), guarded) == [[0], [1]]
    assert batches(Append(guards=(guard("a/1", 0),)), Append(guards=(guard("a/1", 0),))) == [
        [0],
        [1],
    ]


def test_a_key_and_an_effect_are_used_once_per_batch() -> None:
    assert batches(Append(key=key("k")), Append(key=key("k")), Append(key=key("l"))) == [
        [0, 2],
        [1],
    ]
    other = Append(claim=claim(1, of=effect(2)))
    assert batches(Append(claim=claim(1)), Append(settlement=settlement(1)), other) == [
        [0, 2],
        [1],
    ]


def test_whoever_waits_is_not_overtaken_on_a_stream_of_theirs() -> None:
    both = Append(writes=(write("a/1", 1), write("b/1")))
    assert batches(append("a/1"), both, append("b/1", 1)) == [[0], [1], [2]]


def test_a_batch_is_bounded_in_items_and_bytes() -> None:
    items = [append(f"a/{n}") for n in range(7)]
    assert batches(*items, limits=Limits(batch_items=3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert batches(*items, limits=Limits(batch_bytes=1)) == [[n] for n in range(7)]


@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True), max_size=20))
def test_every_item_leaves_once_in_order_per_stream_and_never_beside_a_neighbour(
    uses: list[list[int]],
) -> None:
    items = [Append(writes=tuple(write(f"a/{stream}") for stream in use)) for use in uses]
    taken = batches(*items)
    assert sorted(number for batch in taken for number in batch) == list(range(len(uses)))
    for batch in taken:
        used = [stream for number in batch for stream in uses[number]]
        assert len(used) == len(set(used))
    for stream in range(5):
        order = [number for batch in taken for number in batch if stream in uses[number]]
        assert order == sorted(order)
