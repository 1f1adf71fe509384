"""Sessions kept in memory, for tests: the same two-phase set, and a way to lose it all."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import assert_never

from application.session_store import (
    AllEnded,
    Ended,
    LiveSession,
    SessionChange,
    SessionsLost,
    SessionSource,
    Started,
)


def _now() -> datetime:
    return datetime.now(UTC)


class _Generation:
    def __init__(self) -> None:
        self.sessions: dict[str, LiveSession] = {}
        self.ended: set[str] = set()
        self.cuts: dict[str, int] = {}

    def apply(self, change: SessionChange) -> None:
        match change:
            case Started(session):
                barred = self.cuts.get(session.account, 0) >= session.position
                if session.id not in self.ended and not barred:
                    self.sessions[session.id] = session
            case Ended(id_):
                self.ended.add(id_)
                self.sessions.pop(id_, None)
            case AllEnded(account, position):
                self.cuts[account] = max(self.cuts.get(account, 0), position)
                for each in list(self.sessions.values()):
                    if each.account == account and each.position <= position:
                        del self.sessions[each.id]
            case _:
                assert_never(change)


class MemorySessionStore:
    """`SessionStore` in one process."""

    def __init__(
        self,
        *,
        on_lost: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = _now,
        position: int | None = 0,
    ) -> None:
        """Start empty and valid at `position`, or lost where that is None."""
        self._on_lost = on_lost
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
        if self._position is None:
            self._on_lost()
            raise SessionsLost
        for session in self._served.sessions.values():
            if session.token_hash == token_hash and session.expires_at > self._clock():
                return session
        return None

    async def find_by_id(self, session: str) -> LiveSession | None:
        """See `SessionStore.find_by_id`."""
        if self._position is None:
            self._on_lost()
            raise SessionsLost
        found = self._served.sessions.get(session)
        return found if found and found.expires_at > self._clock() else None

    async def put(self, session: LiveSession) -> None:
        """See `SessionStore.put`."""
        self._change(Started(session))

    async def end(self, session: str) -> None:
        """See `SessionStore.end`."""
        self._change(Ended(session))

    async def end_all(self, account: str, position: int) -> None:
        """See `SessionStore.end_all`."""
        self._change(AllEnded(account, position))

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
                for session in batch:
                    building.apply(Started(session))
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
