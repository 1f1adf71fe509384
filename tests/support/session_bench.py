"""A session store on the bench, whichever it is."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from application.session_store import (
    LiveSession,
    SessionStore,
)
from tests.support.session_log import SessionLog

IDLE = timedelta(hours=1)


class Bench:
    """A store, the log it is derived from, and a way to lose the store."""

    def __init__(self) -> None:
        self.log = SessionLog()
        self.asked = 0
        self.seen: list[str] = []
        self.now = datetime.now(UTC)
        self.lose: Callable[[], Awaitable[None]]
        self.store: SessionStore

    def ask(self) -> None:
        self.asked += 1

    async def found(self, session: LiveSession) -> bool:
        found = await self.store.find(session.token_hash)
        assert found in (None, session)
        assert await self.store.find_by_id(session.id) == found
        return found is not None
