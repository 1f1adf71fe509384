"""Restores that have begun and have not ended, as a log tells."""

from datetime import datetime

import msgspec

from adapters.postgres.streams import PostgresStreams
from application.codec import EventCodec
from application.event_store import EventStore
from domain.recorded import SYSTEM_TENANT
from domain.restores import RESTORE, RUNNING, Restore, RestoreStarted

_PAGE = 500
_TAG = str(RestoreStarted.__struct_config__.tag)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A restore as the live log knows it: what was asked for, where, when and by whom."""

    restore: str
    started: RestoreStarted
    position: int
    at: datetime
    actor: str


class Begun:
    """The restores of one log that have begun and have not ended."""

    def __init__(self, store: EventStore, codec: EventCodec, streams: PostgresStreams) -> None:
        """Read from these."""
        self._store = store
        self._codec = codec
        self._streams = streams

    async def __call__(self) -> list[Asked]:
        """All of them, in no order; there is one at most, but for a race. Raises `Outage`."""
        names = await begun_streams(self._streams)
        found = [await self.find(each) for each in names]
        return [each for each in found if each is not None]

    async def find(self, restore: str) -> Asked | None:
        """One of them, while it runs. Raises `Outage`."""
        stored = await self._store.read_stream((SYSTEM_TENANT, RESTORE.stream(restore)))
        recorded = await self._codec.decode(stored)
        state = RESTORE.fold(each.event for each in recorded)
        if not isinstance(state, Restore) or state.phase != RUNNING:
            return None
        first = recorded[0]
        return Asked(
            restore=restore,
            started=first.event,
            position=first.position,
            at=first.recorded_at,
            actor=first.actor,
        )


async def begun_streams(streams: PostgresStreams) -> list[str]:
    """The ids of restores of which nothing is known but that they have begun. Raises `Outage`."""
    found: list[str] = []
    after = ""
    while page := await streams.heads(
        SYSTEM_TENANT, prefix=RESTORE.stream(""), after=after, limit=_PAGE
    ):
        found += [each.stream.partition("/")[2] for each in page if each.type == _TAG]
        after = page[-1].stream
    return found
