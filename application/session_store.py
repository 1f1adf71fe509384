"""The port to the sessions that requests are checked against.

The log is the truth: what is here is derived from `session.started` and `session.ended`, and bears
a marker that tells from which incarnation of the log, up to which position, and on which run of
the server. Under a valid marker a miss is final. Without one nobody is let in: the store fails
closed (`SessionsLost`, a 503) until it was rebuilt from the log.

Why nothing is lost or resurrected, whatever order things arrive in:

1. *Changes commute.* A store is a two-phase set: a session is started once and ended once, ids
   are never used again, and an end leaves a tombstone that outlives every token, against which a
   late start does nothing. `end_all` leaves a tombstone that bars the account's sessions up to a
   position, but for the one that it keeps; of those that keep the same, the latest counts. So a
   change may be applied twice, late, and out of order; only that each is applied at all matters.
2. *A rebuild misses none.* It first makes a new, empty generation known to all writers, then reads
   the rows, then the log from the rows' position to its tail, then sets the marker. A writer
   appends its event first and changes the store afterwards. Where the change came before the
   generation was known, its event lies before the tail that is read later. Where it came
   afterwards, the writer wrote it into the new generation, while building or after the marker.
3. *A stale builder cannot finish.* The generation under construction is leased; whoever lets it
   expire, or finds that another has begun or that all was flushed, cannot set the marker.
4. *An outage is made up for.* Who could not tell the store of a change has recorded it. A process
   whose connection was interrupted trusts nothing before it has applied what the log holds behind
   the store's position: that includes all that was recorded while the store was down. And a store
   that stood still is not believed about what the log's tail has told meanwhile (`heard`).
5. *Idle time revives nothing.* When a session was last seen is kept beside it and only ever told
   of sessions that count (`put` with a moment at which it surely was seen, which never sets a
   later one back; `find`, which renews what is there and makes nothing). What has been idle for
   too long, or whose last sight is unknown, counts no more, and nothing that comes late changes
   that: a start is worth no more than its own moment.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from application.endings import end
from application.event_store import ForeignIncarnation, Outage

LONGEST = timedelta(days=31)
"""So long sessions may live, unless their settings say longer."""


class LiveSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that counts until it expires.

    `token_hash` is the SHA-256 of its token in hexadecimal digits (see
    `adapters.crypto.tokens`); `position` is where the log says that it was started.
    """

    id: str
    token_hash: str
    account: str
    tenant: str
    created_at: datetime
    authenticated_at: datetime
    expires_at: datetime
    position: int


class Started(msgspec.Struct, frozen=True):
    """A change from the log: a session was started.

    `seen_at` is the last moment at which it is known to have been used; None: when it began.
    """

    session: LiveSession
    seen_at: datetime | None = None

    @property
    def seen(self) -> datetime:
        """The last moment at which it is known to have been used."""
        return self.seen_at or self.session.created_at


class Ended(msgspec.Struct, frozen=True):
    """A change from the log: a session was ended."""

    session: str


class AllEnded(msgspec.Struct, frozen=True):
    """A change from the log: an account's sessions started up to `position` were ended.

    All but the session `kept`, where one is named.
    """

    account: str
    position: int
    kept: str = ""


End = Ended | AllEnded
SessionChange = Started | End


def ends(end: End, session: LiveSession) -> bool:
    """Whether a session is among those that a change has ended."""
    if isinstance(end, Ended):
        return end.session == session.id
    mine = end.account == session.account and end.kept != session.id
    return mine and session.position <= end.position


class Sighting(msgspec.Struct, frozen=True):
    """A session that counts, and when it was last recorded as used."""

    session: LiveSession
    seen_at: datetime


class SessionsLost(Outage):
    """Nobody can tell who is signed in until the sessions were rebuilt from the log."""

    def __init__(self) -> None:
        """Say so; nothing was done."""
        super().__init__("The sessions are being rebuilt; try again.", retry_after=1.0)


