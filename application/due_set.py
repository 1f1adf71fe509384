"""The port to what is due: which reminders fire next, kept where many schedulers can ask for it.

The log is the truth: what is here is derived from it, bears a marker that tells from which
incarnation of the log, up to which position, and on which run of the server, and is rebuilt when
it was lost (`DueLost`).

Why nothing is forgotten, whoever follows the log:

1. *The log is applied in its order, once.* A page of changes is applied only where the set has
   reached the place behind which the page begins, and moves it on in the same step. So two
   schedulers may follow at once, and one may stop at any time: the other goes on from there.
2. *To take is to lend.* What was taken comes back after the lease, unless the log has said
   something newer about it meanwhile. Who fires it says so in the log, which then moves it.
3. *The set never decides.* That something lies here too early, too late or twice costs a look at
   its stream, which alone knows whether there is an occurrence to fire.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec


class Name(msgspec.Struct, frozen=True):
    """A reminder among those of all tenants."""

    tenant: str
    reminder: str


class Change(msgspec.Struct, frozen=True):
    """From the log: when the reminder is due from this position on; None: not any more."""

    position: int
    name: Name
    due_at: datetime | None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What was due, lent until `lease_until`; `next_at` is when something else will be."""

    names: Sequence[Name]
    lease_until: datetime
    next_at: datetime | None


class DueLost(Exception):  # noqa: N818 - a fact about the set
    """Nobody can tell what is due until the set was rebuilt from the log."""


class DueRows(msgspec.Struct, frozen=True, kw_only=True):
    """What was due when, as of `position` of this incarnation of the log, in batches."""

    incarnation: UUID
    position: int
    batches: AsyncIterator[Sequence[tuple[Name, datetime]]]


class DueSource(Protocol):
    """The log, and what was folded from it: where a rebuild reads. Raises `Outage`."""

    async def load(self) -> DueRows:
        """All that will fire, as some position had it."""
        ...

    async def catch_up(self, after: int, incarnation: UUID) -> tuple[Sequence[Change], int]:
        """What changed behind a position up to the tail as it is now, and that tail's position.

        Raises:
            ForeignIncarnation: when the log was replaced meanwhile.
        """
        ...


class DueSet(Protocol):
    """What is due when. All methods raise `Outage` when the store does not answer."""

    async def take(self, now: datetime, *, limit: int, lease: timedelta) -> Taken:
        """Lend out what is due, the longest due first, in one step for all schedulers.

        Raises:
            DueLost: when the marker is missing or foreign.
        """
        ...

    async def give_back(self, taken: Taken, due: Sequence[tuple[Name, datetime | None]]) -> None:
        """Say when those that were taken and not fired are due; None: never.

        Does nothing to what was moved since it was taken.
        """
        ...

    async def follow(self, changes: Sequence[Change], *, after: int, upto: int) -> int:
        """Apply what the log says between two positions; gives the position that is reached then.

        That is less than `after` when the set lacks what lies before: then nothing was applied.

        Raises:
            DueLost: as `take`.
        """
        ...

    async def applied(self) -> int | None:
        """Up to which position the log was applied; None: the set is lost."""
        ...

    async def rebuild(self, source: DueSource) -> None:
        """Make the set whole from the log, unless it is; one process builds, others wait.

        Raises:
            ForeignIncarnation: when the log was replaced meanwhile.
        """
        ...
