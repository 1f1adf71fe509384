"""Counters of failed sign-ins kept in memory, for tests."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from application.lockout import (
    ACCOUNT_POLICY,
    ADDRESS_POLICY,
    Attempt,
    Failure,
    Locked,
    LockoutPolicy,
    Report,
)

_MINUTE = 60_000


@dataclass
class _Subject:
    failures: int = 0
    until: float = 0
    last: int = 0
    onset: bool = False
    minute: int = 0
    count: int = 0


class MemoryLockout:
    """`Lockout` in one process."""

    def __init__(
        self,
        *,
        account: LockoutPolicy = ACCOUNT_POLICY,
        address: LockoutPolicy = ADDRESS_POLICY,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`clock` gives milliseconds."""
        self._policies = (account, address)
        self._clock = clock
        self._subjects: dict[tuple[int, str], _Subject] = {}

    async def reserve(self, account: str, address: str) -> Attempt | Locked:
        """See `Lockout.reserve`."""
        now = self._clock()
        attempt = Attempt(account=account, address=address)
        wait = max(each.until - now for each in self._of(attempt))
        if wait > 0:
            return Locked(retry_after=wait / 1000)
        for index, policy in enumerate(self._policies):
            subject = self._of(attempt)[index]
            if subject.last and now - subject.last > policy.forget * 1000:
                subject = self._subjects[index, (account, address)[index]] = _Subject()
            subject.failures += 1
            subject.last = now
            pause = policy.pause(subject.failures) * 1000
            subject.until = now + pause if pause else subject.until
        return attempt

    async def failed(self, attempt: Attempt) -> Failure:
        """See `Lockout.failed`."""
        account, address = (
            self._report(subject, policy)
            for subject, policy in zip(self._of(attempt), self._policies, strict=True)
        )
        return Failure(account=account, address=address)

    async def succeeded(self, attempt: Attempt) -> None:
        """See `Lockout.succeeded`."""
        account, address = self._of(attempt)
        account.failures, account.until, account.onset = 0, 0, False
        address.failures, address.until = max(0, address.failures - 1), 0

    def _of(self, attempt: Attempt) -> tuple[_Subject, _Subject]:
        return (
            self._subjects.setdefault((0, attempt.account), _Subject()),
            self._subjects.setdefault((1, attempt.address), _Subject()),
        )

    def _report(self, subject: _Subject, policy: LockoutPolicy) -> Report:
        now = self._clock()
        subject.last = now
        onset = subject.failures >= policy.threshold and not subject.onset
        subject.onset = subject.onset or onset
        minute = now // _MINUTE
        first = subject.minute != minute
        earlier, earlier_minute = (subject.count, subject.minute) if first else (0, 0)
        subject.minute, subject.count = minute, 1 if first else subject.count + 1
        return Report(
            onset=onset,
            first_in_minute=first,
            earlier_failures=earlier,
            earlier_minute=datetime.fromtimestamp(earlier_minute * 60, UTC) if earlier else None,
            locked_for=max(0.0, subject.until - now) / 1000,
        )
