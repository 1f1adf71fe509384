"""Who is signed in, opened: the sessions in Redis, and what they are rebuilt from."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from adapters.foundation import Foundation
from adapters.postgres.last_seen import PostgresLastSeen
from adapters.redis.session_store import RedisSessionStore
from application.last_seen import SESSION_KIND, LastSeen
from application.session_store import LONGEST, LiveSession, Rebuilds, SessionStore, Started
from application.sessions import LoggedSessions
from domain.recorded import SYSTEM_TENANT
from projections.reading import ReadModels
from projections.sessions import PROJECTION, SessionRow, find_open_sessions

_PAGE = 1000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class KeptSessions:
    """The sessions of a process, their rebuilds from the log, and when each was last seen."""

    store: SessionStore
    rebuilds: Rebuilds
    last_seen: PostgresLastSeen


@asynccontextmanager
async def opened_sessions(foundation: Foundation) -> AsyncIterator[KeptSessions]:
    """The sessions in Redis, which ask to be rebuilt when they are lost."""
    settings = foundation.settings
    last_seen = PostgresLastSeen(
        foundation.appenders,
        foundation.readers,
        now=foundation.now,
        interval=seen_interval(settings.session_idle),
    )

    def ask() -> None:
        foundation.metrics.sessions_rebuilt.inc()
        rebuilds.ask()

    store = RedisSessionStore(
        foundation.redis,
        incarnation=lambda: foundation.store.incarnation,
        on_lost=ask,
        on_seen=lambda session: last_seen.saw(SESSION_KIND, session),
        idle=settings.session_idle,
        longest=max(LONGEST, settings.session_ttl),
        clock=foundation.now,
    )
    rows = ReadOpenSessions(foundation.read_models, last_seen, foundation.now)
    rebuilds = Rebuilds(
        store,
        LoggedSessions(rows, foundation.store, foundation.codec),
        lambda failure: log.warning("sessions_rebuild_failed", error=type(failure).__name__),
    )
    try:
        yield KeptSessions(store=store, rebuilds=rebuilds, last_seen=last_seen)
    finally:
        await rebuilds.aclose()
        await last_seen.aclose()


def seen_interval(idle: timedelta) -> float:
    """How often sights are recorded, in seconds: a small part of the time that is allowed."""
    return min(30.0, idle.total_seconds() / 10)


@dataclass(frozen=True)
class ReadOpenSessions:
    """Implements `application.sessions.OpenSessions`."""

    read_models: ReadModels
    last_seen: LastSeen
    now: Callable[[], datetime]

    async def open_sessions(self) -> tuple[int, AsyncIterator[Sequence[Started]]]:
        """See `OpenSessions`. Pages are read one by one; what changes meanwhile is caught up."""
        async with self.read_models.rows(PROJECTION, SYSTEM_TENANT) as rows:
            position = await rows.position()
        return position.number, self._pages(self.now())

    async def _pages(self, at: datetime) -> AsyncIterator[Sequence[Started]]:
        after = ""
        while True:
            async with self.read_models.rows(PROJECTION, SYSTEM_TENANT) as rows:
                page = await find_open_sessions(rows, at=at, after=after, limit=_PAGE)
            if page:
                seen = await self.last_seen.seen(SESSION_KIND, [row.id for row in page])
                yield [Started(_live(row), seen.get(row.id)) for row in page]
                after = page[-1].id
            if len(page) < _PAGE:
                return


def _live(row: SessionRow) -> LiveSession:
    return LiveSession(
        id=row.id,
        token_hash=row.token_hash,
        account=row.account,
        tenant=row.chosen_tenant,
        created_at=row.created_at,
        authenticated_at=row.authenticated_at,
        expires_at=row.expires_at,
        position=row.position,
    )
