"""The port to the counters of failed sign-ins.

Failures are counted per account and range of addresses (`near`), per account from everywhere, and
per range over all accounts. The first stops who guesses from one place and harms nobody else;
the second stops who guesses from many places; the third who tries one password on many accounts.

A stranger could keep a person out by guessing from many places, but for this: a range from which an
account has signed in, or chosen a new password by mail, is known to it for a month, and the
account's lock against everywhere does not hold there (OWASP's device cookies, without the cookie).

A sign-in is reserved before its password is checked, as if it had failed: while so many are under
way that all failing would lock, the next one waits its turn. So guesses sent at once get no further
than guesses sent one by one, and right passwords sent at once all get in. An attempt that is never
finished counts as a failure.

Failures are forgotten steadily, all of a threshold in the time `forget`; those of an account at
once when an admin lifts its lock-out.

Fails closed: a sign-in needs Redis for its session anyway, so an `Outage` is a 503.
"""

from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Literal, Protocol

import msgspec
from typing_extensions import override


class LockoutPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How many failures are free, and how long the pauses behind them are; times in seconds.

    The failure that reaches `threshold` brings a pause of `delay`; each further one doubles it,
    up to `longest`.
    """

    threshold: int
    delay: float
    longest: float
    forget: float

    def pause(self, failures: int) -> float:
        """The seconds for which nothing may be tried after so many failures."""
        over = failures - self.threshold
        return 0.0 if over < 0 else min(self.longest, self.delay * 2.0 ** min(over, 60))


class LockoutPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """The policy of each count; attempts that are not finished within `orphan` have failed.

    Ranges stay known to an account for the time `known`, in seconds.
    """

    near: LockoutPolicy = LockoutPolicy(threshold=5, delay=30.0, longest=3600.0, forget=86_400.0)
    account: LockoutPolicy = LockoutPolicy(
        threshold=50, delay=30.0, longest=3600.0, forget=86_400.0
    )
    range: LockoutPolicy = LockoutPolicy(threshold=100, delay=30.0, longest=3600.0, forget=86_400.0)
    orphan: float = 60.0
    known: float = 30 * 86_400.0


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A reserved attempt: the names it counts under (in Redis, keyed hashes)."""

    near: str
    account: str
    range: str


class Locked(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing may be tried for `retry_after` seconds; nothing was counted."""

    retry_after: float


class Busy(msgspec.Struct, frozen=True):
    """So many attempts are under way that this one must wait for one of them to finish."""

    subject: str


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What a failure means to the account.

    `onset` tells of a lock that is news: of the first one from a range ("near"), which a right
    password makes news again; and of each that holds "everywhere", as every failure behind the
    threshold brings or prolongs that one. `first_in_minute` is true for an
    account's first failure in a minute; then `earlier_failures` happened in the minute
    `earlier_minute` (its begin), the last one before that had any: so one event per account and
    minute tells all failures but those of the last minute. `locked_for` is the pause that `onset`
    tells of, or else the longest now in force, in seconds.
    """

    onset: Literal["", "near", "everywhere"]
    first_in_minute: bool
    earlier_failures: int
    earlier_minute: datetime | None
    locked_for: float


class CountedFailures(Protocol):
    """The failures that are counted of an account, named as in `LockoutCounters`."""

    async def any_of(self, account: str) -> bool:
        """Whether any was counted since they were last forgotten; some may not count any more."""
        ...

    async def forget(self, account: str) -> None:
        """Forget those of the account: from each range, and from everywhere.

        Its locks hold no more, and the next one is news. What is under way, the ranges that the
        account knows, and what a range has failed at over all accounts stay.
        """
        ...


class LockoutCounters(CountedFailures, Protocol):
    """Counts failed sign-ins.

    Callers name account and address in clear (the account by its canonical e-mail address, whether
    it exists or not); only keyed hashes are kept. All methods raise `Outage` when the counters do
    not answer.
    """

    async def reserve(self, account: str, address: str) -> Attempt | Locked | Busy:
        """Count an attempt as under way, unless a lock holds or too many are."""
        ...

    async def failed(self, attempt: Attempt) -> Failure:
        """The password was wrong: count it, and tell what it means."""
        ...

    async def succeeded(self, attempt: Attempt) -> None:
        """The password was right: forget the failures from here, and know the range.

        The account's other failures and the range's stay counted, or who owns one account could
        guess at all of them.
        """
        ...

    async def withdrawn(self, attempt: Attempt) -> None:
        """The password was right, and not enough: nothing was guessed, and nothing is forgotten."""
        ...

    async def trust(self, account: str, address: str) -> None:
        """Who is at this address has shown by mail whose account it is: let them try."""
        ...


class Lockout(LockoutCounters, Protocol):
    """The counters, with patience: an attempt that must wait its turn does so within `reserve`."""

    @override
    async def reserve(self, account: str, address: str) -> Attempt | Locked:
        """As the counters, but never `Busy`."""
        ...


def address_range(address: str) -> str:
    """The range that counts as one place: of IPv4 a /24, of IPv6 a /64; else the text itself.

    A household or a phone has a whole /64. An IPv4 /24 belongs to one provider and place, so people
    who get another address of it tomorrow are still known there.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ip_network((mapped, 24 if mapped.version == 4 else 64), strict=False))  # noqa: PLR2004
