"""Sessions in Redis: looked up in one round trip, together with the marker that vouches for them.

`application.session_store` argues why nothing is lost or resurrected, and
`adapters.redis.generations` what the marker is worth. What this module adds to the argument: each
script changes the served generation and the one under construction at once.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn, assert_never
from uuid import UUID

import msgspec

from adapters.clock import now
from adapters.redis.client import RedisClient
from adapters.redis.generations import Generations
from adapters.redis.session_scripts import ADVANCE, END, END_ALL, FIND_BY_ID, KIND, OF_ACCOUNT, PUT
from application.event_store import Outage
from application.session_store import (
    LONGEST,
    AllEnded,
    End,
    Ended,
    LiveSession,
    SessionChange,
    SessionsLost,
    SessionSource,
    Sighting,
    Started,
    Unconfirmed,
    ends,
)

_CHUNK = 500  # changes that are sent before the first answer is awaited
_SHARE = 30  # of the idle time: so much later a session is recorded as seen again

_decode = msgspec.json.Decoder(LiveSession).decode


def _nobody(_session: str) -> None:
    """Tell nobody of sessions that were seen."""


class RedisSessionStore:
    """`SessionStore` over Redis."""

    def __init__(
        self,
        redis: RedisClient,
        *,
        incarnation: Callable[[], UUID | None],
        on_lost: Callable[[], None],
        idle: timedelta = timedelta(hours=1),
        longest: timedelta = LONGEST,
        on_seen: Callable[[str], None] = _nobody,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """`incarnation` tells the log's, as far as this process knows it.

        `on_lost` asks for a rebuild (`Rebuilds.ask`). A session that was not used for `idle`
        expires; `on_seen` is told of one whenever that is recorded anew. None may live longer than
        `longest`: so long tombstones are kept.
        """
        self._redis = redis
        self._incarnation = incarnation
        self._generations = Generations(redis, KIND, incarnation)
        self._on_lost = on_lost
        self._on_seen = on_seen
        self._idle = _milliseconds(idle)
        self._longest = _milliseconds(longest)
        self._clock = clock
        self._generation = ""
        self._trusted = 0  # the connection before which nothing is missing
        self._heard: set[End] = set()  # which Redis may not know yet
        self._telling: set[asyncio.Task[None]] = set()

    async def find(self, token_hash: str) -> LiveSession | None:
        """See `SessionStore.find`."""
        keys = self._generations
        for _ in range(3):
            asked = self._generation  # another find may learn of a new one while this one waits
            names = keys.key(asked, f"t:{token_hash}"), keys.key(asked, f"s:{token_hash}")
            marker, kept, seen = await self._redis.execute("MGET", keys.marker, *names)
            generation = self._served(marker)
            if generation == asked:
                return self._alive(generation, kept, seen)
            self._generation = generation
        raise SessionsLost

    async def find_by_id(self, session: str) -> LiveSession | None:
        """See `SessionStore.find_by_id`; the script learns of the generation by itself."""
        vouched = self._generations.vouched()
        if vouched is None:
            self._lost()
        marker, kept, seen = await self._redis.eval(
            FIND_BY_ID, [self._generations.marker], [vouched, session]
        )
        return self._alive(self._served(marker), kept, seen)

    async def of_account(self, account: str) -> Sequence[Sighting]:
        """See `SessionStore.of_account`."""
        vouched = self._generations.vouched()
        if vouched is None:
            self._lost()
        marker, *found = await self._redis.eval(
            OF_ACCOUNT, [self._generations.marker], [vouched, account]
        )
        self._served(marker)
        at = self._clock()
        sightings = [
            Sighting(session, datetime.fromtimestamp(int(seen) / 1000, UTC))
            for kept, seen in zip(found[::2], found[1::2], strict=True)
            if (session := self._counting(kept, seen, at)) is not None
        ]
        return sorted(sightings, key=lambda each: -each.session.position)

    def _served(self, marker: bytes | None) -> str:
        """The generation that can be trusted.

        Raises:
            SessionsLost: there is none now.
        """
        generation = self._generations.served(marker)
        if generation is None or self._trusted != self._redis.connections:
            self._lost()
        return generation

    def _alive(self, generation: str, kept: bytes | None, seen: bytes | None) -> LiveSession | None:
        """The session, unless it has expired; that it was seen is recorded now and then."""
        at = self._clock()
        session = self._counting(kept, seen, at)
        if session is not None and seen is not None and _unseen(seen, at) * _SHARE >= self._idle:
            self._see(generation, session, at)
        return session

    def _counting(self, kept: bytes | None, seen: bytes | None, at: datetime) -> LiveSession | None:
        if kept is None or seen is None or _unseen(seen, at) >= self._idle:
            return None
        session = _decode(kept)
        if session.expires_at <= at or any(ends(end, session) for end in self._heard):
            return None
        return session

    def _see(self, generation: str, session: LiveSession, at: datetime) -> None:
        """Record that a session was seen, if it still counts when the word arrives (XX)."""
        self._on_seen(session.id)
        name = self._generations.key(generation, f"s:{session.token_hash}")
        moment = int(at.timestamp() * 1000)
        with contextlib.suppress(Outage):
            sent = self._redis.send("SET", name, moment, "XX", "PX", self._idle)
            asyncio.ensure_future(sent).add_done_callback(_heard)

    async def put(self, session: LiveSession) -> None:
        """See `SessionStore.put`."""
        await self._change(Started(session))

    async def end(self, session: str) -> None:
        """See `SessionStore.end`."""
        await self._tell(Ended(session))

    async def end_all(self, account: str, position: int, kept: str = "") -> None:
        """See `SessionStore.end_all`."""
        await self._tell(AllEnded(account, position, kept))

    def heard(self, ends: Sequence[End]) -> None:
        """See `SessionStore.heard`."""
        if ends:
            self._heard.update(ends)
            task = asyncio.create_task(self._pass_on(ends), name="tell of ended sessions")
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _pass_on(self, ends: Sequence[End]) -> None:
        try:
            await self._write_all(ends)
        except Outage:
            self._miss()
        else:
            self._heard.difference_update(ends)

    def _miss(self) -> None:
        """Trust nothing until what Redis was not told of was made up for."""
        self._trusted = 0
        self._on_lost()

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
                await self._write_all(batch, generation)
            changes, position = await source.catch_up(rows.position, rows.incarnation)
            await self._write_all(changes, generation)
            return rows.incarnation, position

        while True:
            connection = self._redis.connections
            await self._generations.rebuild(fill)
            if connection == self._trusted or await self._make_up(source):
                self._trusted = connection
                return

    async def _make_up(self, source: SessionSource) -> bool:
        """Apply what was recorded behind the store's position; False: all was lost meanwhile."""
        heard, position, incarnation = set(self._heard), await self.applied(), self._incarnation()
        if position is None or incarnation is None:
            return False
        changes, position = await source.catch_up(position, incarnation)
        await self.follow(changes, position)
        if await self.applied() is None:
            return False
        self._heard -= heard  # they are in the log that was just read
        return True

    async def _tell(self, change: Ended | AllEnded) -> None:
        try:
            await self._change(change)
        except Outage as outage:
            self._miss()
            raise Unconfirmed from outage

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
                fields = (session.id, session.token_hash, session.account, session.position)
                expiry, seen = (
                    int(at.timestamp() * 1000) for at in (session.expires_at, change.seen)
                )
                kept = msgspec.json.encode(session)
                args = (generation, *fields, expiry, kept, seen, self._idle)
                marker = await self._redis.eval(PUT, keys, args)
            case Ended(id_):
                marker = await self._redis.eval(END, keys, (generation, id_, self._longest))
            case AllEnded(account, position, spared):
                args_all = (generation, account, position, self._longest, spared)
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


def _unseen(seen: bytes, at: datetime) -> float:
    """For how many milliseconds something was not seen."""
    return at.timestamp() * 1000 - int(seen)


def _milliseconds(time: timedelta) -> int:
    return round(time.total_seconds() * 1000)


def _heard(future: asyncio.Future[object]) -> None:
    """Nobody waits for this, and nothing is lost by it."""
    if not future.cancelled():
        future.exception()
