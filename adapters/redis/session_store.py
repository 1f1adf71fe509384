"""Sessions in Redis: looked up in one round trip, together with the marker that vouches for them.

`application.session_store` argues why nothing is lost or resurrected. What this module adds to the
argument: the marker names the run of the server that the builder saw before it began, and a
connection only ever talks to one run, so a restart, a restored dump or a failover makes the marker
foreign; and each script changes the served generation and the one under construction at once.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import assert_never
from uuid import UUID

import msgspec

from adapters.redis.client import RedisClient
from adapters.redis.link import ReplyError
from adapters.redis.session_scripts import (
    ADVANCE,
    BUILDING,
    END,
    END_ALL,
    FINISH,
    MARKER,
    PREFIX,
    PUT,
    RELEASE,
    RENEW,
)
from application.event_store import Outage
from application.session_store import (
    AllEnded,
    Ended,
    LiveSession,
    SessionChange,
    SessionsLost,
    SessionSource,
    Started,
)

_LEASE = 5000  # milliseconds; a builder that is silent for so long has lost its generation
_CHUNK = 500  # changes that are sent before the first answer is awaited
_WAIT = 0.03  # seconds between two looks at another builder's progress

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
        self._incarnation = incarnation
        self._on_lost = on_lost
        self._longest = round(longest.total_seconds() * 1000)
        self._clock = clock
        self._generation = ""

    async def find(self, token_hash: str) -> LiveSession | None:
        """See `SessionStore.find`."""
        for _ in range(3):
            asked = self._generation  # another find may learn of a new one while this one waits
            key = f"{PREFIX}{asked}:t:{token_hash}"
            marker, kept = await self._redis.execute("MGET", MARKER, key)
            generation = self._served(marker)
            if generation is None:
                self._lost()
            elif generation == asked:
                if kept is None:
                    return None
                session = _decode(kept)
                return session if session.expires_at > self._clock() else None
            else:
                self._generation = generation
        raise SessionsLost

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
        vouched = self._vouched()
        if vouched is None:
            return
        if self._served(await self._redis.eval(ADVANCE, [MARKER], [vouched, position])) is None:
            self._on_lost()

    async def applied(self) -> int | None:
        """See `SessionStore.applied`."""
        generation = self._served(await self._redis.execute("GET", MARKER))
        if generation is None:
            return None
        position = await self._redis.execute("GET", f"{PREFIX}{generation}:position")
        return None if position is None else int(position)

    async def rebuild(self, source: SessionSource) -> None:
        """See `SessionStore.rebuild`."""
        while True:
            if self._incarnation() is None:
                raise Outage("the log is not known yet")
            if self._served(await self._redis.execute("GET", MARKER)) is not None:
                return
            run_id = self._redis.run_id
            generation = secrets.token_hex(8)
            lease = ("SET", BUILDING, generation, "NX", "PX", _LEASE)
            if await self._redis.execute(*lease) is None:
                await asyncio.sleep(random.uniform(_WAIT / 2, _WAIT))  # noqa: S311 - jitter
                continue
            async with self._leased(generation):
                if await self._build(source, generation, run_id):
                    return

    async def _build(self, source: SessionSource, generation: str, run_id: str) -> bool:
        """Fill a generation and let it be served; False when its lease was lost meanwhile."""
        rows = await source.load()
        async for batch in rows.batches:
            await self._write_all([Started(session) for session in batch], generation)
        changes, position = await source.catch_up(rows.position, rows.incarnation)
        await self._write_all(changes, generation)
        marker = f"{rows.incarnation}|{run_id}|{generation}"
        args = (generation, marker, position)
        return bool(await self._redis.eval(FINISH, [MARKER, BUILDING], args))

    @asynccontextmanager
    async def _leased(self, generation: str) -> AsyncIterator[None]:
        """Renew the lease until the work is done; a failed builder makes room at once."""
        renewal = asyncio.create_task(self._renew(generation))
        try:
            yield
        except BaseException:
            with contextlib.suppress(Outage, ReplyError):
                await self._redis.eval(RELEASE, [BUILDING], [generation])
            raise
        finally:
            renewal.cancel()

    async def _renew(self, generation: str) -> None:
        """A renewal that cannot be made is no error here: then the builder cannot finish."""
        with contextlib.suppress(Outage, ReplyError):
            while True:
                await asyncio.sleep(_LEASE / 3000)
                if not await self._redis.eval(RENEW, [BUILDING], [generation, _LEASE]):
                    return

    async def _change(self, change: SessionChange) -> None:
        if self._served(await self._write(change)) is None:
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
        keys = (MARKER, BUILDING)
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

    def _vouched(self) -> str | None:
        """What a marker begins with that vouches for this log and this run of the server."""
        incarnation = self._incarnation()
        return None if incarnation is None else f"{incarnation}|{self._redis.run_id}|"

    def _served(self, marker: bytes | None) -> str | None:
        """The generation that a valid marker names."""
        vouched = self._vouched()
        if marker is None or vouched is None:
            return None
        text = marker.decode()
        return text[len(vouched) :] if text.startswith(vouched) else None

    def _lost(self) -> None:
        """Fail closed.

        Raises:
            SessionsLost: always.
        """
        self._on_lost()
        raise SessionsLost
