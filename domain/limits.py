"""Rate limits: the policies. The counters are no events; see `application.rate_counter`."""

from datetime import datetime
from typing import Literal, get_args

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import Fault, Invalid, LimitExceeded, NotFound

Algorithm = Literal["fixed_window", "sliding_window", "token_bucket"]
Scope = Literal["account", "session", "address", "tenant"]
ALGORITHMS: tuple[str, ...] = get_args(Algorithm)
SCOPES: tuple[str, ...] = get_args(Scope)

LARGEST_LIMIT = 1_000_000_000
SHORTEST_WINDOW, LONGEST_WINDOW = 0.001, 31 * 86_400.0


class LimitDefined(Event, frozen=True, kw_only=True, tag="limit.defined"):
    """So many requests per window, counted for each value of the scope; `window` in seconds."""

    algorithm: Algorithm
    limit: int
    window: float
    scope: Scope


class DefineLimit(Command, frozen=True, kw_only=True):
    """Say what the limit is from now on."""

    name: str
    algorithm: Algorithm
    limit: int
    window: float
    scope: Scope
    at: datetime


class NoLimit(msgspec.Struct, frozen=True):
    """No such limit was defined."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A policy; `window` in seconds."""

    algorithm: Algorithm
    limit: int
    window: float
    scope: Scope


class NoSuchLimit(NotFound):
    """No such limit was defined."""

    slug = "no-such-limit"
    title = "There is no such limit"


class RateLimited(LimitExceeded):
    """A rate limit is used up for this caller."""

    slug = "rate-limited"
    title = "Too many requests"


def decide(limit: NoLimit | Limit, command: DefineLimit) -> list[LimitDefined]:
    """Define the limit, unless it is so already."""
    faults = []
    if not 1 <= command.limit <= LARGEST_LIMIT:
        detail = f"limit must lie between 1 and {LARGEST_LIMIT}"
        faults.append(Fault(pointer="/limit", code="range", detail=detail))
    if not SHORTEST_WINDOW <= command.window <= LONGEST_WINDOW:
        detail = "window must lie between 1ms and 31d"
        faults.append(Fault(pointer="/window", code="range", detail=detail))
    if faults:
        raise Invalid(*faults)
    wanted = Limit(
        algorithm=command.algorithm,
        limit=command.limit,
        window=command.window,
        scope=command.scope,
    )
    if limit == wanted:
        return []
    return [
        LimitDefined(
            algorithm=wanted.algorithm,
            limit=wanted.limit,
            window=wanted.window,
            scope=wanted.scope,
        )
    ]


def evolve(_limit: NoLimit | Limit, event: LimitDefined) -> Limit:
    """The policy after an event."""
    return Limit(
        algorithm=event.algorithm, limit=event.limit, window=event.window, scope=event.scope
    )


LIMIT: Decider[NoLimit | Limit, DefineLimit, LimitDefined] = Decider(
    category="limit", events=LimitDefined, initial=NoLimit(), decide=decide, evolve=evolve
)
