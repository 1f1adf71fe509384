"""What follows the log with a checkpoint of its own: projections, and reactions."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from adapters.postgres.connect import Acquired
from domain.recorded import Recorded

AfterCommit = Callable[[], Awaitable[None]]


class Follower(Protocol):
    """One consumer of the log, fed by the engine in order, each event exactly once.

    `name` and `generation` name its checkpoint. `handles` are the wire names of the event types
    that it wants; all others pass it without being decoded.
    """

    @property
    def name(self) -> str:
        """What it is called; the stream `projection/<name>` controls it."""
        ...

    @property
    def generation(self) -> int:
        """Which build; version * 1000 + build for projections."""
        ...

    @property
    def handles(self) -> frozenset[str]:
        """The wire names of the events that it wants."""
        ...

    async def apply(
        self, connection: Acquired, batch: Sequence[Recorded[Any]]
    ) -> AfterCommit | None:
        """Write what the events ask for, in the open transaction that moves the checkpoint.

        What it gives is awaited once the transaction is committed (and is lost if the process
        dies just then). Whatever it raises, other than the database being away, is taken for the
        fault of an event: the batch is halved until that event is found, and there it stops.
        """
        ...
