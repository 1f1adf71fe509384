"""The append that closes the log behind itself: its event is the last one.

Compared, recorded and closed in one transaction under the append's lock. So what somebody has
confirmed may go is exactly what goes, and nobody's command slips in between and is acknowledged.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.backups.fence import ClosedByAnother, as_owner, closing
from adapters.postgres.batch import APPEND, Entry, arguments, outcomes
from adapters.postgres.connect import LOST, Connection
from application.boundary import check_append
from application.event_store import (
    Append,
    EventStore,
    KeyFound,
    Outage,
    Outcome,
    StoredEvent,
    StreamName,
    Tail,
)
from application.live_log import LogMoved

_LET_IN = "UPDATE annals.logs SET fence = NULL WHERE log_id = $1"  # until this transaction ends


class ClosingStore:
    """`EventStore` that reads as another one does, and whose one append closes the log."""

    def __init__(
        self, url: str, live: EventStore, restore: str, *, tail: int | None, log_id: int = 1
    ) -> None:
        """`tail` is where the log must end when that happens; None: anywhere."""
        self._url = url
        self._live = live
        self._restore = restore
        self._tail = tail
        self._log_id = log_id

    async def append(self, item: Append) -> Outcome:
        """See `EventStore.append`; nothing is recorded afterwards.

        Raises:
            LogMoved: when the log ends elsewhere.
            Outage: the log does not answer; or another restore has closed it.
        """
        check_append(item)
        incarnation = (await self._live.tail()).incarnation
        entry = Entry(item, asyncio.get_running_loop().create_future(), 0.0)
        parameters = arguments(
            [entry], log_id=self._log_id, incarnation=incarnation, tail=0, versions={}
        )
        async with as_owner(self._url) as connection:
            try:
                answer = await self._record(connection, parameters)
            except ClosedByAnother:
                raise Outage("the log is being replaced by a restore", retry_after=2.0) from None
            except LOST as error:
                raise Outage("the log's answer was lost", outcome="unknown") from error
        [outcome] = outcomes([entry], answer, incarnation)
        return outcome

    async def _record(
        self, connection: Connection, parameters: Sequence[object]
    ) -> Mapping[str, Any]:
        async with connection.transaction():
            end = await closing(connection, self._restore, log_id=self._log_id)
            if self._tail is not None and end.position != self._tail:
                raise LogMoved
            await connection.execute(_LET_IN, self._log_id)
            [answer] = await connection.fetch(APPEND, *parameters)
            found = dict(answer)
            if found["last"] >= found["first"]:
                await closing(connection, self._restore, log_id=self._log_id)
        return found

    async def read_log(self, *, after: int, limit: int) -> list[StoredEvent]:
        """See `EventStore.read_log`."""
        return await self._live.read_log(after=after, limit=limit)

    async def read_stream(
        self, stream: StreamName, *, after: int = 0, limit: int = 1000
    ) -> list[StoredEvent]:
        """See `EventStore.read_stream`."""
        return await self._live.read_stream(stream, after=after, limit=limit)

    async def versions(self, streams: Sequence[StreamName]) -> list[int]:
        """See `EventStore.versions`."""
        return await self._live.versions(streams)

    async def find_key(self, tenant: str, digest: bytes) -> KeyFound | None:
        """See `EventStore.find_key`."""
        return await self._live.find_key(tenant, digest)

    async def tail(self) -> Tail:
        """See `EventStore.tail`."""
        return await self._live.tail()
