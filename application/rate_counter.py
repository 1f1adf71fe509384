"""The port to the counters behind rate limits.

Counters are no events: they are lost without loss. So whoever asks fails open when they do not
answer, and says so in a metric (`application.limits`).
"""

from typing import Protocol

import msgspec

from domain.limits import Algorithm


class LimitPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed: `limit` units in every `window` seconds, counted per subject.

    `fixed_window` counts in windows aligned to the epoch, `sliding_window` weighs the last window
    by how much of it still overlaps, `token_bucket` refills steadily and holds at most `burst`
    units (`limit`, where it is None; the other algorithms ignore it).
    """

    name: str
    tenant: str
    algorithm: Algorithm
    limit: int
    window: float
    burst: int | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a check.

    `remaining` units are left after it. `reset_after` is the time in seconds until all of the
    quota is back if nothing more is asked, `retry_after` the time until the same check would be
    allowed: 0 where it was, infinite where its cost is more than the limit ever holds.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_after: float
    retry_after: float


class RateCounter(Protocol):
    """Counts what subjects use up, atomically: racing checks never allow more than the limit.

    A subject (an address, an account) may be personal: only a keyed hash of it is kept. What is
    refused uses nothing up. A policy that changes its limit keeps its counts; one that changes
    its algorithm or its window starts anew. All methods raise `Outage` when the counters do not
    answer; after an outage of unknown outcome the cost may have been counted.
    """

    async def check(self, policy: LimitPolicy, subject: str, cost: int = 1) -> Verdict:
        """Use up `cost` units (at least 1) if they are left, and tell how it stands."""
        ...

    async def peek(self, policy: LimitPolicy, subject: str) -> Verdict:
        """How it stands; `allowed` and `retry_after` are those of a check that costs 1."""
        ...

    async def reset(self, policy: LimitPolicy, subject: str) -> None:
        """Give a subject all of its quota back."""
        ...
