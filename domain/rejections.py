"""The kinds of refusal that a decision or a use case may answer with.

A rejection states a fact about the request, never about the machinery. Leaves sit beside the
decider that raises them; their `slug` is permanent, because it becomes the problem type that
clients match on. Only the HTTP adapter knows status numbers.
"""

from typing import ClassVar

import msgspec


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with an input, found at `pointer` (RFC 6901, "" is the whole)."""

    pointer: str
    code: str
    detail: str


class Rejection(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """A command was understood and refused."""

    slug: ClassVar[str] = "rejected"
    title: ClassVar[str] = "The request was refused"
    final: ClassVar[bool] = True
    """Whether the same request would be refused again: then a replay by key answers with this."""

    def __init__(self, detail: str = "", **facts: object) -> None:
        """Say why, in a sentence for a person; `facts` become members of the problem document."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.facts = facts


class Invalid(Rejection):
    """The input breaks a rule; nothing was changed."""

    slug = "invalid"
    title = "The input is not valid"

    def __init__(self, *faults: Fault, detail: str = "", **facts: object) -> None:
        """List everything that is wrong, not only the first thing."""
        super().__init__(detail or "; ".join(fault.detail for fault in faults), **facts)
        self.faults = faults


class Unauthenticated(Rejection):
    """The caller is not who a caller must be; one neutral text for every cause."""

    slug = "unauthenticated"
    final = False
    title = "Sign in to do this"


class Forbidden(Rejection):
    """The caller is known and may not do this."""

    slug = "forbidden"
    title = "You may not do this"


class NotFound(Rejection):
    """There is no such thing, or none that the caller may see."""

    slug = "not-found"
    title = "There is no such thing"


class Conflict(Rejection):
    """The thing is in a state that does not allow this."""

    slug = "conflict"
    title = "The state of the thing does not allow this"


class StaleVersion(Rejection):
    """The caller's `If-Match` names a version that is not the current one."""

    slug = "stale-version"
    title = "The thing has changed since you read it"


class LimitExceeded(Rejection):
    """A rate limit is used up; `retry_after` is in seconds."""

    slug = "limit-exceeded"
    final = False
    title = "Too many requests"

    def __init__(self, detail: str = "", *, retry_after: float, **facts: object) -> None:
        """Say when to try again."""
        super().__init__(detail, **facts)
        self.retry_after = retry_after
