"""A log of sessions in memory: what a rebuild of the session store reads."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from application.session_store import (
    AllEnded,
    Ended,
    LiveSession,
    SessionChange,
    SessionRows,
    Started,
)


async def _nothing() -> None:
    await asyncio.sleep(0)


class SessionLog:
    """Events in order, with rows that lag `lag` events behind the tail.

    `between` is awaited at each step of a rebuild, so that a test can do something there.
    """

    def __init__(self, lag: int = 0) -> None:
        self.incarnation = uuid.uuid4()
        self.changes: list[SessionChange] = []
        self.lag = lag
        self.between: Callable[[], Awaitable[None]] = _nothing
        self.loads = 0
        self.seen: dict[str, datetime] = {}
        """When sessions were last seen, as it was kept beside the log."""

    def start(
        self, account: str = "ada", *, lasts: float = 3600.0, ago: float = 0.0
    ) -> LiveSession:
        now = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ago)
        session = LiveSession(
            id=str(uuid.uuid4()),
            token_hash=uuid.uuid4().hex * 2,
            account=account,
            tenant="default",
            created_at=now,
            authenticated_at=now,
            expires_at=now + timedelta(seconds=lasts),
            position=len(self.changes) + 1,
        )
        self.changes.append(Started(session))
        return session

    def end(self, session: LiveSession) -> str:
        self.changes.append(Ended(session.id))
        return session.id

    def end_all(self, account: str, kept: str = "") -> tuple[str, int, str]:
        position = len(self.changes) + 1
        self.changes.append(AllEnded(account, position, kept))
        return account, position, kept

    def open_at(self, position: int) -> dict[str, LiveSession]:
        """The truth: which sessions count after so many events."""
        sessions: dict[str, LiveSession] = {}
        for change in self.changes[:position]:
            match change:
                case Started(session):
                    sessions[session.id] = session
                case Ended(id_):
                    sessions.pop(id_, None)
                case AllEnded(account, _, kept):
                    sessions = {
                        k: v for k, v in sessions.items() if v.account != account or k == kept
                    }
        return sessions

    async def load(self) -> SessionRows:
        self.loads += 1
        await self.between()
        position = max(0, len(self.changes) - self.lag)
        rows = list(self.open_at(position).values())

        async def batches() -> AsyncIterator[Sequence[Started]]:
            for index in range(0, len(rows), 2):
                await self.between()
                yield [Started(each, self.seen.get(each.id)) for each in rows[index : index + 2]]
            await self.between()

        return SessionRows(incarnation=self.incarnation, position=position, batches=batches())

    async def catch_up(self, after: int, incarnation: UUID) -> tuple[Sequence[SessionChange], int]:
        assert incarnation == self.incarnation
        await self.between()
        changes = self.changes[after:]
        position = len(self.changes)
        await self.between()
        return changes, position
