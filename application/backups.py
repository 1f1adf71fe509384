"""Backups: what use cases and workers need to make a version, look at it, and let it go.

A version that was asked for is dumped by a worker. What the repository holds is the truth about
bytes: a dump whose worker died between its last rename and its event is found there by the next
attempt, and is not made again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from application.backup_repository import (
    BackupRepository,
    Damaged,
    Manifest,
    NoSuchVersion,
    RepositoryFailed,
)
from application.event_store import Outage
from domain.backups import Copy

T = TypeVar("T")

Tell = Callable[[int, int], None]
"""Hears how far work is: (done, total) in bytes. Cheap, and called from any thread."""

EVERY = 0.5
"""Seconds between two tellings of how far something is."""


class DumpFailed(Exception):  # noqa: N818 - a fact
    """The log could not be dumped; the text says why in one line."""


class Sound(msgspec.Struct, frozen=True, kw_only=True):
    """A version says what the log said: so many events, up to this position, in so many streams."""

    events: int
    position: int
    streams: int


class Unsound(msgspec.Struct, frozen=True, kw_only=True):
    """A version is not what it should be; each fault is a sentence."""

    faults: tuple[str, ...]


class VerificationFailed(Exception):  # noqa: N818 - a fact
    """Nobody could find out whether a version is sound; the text says why in one line."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """It did not work; `lasting`: nor would it at once."""

    reason: str
    lasting: bool


class Dumper(Protocol):
    """Dumps the log into the repository."""

    async def __call__(self, version: str, label: str, *, attempt: int, tell: Tell) -> Manifest:
        """Make a version from one snapshot of the log; cancelled, it leaves nothing.

        Raises:
            DumpFailed: the database refused.
            RepositoryFailed: the repository did.
            Outage: the database does not answer.
        """
        ...


class Verifier(Protocol):
    """Restores a version into a scratch database and compares."""

    async def __call__(self, version: str, *, attempt: int, tell: Tell) -> Sound | Unsound:
        """Look at every bit, count, position, event and stream of a version.

        Raises:
            VerificationFailed: there is no place for a scratch database.
            RepositoryFailed: the repository cannot be read.
            Outage: the database does not answer.
        """
        ...


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far work on a version is; `what` is `backup`, `verify` or `restore`."""

    what: str
    done: int
    total: int

    @property
    def percent(self) -> int:
        """Whole percents; all of them only when the work has ended, and then nobody asks."""
        return min(99, 100 * self.done // self.total) if self.total else 0


class ProgressBoard(Protocol):
    """Where workers tell how far they are; what is lost there costs nobody anything."""

    async def tell(self, version: str, progress: Progress) -> None:
        """Put up how far work on a version is; never raises."""
        ...

    async def told(self, version: str) -> Progress | None:
        """What was put up some seconds ago at most; never raises."""
        ...


class NoBoard:
    """`ProgressBoard` that nobody reads."""

    async def tell(self, version: str, progress: Progress) -> None:
        """See `ProgressBoard.tell`."""

    async def told(self, version: str) -> Progress | None:  # noqa: ARG002 - the port's
        """See `ProgressBoard.told`."""
        return None


@dataclass(frozen=True, kw_only=True)
class Backups:
    """What backups are made of: a place, those who work on it, and where they tell of it."""

    repository: BackupRepository
    dump: Dumper
    verify: Verifier
    board: ProgressBoard

    async def ask(self, question: Callable[[BackupRepository], T]) -> T:
        """Ask the repository, which blocks, from another thread.

        Raises:
            Outage: when it does not answer.
        """
        try:
            return await asyncio.to_thread(question, self.repository)
        except RepositoryFailed as failed:
            raise Outage(f"the backups' repository: {failed.detail}") from failed

    async def find(self, version: str) -> Manifest | Damaged | None:
        """What the repository knows of a version; None: there is none. Raises as `ask`."""
        try:
            return await self.ask(lambda repository: repository.manifest(version))
        except NoSuchVersion:
            return None
        except Damaged as damaged:
            return damaged

    async def told(self, what: str, version: str, work: Callable[[Tell], Awaitable[T]]) -> T:
        """Do some work, and put up meanwhile how far it is."""
        state = [0, 0]

        def tell(done: int, total: int) -> None:
            state[:] = done, total

        async def put_up() -> None:
            while True:
                done, total = state
                await self.board.tell(version, Progress(what=what, done=done, total=total))
                await asyncio.sleep(EVERY)

        board = asyncio.create_task(put_up(), name="progress")
        try:
            return await work(tell)
        finally:
            board.cancel()
            await asyncio.gather(board, return_exceptions=True)


def copy_of(manifest: Manifest) -> Copy:
    """What the log keeps of a manifest."""
    return Copy(
        position=manifest.position,
        events=manifest.events,
        bytes=manifest.bytes,
        digest=manifest.digest,
        schema_version=manifest.schema_version,
    )
