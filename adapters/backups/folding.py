"""Every stream of a log, folded: the proof that a database can be read and not only counted.

Streams come in the order of their names, one event after the other, so memory holds one stream at a
time whatever the log's size.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Any

import msgspec

from adapters.postgres.connect import close, connect
from adapters.postgres.event_store import COLUMNS, stored_events
from application.codec import EventCodec, UnknownEvent
from domain.decider import Decider
from domain.recorded import Recorded

PAGE = 500
"""Events fetched at once."""

_EVENTS = f"""
    SELECT {COLUMNS} FROM annals.events WHERE log_id = $1 AND position <= $2
    ORDER BY tenant, stream, version
"""  # noqa: S608 - constants


class FoldedStream(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream comes to."""

    tenant: str
    stream: str
    version: int
    state: Any


class Unreadable(Exception):  # noqa: N818 - a fact
    """A stream cannot be folded; the text says where and why."""


async def folds(
    url: str,
    codec: EventCodec,
    deciders: Iterable[Decider[Any, Any, Any]],
    *,
    upto: int,
    log_id: int = 1,
) -> AsyncGenerator[FoldedStream]:
    """Every stream of the log at a URL, as it was at a position.

    Raises:
        Unreadable: at the first event that cannot be opened, or that its stream cannot have.
        Outage: when the database does not answer.
    """
    by_category = {each.category: each for each in deciders}
    folding: _Folding | None = None
    async for event in _events(url, codec, log_id, upto):
        if folding is None or not folding.takes(event):
            if folding is not None:
                yield folding.result
            folding = _Folding(event, by_category)
        folding.apply(event)
    if folding is not None:
        yield folding.result


class _Folding:
    """One stream on its way."""

    def __init__(
        self, first: Recorded[Any], by_category: dict[str, Decider[Any, Any, Any]]
    ) -> None:
        category = first.stream.partition("/")[0]
        if category not in by_category:
            raise Unreadable(f"there is no capability for the stream {first.stream}")
        self._decider = by_category[category]
        self._name = (first.tenant, first.stream)
        self._version = 0
        self._state = self._decider.initial

    def takes(self, event: Recorded[Any]) -> bool:
        """Whether an event belongs to this stream."""
        return self._name == (event.tenant, event.stream)

    def apply(self, event: Recorded[Any]) -> None:
        """Fold one more event."""
        if event.version != self._version + 1:
            raise Unreadable(f"the stream {event.stream} lacks version {self._version + 1}")
        self._version = event.version
        self._state = self._decider.evolve(self._state, event.event)

    @property
    def result(self) -> FoldedStream:
        """What it comes to."""
        tenant, stream = self._name
        return FoldedStream(tenant=tenant, stream=stream, version=self._version, state=self._state)


async def _events(
    url: str, codec: EventCodec, log_id: int, upto: int
) -> AsyncIterator[Recorded[Any]]:
    connection = await connect(url, role="annals_reader", name="annals folds")
    try:
        async with connection.transaction(readonly=True):
            await connection.execute("SET LOCAL statement_timeout = 0")
            cursor = await connection.cursor(_EVENTS, log_id, upto)
            while rows := await cursor.fetch(PAGE, timeout=600):
                for event in await _decoded(codec, rows):
                    yield event
                await asyncio.sleep(0)
    finally:
        await close(connection)


async def _decoded(codec: EventCodec, rows: list[Any]) -> list[Recorded[Any]]:
    try:
        return await codec.decode(stored_events(rows))
    except UnknownEvent as unknown:
        raise Unreadable(str(unknown)) from unknown
    except (ValueError, msgspec.MsgspecError) as error:
        first, last = rows[0][0], rows[-1][0]
        raise Unreadable(f"an event from {first} to {last} cannot be opened: {error}") from error
