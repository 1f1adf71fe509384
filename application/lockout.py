"""The port to the counters of failed sign-ins.

A sign-in is reserved before its password is checked, as if it had failed: so many guesses sent at
once get no further than the same guesses sent one by one, and an attempt that is never finished
counts as a failure. Only a right password takes the reservation back.

Fails closed: a sign-in needs Redis for its session anyway, so an `Outage` is a 503.
"""

from datetime import datetime
from typing import Protocol

import msgspec


class LockoutPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How many failures are free, and how long the pauses behind them are; times in seconds.

    The failure that reaches `threshold` brings a pause of `delay`; each further one doubles it,
    up to `longest`. Without a failure for `forget` everything is forgotten.
    """

    threshold: int
    delay: float
    longest: float
    forget: float

    def pause(self, failures: int) -> float:
        """The seconds for which nothing may be tried after so many failures."""
        over = failures - self.threshold
        return 0.0 if over < 0 else min(self.longest, self.delay * 2.0 ** min(over, 60))


ACCOUNT_POLICY = LockoutPolicy(threshold=5, delay=30.0, longest=3600.0, forget=86_400.0)
ADDRESS_POLICY = LockoutPolicy(threshold=100, delay=30.0, longest=3600.0, forget=86_400.0)
"""An address may stand for a whole office, so it has more failures free."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A reserved attempt: `account` and `address` are the keyed hashes it counts under."""

    account: str
    address: str


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing may be tried for `retry_after` seconds; nothing was counted."""

    retry_after: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a failure means to one subject.

    `onset` is true for the one failure that crosses the threshold. `first_in_minute` is true for
    a subject's first failure in a minute; then `earlier_failures` happened in the minute
    `earlier_minute` (its begin), the last one before that had any: so one event per subject and
    minute tells all failures but those of the last minute. `locked_for` is the pause now in
    force, in seconds.
    """

    onset: bool
    first_in_minute: bool
    earlier_failures: int
    earlier_minute: datetime | None
    locked_for: float


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What a failure means to the account and to the address."""

    account: Report
    address: Report


class Lockout(Protocol):
    """Counts failed sign-ins per account and per address.

    Callers name both in clear (the account by its canonical address, whether it exists or not);
    only keyed hashes are kept. All methods raise `Outage` when the counters do not answer.
    """

    async def reserve(self, account: str, address: str) -> Attempt | Locked:
        """Count an attempt as a failure of both, unless one of them is locked."""
        ...

    async def failed(self, attempt: Attempt) -> Failure:
        """The password was wrong: leave the count as it is, and tell what it means."""
        ...

    async def succeeded(self, attempt: Attempt) -> None:
        """The password was right: forget the account's failures, and this one of the address's.

        The address keeps its others, or who owns one account could guess at all of them.
        """
        ...
