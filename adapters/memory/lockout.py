"""Counters of failed sign-ins kept in memory, for tests."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from application.lockout import (
    Attempt,
    Busy,
    Failure,
    Locked,
    LockoutPolicies,
    LockoutPolicy,
    address_range,
)

_MINUTE = 60_000


@dataclass
class _Subject:
    policy: LockoutPolicy
    failures: float = 0
    last: int = 0
    flying: int = 0
    since: int = 0
    until: float = 0

    def count(self, now: int) -> float:
        gone, forget = now - self.last, self.policy.forget * 1000
        if gone > forget:
            return 0
        return max(0.0, self.failures - gone * self.policy.threshold / forget)

    def whole(self, now: int) -> int:
        return math.ceil(self.count(now) - 0.01)

    def fail(self, now: int, count: int) -> None:
        self.failures, self.last = self.count(now) + count, now
        pause = self.policy.pause(self.whole(now)) * 1000
        self.until = now + pause if pause else self.until

    def forget(self) -> None:
        self.failures, self.until = 0, 0

    def is_busy(self, now: int) -> bool:
        return self.flying >= max(1, self.policy.threshold - self.whole(now))


@dataclass
class _Account(_Subject):
    places: dict[str, _Subject] = field(default_factory=dict)
    told_near: bool = False
    minute: int = 0
    count_in_minute: int = 0


class MemoryLockout:
    """`LockoutCounters` in one process."""

    def __init__(
        self,
        *,
        policies: LockoutPolicies | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`clock` gives milliseconds."""
        self._policies = policies or LockoutPolicies()
        self._clock = clock
        self._subjects: dict[str, _Subject] = {}
        self._accounts: dict[str, _Account] = {}
        self._known: dict[str, float] = {}

    async def reserve(self, account: str, address: str) -> Attempt | Locked | Busy:
        """See `LockoutCounters.reserve`."""
        now, attempt = self._clock(), _attempt(account, address)
        subjects = self._of(attempt)
        for each in subjects.values():
            if each.flying and now - each.since > self._policies.orphan * 1000:
                each.fail(now, each.flying)
                each.flying = 0
        known = self._known.get(attempt.near, 0) > now
        held = {name: each for name, each in subjects.items() if not (known and _is_account(each))}
        wait = max(each.until - now for each in held.values())
        if wait > 0:
            return Locked(retry_after=wait / 1000)
        busy = next((name for name, each in held.items() if each.is_busy(now)), None)
        if busy is not None:
            return Busy(busy)
        for each in subjects.values():
            each.flying, each.since = each.flying + 1, now
        return attempt

    async def failed(self, attempt: Attempt) -> Failure:
        """See `LockoutCounters.failed`."""
        now = self._clock()
        for each in self._of(attempt).values():
            each.flying = max(0, each.flying - 1)
            each.fail(now, 1)
        account = self._accounts[attempt.account]
        near = account.places[attempt.near]
        onset = _onset(near, account, now)
        locks = (account,) if onset == "everywhere" else (near, account)
        minute = now // _MINUTE
        first = account.minute != minute
        earlier, earlier_minute = (account.count_in_minute, account.minute) if first else (0, 0)
        account.minute = minute
        account.count_in_minute = 1 if first else account.count_in_minute + 1
        return Failure(
            onset=onset,
            first_in_minute=first,
            earlier_failures=earlier,
            earlier_minute=datetime.fromtimestamp(earlier_minute * 60, UTC) if earlier else None,
            locked_for=max(0.0, *(each.until - now for each in locks)) / 1000,
        )

    async def succeeded(self, attempt: Attempt) -> None:
        """See `LockoutCounters.succeeded`."""
        await self.withdrawn(attempt)
        self._accounts[attempt.account].told_near = False
        self._know(attempt)

    async def withdrawn(self, attempt: Attempt) -> None:
        """See `LockoutCounters.withdrawn`."""
        for each in self._of(attempt).values():
            each.flying = max(0, each.flying - 1)

    async def trust(self, account: str, address: str) -> None:
        """See `LockoutCounters.trust`."""
        self._know(_attempt(account, address))

    async def any_of(self, account: str) -> bool:
        """See `CountedFailures.any_of`."""
        counted = self._accounts.get(_account(account))
        return counted is not None and counted.failures > 0

    async def forget(self, account: str) -> None:
        """See `CountedFailures.forget`."""
        counted = self._accounts.get(_account(account))
        if counted is None:
            return
        counted.told_near = False
        for each in (counted, *counted.places.values()):
            each.forget()

    def _know(self, attempt: Attempt) -> None:
        self._of(attempt)[attempt.near].forget()
        self._known[attempt.near] = self._clock() + self._policies.known * 1000

    def _of(self, attempt: Attempt) -> dict[str, _Subject]:
        policies = self._policies
        account = self._accounts.setdefault(attempt.account, _Account(policies.account))
        return {
            attempt.near: account.places.setdefault(attempt.near, _Subject(policies.near)),
            attempt.account: account,
            attempt.range: self._subjects.setdefault(attempt.range, _Subject(policies.range)),
        }


def _onset(near: _Subject, account: _Account, now: int) -> Literal["", "near", "everywhere"]:
    if account.whole(now) >= account.policy.threshold:
        return "everywhere"
    if near.whole(now) >= near.policy.threshold and not account.told_near:
        account.told_near = True
        return "near"
    return ""


def _is_account(subject: _Subject) -> bool:
    return isinstance(subject, _Account)


def _attempt(account: str, address: str) -> Attempt:
    place = address_range(address)
    return Attempt(near=f"near {place} {account}", account=_account(account), range=place)


def _account(account: str) -> str:
    return f"account {account}"
