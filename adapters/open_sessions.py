"""The read model of sessions, as a rebuild of the sessions in Redis reads it."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.last_seen import SESSION_KIND, LastSeen
from application.session_store import LiveSession, Started
from domain.recorded import SYSTEM_TENANT
from projections.reading import ReadModels
from projections.sessions import PROJECTION, SessionRow, find_open_sessions

_PAGE = 1000


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
