"""The lock-out as use cases meet it: who must wait for others to finish, waits here.

Whoever finishes in this process wakes the next one; what other processes finish is found by asking
again now and then.
"""

import asyncio
from collections import defaultdict, deque

from application.lockout import Attempt, Busy, Failure, Locked, LockoutCounters

_ASK_AGAIN = 0.5
_PATIENCE = 30.0


class PatientLockout:
    """`Lockout` over counters."""

    def __init__(self, counters: LockoutCounters, *, patience: float = _PATIENCE) -> None:
        """Who has waited for `patience` seconds is told to come back."""
        self._counters = counters
        self._patience = patience
        self._waiting: defaultdict[str, deque[asyncio.Future[None]]] = defaultdict(deque)

    async def reserve(self, account: str, address: str) -> Attempt | Locked:
        """See `Lockout.reserve`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while isinstance(reserved := await self._counters.reserve(account, address), Busy):
            left = deadline - loop.time()
            if left <= 0:
                return Locked(retry_after=1.0)
            await self._turn(reserved.subject, min(left, _ASK_AGAIN))
        return reserved

    async def failed(self, attempt: Attempt) -> Failure:
        """See `LockoutCounters.failed`."""
        try:
            return await self._counters.failed(attempt)
        finally:
            self._wake(attempt)

    async def succeeded(self, attempt: Attempt) -> None:
        """See `LockoutCounters.succeeded`."""
        try:
            await self._counters.succeeded(attempt)
        finally:
            self._wake(attempt)

    async def withdrawn(self, attempt: Attempt) -> None:
        """See `LockoutCounters.withdrawn`."""
        try:
            await self._counters.withdrawn(attempt)
        finally:
            self._wake(attempt)

    async def trust(self, account: str, address: str) -> None:
        """See `LockoutCounters.trust`."""
        await self._counters.trust(account, address)

    async def _turn(self, subject: str, patience: float) -> None:
        """Wait until an attempt on the same subject has finished, but not for ever."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[subject]
        waiting.append(mine)
        try:
            await asyncio.wait({mine}, timeout=patience)
        finally:
            if mine in waiting:
                waiting.remove(mine)
            if not waiting:
                self._waiting.pop(subject, None)

    def _wake(self, attempt: Attempt) -> None:
        """Wake one of those who wait for each subject of this attempt."""
        for subject in (attempt.near, attempt.account, attempt.range):
            waiting = self._waiting.get(subject)
            if waiting:
                waiting.popleft().set_result(None)
