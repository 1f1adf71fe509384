"""Limits: whether a caller may still do this, by the policy that is in force now."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from application.access import Principal
from application.current import CurrentStates
from application.event_store import Outage
from application.rate_counter import LimitPolicy, RateCounter, Verdict
from domain.limits import LIMIT, Limit, NoSuchLimit, RateLimited


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is counted; `address` is the client's, as far as it can be trusted."""

    principal: Principal
    address: str


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What a check has left: the policy and the verdict, for the RateLimit fields."""

    policy: LimitPolicy
    verdict: Verdict


@dataclass(frozen=True)
class RateLimiter:
    """Checks limits for other capabilities.

    Fails open: when Redis is down the answer is None, nothing is refused, and `on_open` is told
    (it counts a metric). So it is when the policy itself cannot be read.
    """

    current: CurrentStates
    counter: RateCounter
    on_open: Callable[[str], None]

    async def check(self, name: str, caller: Caller) -> Allowance | None:
        """Count one request of a caller against a limit.

        Raises:
            NoSuchLimit: when no such limit is defined.
            RateLimited: when it is used up, with the allowance among its facts.
        """
        tenant = caller.principal.tenant
        try:
            limit = await self.current.get(LIMIT, name, tenant)
        except Outage:
            self.on_open(name)
            return None
        if not isinstance(limit, Limit):
            raise NoSuchLimit(f"There is no limit named {name}.", limit=name)
        return await self.count(name, tenant, limit, _subject(limit.scope, caller))

    async def count(self, name: str, tenant: str, limit: Limit, subject: str) -> Allowance | None:
        """Count one request of a subject against a policy.

        Raises:
            RateLimited: when it is used up.
        """
        policy = LimitPolicy(
            name=name,
            tenant=tenant,
            algorithm=limit.algorithm,
            limit=limit.limit,
            window=limit.window,
        )
        try:
            verdict = await self.counter.check(policy, subject)
        except Outage:
            self.on_open(name)
            return None
        allowance = Allowance(policy=policy, verdict=verdict)
        if not verdict.allowed:
            raise LimitUsedUp(allowance)
        return allowance


class LimitUsedUp(RateLimited):
    """A rate limit is used up; bears what the RateLimit fields need."""

    def __init__(self, allowance: Allowance) -> None:
        """Name the limit and when to come back."""
        policy, verdict = allowance.policy, allowance.verdict
        super().__init__(
            f"The limit {policy.name} allows {policy.limit} per {policy.window:g} s.",
            retry_after=verdict.retry_after,
            limit=policy.name,
        )
        self.allowance = allowance


def _subject(scope: str, caller: Caller) -> str:
    match scope:
        case "address":
            return caller.address
        case "session":
            return caller.principal.session or caller.principal.actor
        case "tenant":
            return caller.principal.tenant
        case _:
            return caller.principal.actor
