"""Sessions in Redis: looked up in one round trip, together with the marker that vouches for them.

`application.session_store` argues why nothing is lost or resurrected, and
`adapters.redis.generations` what the marker is worth. What this module adds to the argument: each
script changes the served generation and the one under construction at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn, assert_never
from uuid import UUID

import msgspec

from adapters.redis.client import RedisClient
from adapters.redis.generations import Generations
from adapters.redis.session_scripts import ADVANCE, END, END_ALL, FIND_BY_ID, KIND, PUT
from application.session_store import (
    AllEnded,
    Ended,
    LiveSession,
    SessionChange,
    SessionsLost,
    SessionSource,
    Started,
)

_CHUNK = 500  # changes that are sent before the first answer is awaited

_decode = msgspec.json.Decoder(LiveSession).decode


def _now() -> datetime:
    return datetime.now(UTC)


class RedisSessionStore:
    """`SessionStore` over Redis."""

    def __init__(
        self,
        redis: RedisClient,
        *,
        incarnation: Callable[[], UUID | None],
        on_lost: Callable[[], None],
        longest: timedelta = timedelta(days=31),
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """`incarnation` tells the log's, as far as this process knows it.

        `on_lost` asks for a rebuild (`Rebuilds.ask`). No session may live longer than `longest`:
        so long tombstones are kept.
        """
        self._redis = redis
        self._generations = Generations(redis, KIND, incarnation)
        self._on_lost = on_lost
        self._longest = round(longest.total_seconds() * 1000)
        self._clock = clock
        self._generation = ""

    async def find(self, token_hash: str) -> LiveSession | None:
        """See `SessionStore.find`."""
        for _ in range(3):
            asked = self._generation  # another find may learn of a new one while this one waits
            key = self._generations.key(asked, f"t:{token_hash}")
            marker, kept = await self._redis.execute("MGET", self._generations.marker, key)
            generation = self._generations.served(marker)
            if generation is None:
                self._lost()
            elif generation == asked:
                return self._alive(kept)
            else:
                self._generation = generation
        raise SessionsLost

    async def find_by_id(self, session: str) -> LiveSession | None:
        """See `SessionStore.find_by_id`; the script learns of the generation by itself."""
        vouched = self._generations.vouched()
        if vouched is None:
            self._lost()
        marker, kept = await self._redis.eval(
            FIND_BY_ID, [self._generations.marker], [vouched, session]
        )
        if self._generations.served(marker) is None:
            self._lost()
        return self._alive(kept)

    def _alive(self, kept: bytes | None) -> LiveSession | None:
        session = None if kept is None else _decode(kept)
        return session if session and session.expires_at > self._clock() else None

    async def put(self, session: LiveSession) -> None:
        """See `SessionStore.put`."""
        await self._change(Started(session))

    async def end(self, session: str) -> None:
        """See `SessionStore.end`."""
        await self._change(Ended(session))

    async def end_all(self, account: str, position: int) -> None:
        """See `SessionStore.end_all`."""
        await self._change(AllEnded(account, position))

    async def follow(self, changes: Sequence[SessionChange], position: int) -> None:
        """See `SessionStore.follow`; the position moves only after all changes have arrived."""
        await self._write_all(changes)
        vouched = self._generations.vouched()
        if vouched is None:
            return
        marker = await self._redis.eval(ADVANCE, [self._generations.marker], [vouched, position])
        if self._generations.served(marker) is None:
            self._on_lost()

    async def applied(self) -> int | None:
        """See `SessionStore.applied`."""
        return await self._generations.applied()

    async def rebuild(self, source: SessionSource) -> None:
        """See `SessionStore.rebuild`."""

        async def fill(generation: str) -> tuple[UUID, int]:
            rows = await source.load()
            async for batch in rows.batches:
                await self._write_all([Started(session) for session in batch], generation)
            changes, position = await source.catch_up(rows.position, rows.incarnation)
            await self._write_all(changes, generation)
            return rows.incarnation, position

        await self._generations.rebuild(fill)

    async def _change(self, change: SessionChange) -> None:
        if self._generations.served(await self._write(change)) is None:
            self._on_lost()

    async def _write_all(self, changes: Iterable[SessionChange], generation: str = "") -> None:
        chunk: list[SessionChange] = []
        for change in changes:
            chunk.append(change)
            if len(chunk) == _CHUNK:
                await asyncio.gather(*(self._write(each, generation) for each in chunk))
                chunk.clear()
        await asyncio.gather(*(self._write(each, generation) for each in chunk))

    async def _write(self, change: SessionChange, generation: str = "") -> bytes | None:
        """Apply a change to one generation or to all that count; gives the marker."""
        keys = (self._generations.marker, self._generations.building)
        marker: bytes | None
        match change:
            case Started(session):
                expiry = int(session.expires_at.timestamp() * 1000)
                fields = (session.id, session.token_hash, session.account, session.position)
                args = (generation, *fields, expiry, msgspec.json.encode(session))
                marker = await self._redis.eval(PUT, keys, args)
            case Ended(id_):
                marker = await self._redis.eval(END, keys, (generation, id_, self._longest))
            case AllEnded(account, position):
                args_all = (generation, account, position, self._longest)
                marker = await self._redis.eval(END_ALL, keys, args_all)
            case _:
                assert_never(change)
        return marker

    def _lost(self) -> NoReturn:
        """Fail closed.

        Raises:
            SessionsLost: always.
        """
        self._on_lost()
        raise SessionsLost
