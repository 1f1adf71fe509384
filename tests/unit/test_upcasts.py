"""Old shapes of events, read by newer code: one pure step per schema version."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from adapters.memory.vault import MemoryVault
from application.codec import EventCodec, UnknownEvent
from application.event_store import StoredEvent
from domain.decider import Decider, Event, Personal


class Moved(Event, frozen=True, kw_only=True, tag="parcel.moved"):
    SCHEMA = 3

    to: str
    metres: int
    by: Personal | None = None


def decider(*types: type[Event]) -> Decider[Any, Any, Any]:
    (type_,) = types
    return Decider(
        category="parcel",
        events=type_,
        initial=None,
        decide=lambda _state, _command: [],
        evolve=lambda state, _event: state,
    )


UPCASTS = {
    ("parcel.moved", 1): lambda old: {"to": old["where"], "kilometres": 0},
    ("parcel.moved", 2): lambda old: {"to": old["to"], "metres": old["kilometres"] * 1000},
}


def stored(schema: int, data: bytes) -> StoredEvent:
    return StoredEvent(
        position=1,
        tenant="default",
        stream="parcel/p1",
        version=1,
        id=UUID(int=1),
        type="parcel.moved",
        schema_version=schema,
        data=data,
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
        actor="anonymous",
        correlation_id=UUID(int=2),
        causation_id=None,
        meta=b"{}",
    )


@pytest.fixture
def codec() -> EventCodec:
    return EventCodec([decider(Moved)], MemoryVault(), UPCASTS)


@pytest.mark.parametrize(
    ("schema", "data", "event"),
    [
        (1, b'{"where":"Turin"}', Moved(to="Turin", metres=0)),
        (2, b'{"to":"Turin","kilometres":7}', Moved(to="Turin", metres=7000)),
        (3, b'{"to":"Turin","metres":7}', Moved(to="Turin", metres=7)),
    ],
)
async def test_every_old_shape_is_read_as_the_newest(
    codec: EventCodec, schema: int, data: bytes, event: Moved
) -> None:
    (recorded,) = await codec.decode([stored(schema, data)])
    assert recorded.event == event


async def test_a_newer_shape_stops_the_reader(codec: EventCodec) -> None:
    newer = stored(4, b"{}")
    assert not codec.knows(newer)
    with pytest.raises(UnknownEvent):
        await codec.decode([newer])


def test_a_step_that_is_missing_is_noticed_at_start() -> None:
    with pytest.raises(ValueError, match=r"without upcasts from \[2\]"):
        EventCodec(
            [decider(Moved)], MemoryVault(), {("parcel.moved", 1): UPCASTS["parcel.moved", 1]}
        )