class Unconfirmed(Outage):
    """A session's end was recorded, and the store could not be told."""

    def __init__(self) -> None:
        """Say so; the store learns of it before it vouches for any session again."""
        super().__init__("Nobody could confirm the end.", outcome="recorded", retry_after=1.0)


class SessionRows(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions that were open at `position` of this incarnation of the log, in batches."""

    incarnation: UUID
    position: int
    batches: AsyncIterator[Sequence[Started]]


class SessionSource(Protocol):
    """The log, and what was folded from it: where a rebuild reads. Raises `Outage`."""

    async def load(self) -> SessionRows:
        """The open sessions as some position had them; the tail, or a read model's checkpoint."""
        ...

    async def catch_up(self, after: int, incarnation: UUID) -> tuple[Sequence[SessionChange], int]:
        """What changed behind a position, up to the tail as it is now; and that tail's position.

        Raises:
            ForeignIncarnation: when the log was replaced meanwhile.
        """
        ...


class SessionStore(Protocol):
    """Who is signed in.

    Changes are made after their events were recorded, and may be made again. While the marker is
    missing they succeed (the rebuild reads their events) and ask for the rebuild. All methods
    raise `Outage` when the store does not answer, ends `Unconfirmed`: then a recorded change
    reaches the store by `follow`, which who reads the log's tail calls, or when it is made up for.
    """

    async def find(self, token_hash: str) -> LiveSession | None:
        """The session of a token; None when it was never started, has ended or has expired.

        Expired is also what was not found for as long as sessions may be idle. To be found is to
        be seen; that is recorded seldom, so a session may expire a little early.

        Raises:
            SessionsLost: when the marker is missing or foreign, or the connection was interrupted
                and what was missed is not yet made up for; a rebuild was asked for.
        """
        ...

    async def find_by_id(self, session: str) -> LiveSession | None:
        """The session of this id, as `find` tells of a token's."""
        ...

    async def of_account(self, account: str) -> Sequence[Sighting]:
        """The sessions of an account that count now, the newest first; none is seen by that.

        Raises:
            SessionsLost: as `find`.
        """
        ...

    async def put(self, session: LiveSession) -> None:
        """A session was started; does nothing where it has ended or expired already."""
        ...

    async def end(self, session: str) -> None:
        """A session was ended."""
        ...

    async def end_all(self, account: str, position: int, kept: str = "") -> None:
        """An account's sessions that were started up to a position were ended, but for `kept`."""
        ...

    def heard(self, ends: Sequence[End]) -> None:
        """The log's tail has told of ends: what they ended is not found from now on.

        That holds in this process whatever the store answers, which is told of them, too.
        """
        ...

    async def follow(self, changes: Sequence[SessionChange], position: int) -> None:
        """Apply what the log's tail brought, and move the marker's position up to it."""
        ...

    async def applied(self) -> int | None:
        """Up to which position `follow` (or the rebuild) has brought the store; None: lost."""
        ...

    async def rebuild(self, source: SessionSource) -> None:
        """Make the store whole from the log, unless it is; one process builds, others wait.

        After an interruption of the connection, what was recorded meanwhile is made up for.

        Raises:
            ForeignIncarnation: when the log was replaced meanwhile.
        """
        ...


class Rebuilds:
    """Rebuilds a store in the background when asked to, one at a time, until it has worked."""

    def __init__(
        self,
        store: SessionStore,
        source: SessionSource,
        on_failure: Callable[[Exception], None],
    ) -> None:
        """`on_failure` is told of every try that failed (it writes a log line)."""
        self._store = store
        self._source = source
        self._on_failure = on_failure
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def ask(self) -> None:
        """Ask for a rebuild; does nothing while one is under way."""
        if not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name="rebuild sessions")

    async def aclose(self) -> None:
        """Stop trying, for good."""
        self._closed = True
        if self._task is not None:
            await end(self._task)

    async def _run(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._store.rebuild(self._source)
            except (Outage, ForeignIncarnation) as failure:
                self._on_failure(failure)
            else:
                return
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter
            pause = min(pause * 2, 5.0)
