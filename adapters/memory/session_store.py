"""Sessions kept in memory, for tests: the same two-phase set, and a way to lose it all."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from adapters.clock import now
from application.session_store import (
    AllEnded,
    End,
    Ended,
    LiveSession,
    SessionChange,
    SessionsLost,
    SessionSource,
    Sighting,
    Started,
    ends,
)

_SHARE = 30  # of the idle time: so much later a session is seen again


class _Generation:
    def __init__(self) -> None:
        self.sessions: dict[str, LiveSession] = {}
        self.seen: dict[str, datetime] = {}
        self.ended: set[str] = set()
        self.cuts: dict[str, dict[str, int]] = defaultdict(dict)

    def apply(self, change: SessionChange) -> None:
        match change:
            case Started(session):
                cuts = self.cuts[session.account].items()
                barred = any(cut >= session.position for kept, cut in cuts if kept != session.id)
                if session.id not in self.ended and not barred:
                    self.sessions[session.id] = session
                    known = self.seen.get(session.id, change.seen)
                    self.seen[session.id] = max(known, change.seen)
            case Ended(id_):
                self.ended.add(id_)
                self.sessions.pop(id_, None)
            case AllEnded(account, position, kept):
                cuts_of = self.cuts[account]
                cuts_of[kept] = max(cuts_of.get(kept, 0), position)
                for each in list(self.sessions.values()):
                    if ends(change, each):
                        del self.sessions[each.id]
            case _:
                assert_never(change)


class MemorySessionStore:
    """`SessionStore` in one process."""

    def __init__(
        self,
        *,
        on_lost: Callable[[], None] = lambda: None,
        on_seen: Callable[[str], None] = lambda _: None,
        idle: timedelta = timedelta(hours=1),
        clock: Callable[[], datetime] = now,
        position: int | None = 0,
    ) -> None:
        """Start empty and valid at `position`, or lost where that is None."""
        self._on_lost = on_lost
        self._on_seen = on_seen
        self._idle = idle
        self._clock = clock
        self._position = position
        self._served = _Generation()
        self._building: _Generation | None = None

    def lose(self) -> None:
        """Forget everything, as a flushed server does."""
        self._position = None
        self._served, self._building = _Generation(), None

    async def find(self, token_hash: str) -> LiveSession | None:
        """See `SessionStore.find`."""
        self._check()
        sessions = self._served.sessions.values()
        return self._alive(next((each for each in sessions if each.token_hash == token_hash), None))

    async def find_by_id(self, session: str) -> LiveSession | None:
        """See `SessionStore.find_by_id`."""
        self._check()
        return self._alive(self._served.sessions.get(session))

    async def of_account(self, account: str) -> Sequence[Sighting]:
        """See `SessionStore.of_account`."""
        self._check()
        mine = [each for each in self._served.sessions.values() if each.account == account]
        return [
            Sighting(each, self._served.seen[each.id])
            for each in sorted(mine, key=lambda each: -each.position)
            if self._counts(each)
        ]

    def _check(self) -> None:
        if self._position is None:
            self._on_lost()
            raise SessionsLost

    def _alive(self, session: LiveSession | None) -> LiveSession | None:
        if session is None or not self._counts(session):
            return None
        now = self._clock()
        if (now - self._served.seen[session.id]) * _SHARE >= self._idle:
            self._served.seen[session.id] = now
            self._on_seen(session.id)
        return session

    def _counts(self, session: LiveSession) -> bool:
        now = self._clock()
        return session.expires_at > now and now - self._served.seen[session.id] < self._idle

    async def put(self, session: LiveSession) -> None:
        """See `SessionStore.put`."""
        self._change(Started(session))

    async def end(self, session: str) -> None:
        """See `SessionStore.end`."""
        self._change(Ended(session))

    async def end_all(self, account: str, position: int, kept: str = "") -> None:
        """See `SessionStore.end_all`."""
        self._change(AllEnded(account, position, kept))

    def heard(self, ends: Sequence[End]) -> None:
        """See `SessionStore.heard`."""
        for each in ends:
            self._change(each)

    async def follow(self, changes: Sequence[SessionChange], position: int) -> None:
        """See `SessionStore.follow`."""
        for change in changes:
            self._change(change)
        if self._position is not None:
            self._position = max(self._position, position)
        else:
            self._on_lost()

    async def applied(self) -> int | None:
        """See `SessionStore.applied`."""
        return self._position

    async def rebuild(self, source: SessionSource) -> None:
        """See `SessionStore.rebuild`."""
        while self._position is None:
            building = self._building = _Generation()
            rows = await source.load()
            async for batch in rows.batches:
                for started in batch:
                    building.apply(started)
            changes, position = await source.catch_up(rows.position, rows.incarnation)
            for change in changes:
                building.apply(change)
            if self._building is building:  # nothing was lost meanwhile
                self._served, self._building, self._position = building, None, position

    def _change(self, change: SessionChange) -> None:
        self._served.apply(change)
        if self._building is not None:
            self._building.apply(change)
        if self._position is None:
            self._on_lost()
