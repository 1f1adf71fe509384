"""Flags: whether one is on for a subject, answered from what the process keeps."""

from dataclasses import dataclass
from typing import Protocol

from application.current import CurrentStates
from application.event_store import Outage
from domain.flags import FLAG, is_on

DEFAULT_ENVIRONMENT = "default"


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


@dataclass(frozen=True)
class CurrentFlags:
    """Evaluates against the current states."""

    current: CurrentStates

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
            state = await self.current.get(FLAG, flag, tenant)
        except Outage:
            return default
        return is_on(state, environment, subject)
