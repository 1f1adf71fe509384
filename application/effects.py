"""Side effects: claimed in Postgres, carried out, and their outcome recorded as events.

Postgres is the truth about every attempt and the broker is transport. A claim and the event that
says so are one item of the log, an outcome and the settlement of its attempt another one. Between
the two lies the outside world: a process that dies there leaves a lease behind which expires, and
the attempt counts as lost. So an effect is carried out at least once, and twice at the most where
an attempt was killed in flight.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from application.event_store import EffectId, StoredEvent
from application.unit import Unit
from domain.decider import Decider
from domain.recorded import Recorded

P = TypeVar("P")
R = TypeVar("R")

FIRST, FAILED, LOST = "first", "failed", "lost"

SHORT_DELAY = 60.0
"""Seconds that the broker may hold a ticket back; what is due later is left to the sweep."""


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """What travels through the broker: an effect and the attempt that is asked for (from 1)."""

    reaction: str
    tenant: str
    position: int
    attempt: int

    @property
    def effect(self) -> EffectId:
        """The effect's name."""
        return EffectId(tenant=self.tenant, reaction=self.reaction, position=self.position)


class EffectState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about an effect now.

    `asked_at` is when the next attempt was asked for (by the reaction, or by the settlement of
    the last one) and `ready_at` from when on it may begin. While an attempt is in flight,
    `ready_at` is the end of its lease and `lost` is true: beyond that it is taken for lost.
    """

    effect: EffectId
    kind: str
    attempts: int
    done: bool
    lost: bool
    asked_at: datetime
    ready_at: datetime

    @property
    def ticket(self) -> Ticket:
        """The ticket for the next attempt."""
        effect = self.effect
        return Ticket(effect.reaction, effect.tenant, effect.position, self.attempts + 1)


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of an effect that is to be made.

    `event` is what the effect follows from, `attempt` counts from 1, `at` is when it begins.
    `previous` tells about the attempt before: `first` (there was none), `failed` (its outcome is
    recorded) or `lost` (its process died; whether it reached the world is unknown).
    """

    effect: EffectId
    kind: str
    event: Recorded[Any]
    attempt: int
    previous: str
    at: datetime

    @property
    def next(self) -> Ticket:
        """The ticket for the attempt after this one."""
        effect = self.effect
        return Ticket(effect.reaction, effect.tenant, effect.position, self.attempt + 1)


class Ended(msgspec.Struct, frozen=True):
    """An attempt that has ended here, `seconds` after it began, for whoever counts and tells.

    `outcome` is `done`, `retry`, `gone` (another process has it), `left` (to its lease) or `stuck`.
    """

    kind: str
    outcome: str
    event: StoredEvent
    attempt: int
    seconds: float


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """What carrying out gave when it raised or outlasted its patience; `error` says which."""

    error: str


class EffectHandler(Protocol[P, R]):
    """Carries out the effects of one kind.

    `source` is the kind of stream on which the events lie that these effects follow from.
    """

    @property
    def source(self) -> Decider[Any, Any, Any]:
        """The decider of those streams."""
        ...

    async def begin(self, unit: Unit, due: Due) -> P | None:
        """Decide the events with which an attempt begins, and give what carrying out needs.

        None: the effect is not wanted any more, and is settled for good together with the
        unit's events. May be called again on a stale version.
        """
        ...

    def patience(self, payload: P) -> float:
        """How many seconds carrying out may take; beyond that the attempt is cancelled."""
        ...

    async def carry_out(self, payload: P, due: Due) -> R:
        """Change the outside world. How that ended, also badly, is the result."""
        ...

    async def finish(
        self, unit: Unit, due: Due, payload: P, result: R | Broken, at: datetime, chance: float
    ) -> datetime | None:
        """Decide the events of the outcome; gives when to try again, None when it is over.

        `chance` in [0, 1) is the randomness of a backoff. May be called again on a stale version,
        with the same arguments.
        """
        ...


class EffectRegister(Protocol):
    """What the log's database knows about effects. All methods raise `Outage`."""

    async def states(self, effects: Sequence[EffectId]) -> list[EffectState | None]:
        """The state of each; None where there is no such effect any more."""
        ...

    async def events(self, positions: Sequence[int]) -> dict[int, StoredEvent]:
        """The events at these positions."""
        ...

    async def unfinished(
        self, reaction: str, *, after: int, older_than: float, limit: int
    ) -> "Scanned":
        """Look through one reaction's effects behind a position, in order.

        Stops at `limit` effects or at the first that is younger than so many seconds.
        """
        ...


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """What a look through effects has found: those not done, and how far it got."""

    unfinished: tuple[EffectId, ...]
    upto: int
    full: bool
    """Whether the limit ended it, so that there may be more."""


class EffectSender(Protocol):
    """Hands tickets to the workers, as well as it can: what is lost here, the sweep sends again."""

    async def send(self, tickets: Sequence[Ticket], *, delay: float = 0.0) -> bool:
        """Send tickets, to arrive after `delay` seconds; False when the broker is away."""
        ...

    async def backlog(self) -> int | None:
        """About how many messages wait for a worker now; None when the broker is away."""
        ...
