"""The port to what carries an action out: one attempt of one job, and how it ended.

An executor never decides about retries. It says what happened and whether the same call could
end otherwise at another time; the job and its action's policy do the rest.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

from domain.actions import Target

FailureKind = Literal["connect", "timeout", "status", "refused", "invalid", "broken"]
"""How an attempt fails.

`connect`: the target could not be reached, or the connection broke; `timeout`: no answer in time;
`status`: an answer that is not a success; `refused`: this platform does not call there;
`invalid`: the call cannot be put together; `broken`: the executor itself failed.
"""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a job; `number` counts from 1, `headers` are the action's secret ones."""

    job: str
    action: str
    tenant: str
    number: int
    target: Target
    headers: Mapping[str, str]
    input: Any


class Succeeded(msgspec.Struct, frozen=True, kw_only=True):
    """The action was carried out; `excerpt` is the beginning of the answer, if there was one."""

    status: int | None = None
    excerpt: str | None = None


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The attempt has failed.

    `detail` names no secret and nothing that a person typed in. `not_before` is how many seconds
    the target wants to be left alone for.
    """

    kind: FailureKind
    detail: str
    retryable: bool = True
    status: int | None = None
    excerpt: str | None = None
    not_before: float = 0.0


class Executor(Protocol):
    """Carries out attempts; safe to be called many times at once."""

    async def __call__(self, attempt: Attempt) -> Succeeded | Failed:
        """Carry out one attempt, within the target's timeout. Failure is an answer, no error."""
        ...

    def patience(self, target: Target) -> float:
        """How many seconds an attempt at this target may take at most."""
        ...
