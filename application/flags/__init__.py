"""Flags: evaluated from what each process keeps of them, and changed by edits.

`flag_sets` keeps every flag of a tenant and follows the log; `changes` and `imports` carry
commands out; `past` evaluates with the flags of another moment; `usage` counts evaluations.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from application.event_store import Outage
from application.flags.flag_sets import FlagSets
from application.flags.usage import UsageCounts
from domain.flags.context import Context
from domain.flags.state import DEFAULT_ENVIRONMENT

__all__ = ["DEFAULT_ENVIRONMENT", "CurrentFlags", "FlagEvaluator", "MakesContext"]


class FlagEvaluator(Protocol):
    """Answers for other capabilities. When all stores are down, the answer is `default`."""

    async def __call__(
        self,
        flag: str,
        subject: str,
        *,
        tenant: str,
        environment: str = DEFAULT_ENVIRONMENT,
        default: bool = False,
    ) -> bool:
        """Whether the flag is on for the subject; never raises."""
        ...


class MakesContext(Protocol):
    """Makes a context at the time it is, or at another, with chance of its own."""

    def __call__(
        self, raw: dict[str, Any], environment: str, at: datetime | None = None
    ) -> Context:
        """A context from what a caller sent; it is in the environment, unless it says another."""
        ...


@dataclass(frozen=True)
class CurrentFlags:
    """Evaluates with the flags as they are now."""

    sets: FlagSets
    context: MakesContext
    usage: UsageCounts

    async def __call__(
        self,
        flag: str,
        subject: str,
        *,
        tenant: str,
        environment: str = DEFAULT_ENVIRONMENT,
        default: bool = False,
    ) -> bool:
        """See `FlagEvaluator`."""
        try:
            flags = await self.sets.of(tenant)
        except Outage:
            return default
        if not flags.knows(flag):
            return False
        context = self.context({"userId": subject}, environment)
        found = flags.evaluate(flag, environment, context)
        self.usage.of(tenant, environment).count(flags, flag, found)
        return found.value is True
