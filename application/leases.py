"""How long an attempt of an effect may be silent before it counts as lost.

What takes minutes at most has a lease for all of its time. What may take hours has a short one that
is renewed while it lives: so that its worker was killed is known in seconds, not in hours. When a
lease cannot be renewed the attempt is cancelled before the lease ends, because somebody else may
begin the next one then.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from application.event_store import EffectId, Outage

MARGIN = 5.0
"""Seconds that a lease outlasts the work: for the outcome, and for clocks that differ."""
WHOLE = 300.0
"""Up to so many seconds of patience are one lease."""
LENGTH = 10.0
"""Seconds of a lease that is renewed, which is done three times as often."""

log = structlog.get_logger(__name__)


class EffectLeases(Protocol):
    """Where longer leases are noted, for whoever asks for an effect's state."""

    async def renew(self, effect: EffectId, attempt: int, until: datetime) -> None:
        """Let an attempt that was claimed go on until then. Raises `Outage`."""
        ...

    async def release(self, effect: EffectId, attempt: int) -> None:
        """Forget what was noted of an attempt: it has ended. Raises `Outage`."""
        ...


class Lease:
    """The right to go on with one attempt, up to `until`."""

    def __init__(
        self,
        effect: EffectId,
        attempt: int,
        patience: float,
        *,
        leases: EffectLeases | None,
        now: Callable[[], datetime],
        length: float = LENGTH,
    ) -> None:
        """Begin now. Without `leases` it is as long as `patience`, which is in seconds."""
        self._effect = effect
        self._attempt = attempt
        self._now = now
        self._length = length
        self._leases = leases if patience > WHOLE else None
        self._end = now() + timedelta(seconds=patience)
        self._noted = False
        self.until = self._end + timedelta(seconds=MARGIN)
        if self._leases is not None:
            self.until = self._next()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Around the work.

        Raises:
            TimeoutError: when patience is over, or the lease could not be renewed.
        """
        async with asyncio.timeout(self._left()) as limit:
            keeper = None
            if self._leases is not None:
                keeper = asyncio.create_task(self._keep(self._leases, limit), name="lease")
            try:
                yield
            finally:
                if keeper is not None:
                    keeper.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await keeper

    async def release(self) -> None:
        """Nobody needs to know any more that it was renewed."""
        if self._noted and self._leases is not None:
            with contextlib.suppress(Outage):
                await self._leases.release(self._effect, self._attempt)

    async def _keep(self, leases: EffectLeases, limit: asyncio.Timeout) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._length / 3)
            until = self._next()
            try:
                await leases.renew(self._effect, self._attempt, until)
            except Outage as outage:
                log.warning("lease_not_renewed", detail=outage.detail)
                continue
            self._noted, self.until = True, until
            limit.reschedule(loop.time() + self._left())

    def _next(self) -> datetime:
        return self._now() + timedelta(seconds=self._length + MARGIN)

    def _left(self) -> float:
        """Seconds that the work may still take."""
        lease = (self.until - self._now()).total_seconds() - MARGIN / 2
        return min(lease, (self._end - self._now()).total_seconds())
