"""The connection that batches go through, and what is done when it breaks.

An answer that was lost says nothing about the batch: the server may commit it after a question saw
nothing. So it is sent again, unchanged and before anything else, until the log says what became of
it: an event that lies where it should, under its id, was recorded by the earlier try.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from adapters.postgres.batch import APPEND, Entry, arguments, outcomes
from adapters.postgres.connect import FENCED, LOST, Connection, close, connect, outage
from adapters.postgres.versions import Versions
from application.event_store import ForeignIncarnation, Outage, Outcome

UNSTORABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""SQLSTATE classes 22 and 23: one of the items can never be stored, the others may."""

_FOREIGN = "AN001"
_FIRST_PAUSE = 0.02  # seconds


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long the line waits, in seconds."""

    one_try: float = 5.0
    """How long one try may take before its connection is given up."""
    settle: float = 10.0
    """How long callers wait for a lost answer before they hear "unknown"."""
    longest_pause: float = 1.0
    """The longest pause between two tries to connect."""


class Recorded(msgspec.Struct, frozen=True):
    """The log's answer to a batch, and what it means for each of its items."""

    answer: Mapping[str, Any]
    outcomes: list[Outcome]


class Line:
    """One connection to the append function of one log."""

    def __init__(self, url: str, *, log_id: int, incarnation: UUID, patience: Patience) -> None:
        """Not connected yet; the first batch, or `open`, connects."""
        self._url = url
        self._log_id = log_id
        self._incarnation = incarnation
        self._patience = patience
        self._connection: Connection | None = None
        self._statement: Any = None
        self._versions = Versions()

    async def open(self) -> None:
        """Connect, unless there is a connection.

        Raises:
            Outage: when the log does not answer.
        """
        if self._connection is not None and not self._connection.is_closed():
            return
        self.drop()
        self._connection = await connect(self._url, role="annals_appender", name="annals appender")
        try:
            self._statement = await self._connection.prepare(APPEND)
        except (*LOST, asyncpg.PostgresError) as error:
            raise outage(error) from error

    def drop(self) -> None:
        """Let go of the connection at once, and of every version known through it."""
        connection, self._connection, self._statement = self._connection, None, None
        self._versions.forget()
        if connection is not None:
            connection.terminate()

    async def aclose(self) -> None:
        """Take leave of the server."""
        if self._connection is not None:
            await close(self._connection)
            self._connection = None

    async def record(
        self,
        batch: Sequence[Entry],
        *,
        unsure: Callable[[Outage], bool],
        waiting: Callable[[], None],
    ) -> Recorded:
        """Send a batch as often as it takes to know what became of it.

        `waiting` is called before each pause between two tries. `unsure` is called after each try
        from when the callers have waited long enough, and says whether to go on.

        Raises:
            Outage: when surely nothing was recorded; or when `unsure` said to stop.
            ForeignIncarnation: when the log was replaced; nothing was recorded.
            asyncpg.PostgresError: one of `UNSTORABLE`; nothing was recorded.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience.settle
        sent, pause = False, _FIRST_PAUSE
        while True:
            maybe = sent
            try:
                await self.open()
                sent = True
                return await self._send(batch)
            except UNSTORABLE:
                raise
            except (Outage, *LOST, asyncpg.PostgresError) as error:
                why = self._why(error, maybe=maybe)
            self.drop()
            if loop.time() >= deadline and not (sent and unsure(why)):
                raise why
            waiting()
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter
            pause = min(pause * 2, self._patience.longest_pause)

    async def _send(self, batch: Sequence[Entry]) -> Recorded:
        tail, versions = self._versions.of()
        parameters = arguments(
            batch,
            log_id=self._log_id,
            incarnation=self._incarnation,
            tail=tail,
            versions=versions,
        )
        async with asyncio.timeout(self._patience.one_try):
            [answer] = await self._statement.fetch(*parameters)
        found = outcomes(batch, answer, self._incarnation)
        self._versions.learn(batch, found, answer["first"] - 1, answer["last"])
        return Recorded(answer, found)

    def _why(self, error: BaseException, *, maybe: bool) -> Outage:
        """The outage behind an error that leaves the outcome open; raises what does not.

        `maybe`: an earlier try may have been recorded.
        """
        if isinstance(error, Outage):
            return error
        if isinstance(error, asyncpg.PostgresError) and not _ended_the_session(error):
            self.drop()
            if error.sqlstate == _FOREIGN:
                raise ForeignIncarnation(UUID(error.detail) if error.detail else None) from error
            refused = outage(error)
            if error.sqlstate == FENCED and maybe:
                refused.outcome = "unknown"
            raise refused from error
        return outage(error)


def _ended_the_session(error: asyncpg.PostgresError) -> bool:
    """Whether the server hung up with this error, so that a commit may have come before it."""
    severity = getattr(error, "severity_en", None) or getattr(error, "severity", None)
    return severity in ("FATAL", "PANIC") or isinstance(error, asyncpg.PostgresConnectionError)
