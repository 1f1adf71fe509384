"""The lock-out as use cases meet it: who must wait for others to finish, waits here.

Whoever finishes in this process wakes the next one; what other processes finish is found by asking
again now and then.
"""

import asyncio
from bisect import insort
from collections import defaultdict
from itertools import count

from application.lockout import Attempt, Busy, Failure, Locked, LockoutCounters

_ASK_AGAIN = 2.0
_PATIENCE = 60.0

Turn = tuple[int, asyncio.Future[None]]
"""Who waits, by their number: who came first goes first."""


class PatientLockout:
    """`Lockout` over counters."""

    def __init__(self, counters: LockoutCounters, *, patience: float = _PATIENCE) -> None:
        """Who has waited for `patience` seconds is told to come back."""
        self._counters = counters
        self._patience = patience
        self._numbers = count()
        self._waiting: defaultdict[str, list[Turn]] = defaultdict(list)

    async def reserve(self, account: str, address: str) -> Attempt | Locked:
        """See `Lockout.reserve`."""
        number, loop = next(self._numbers), asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while isinstance(reserved := await self._counters.reserve(account, address), Busy):
            left = deadline - loop.time()
            if left <= 0:
                return Locked(retry_after=1.0)
            await self._turn(number, reserved.subject, min(left, _ASK_AGAIN))
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

    async def any_of(self, account: str) -> bool:
        """See `CountedFailures.any_of`."""
        return await self._counters.any_of(account)

    async def forget(self, account: str) -> None:
        """See `CountedFailures.forget`."""
        await self._counters.forget(account)

    async def _turn(self, number: int, subject: str, patience: float) -> None:
        """Wait until an attempt on the same subject has finished, but not for ever."""
        turn = number, asyncio.get_running_loop().create_future()
        waiting = self._waiting[subject]
        insort(waiting, turn)
        try:
            await asyncio.wait({turn[1]}, timeout=patience)
        finally:
            if turn in waiting:
                waiting.remove(turn)
            if not waiting:
                self._waiting.pop(subject, None)

    def _wake(self, attempt: Attempt) -> None:
        """Wake the first of those who wait for each subject of this attempt."""
        for subject in (attempt.near, attempt.account, attempt.range):
            waiting = self._waiting.get(subject)
            if waiting:
                waiting.pop(0)[1].set_result(None)
