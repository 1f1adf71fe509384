"""What evaluating a flag results in."""

from typing import Any, Literal

import msgspec

from domain.flags.state import About
from domain.flags.variants import FlagKind, Payload, value_of

Reason = Literal["STATIC", "DEFAULT", "TARGETING_MATCH", "SPLIT", "DISABLED", "ERROR", "UNKNOWN"]
"""Why a value was served, in OpenFeature's words."""

ErrorCode = Literal[
    "FLAG_NOT_FOUND",
    "PARSE_ERROR",
    "TARGETING_KEY_MISSING",
    "INVALID_CONTEXT",
    "GENERAL",
    "TYPE_MISMATCH",
]
"""What went wrong, in OpenFeature's words."""

_NOTHING: dict[FlagKind, Any] = {"boolean": False, "string": "", "number": 0, "json": None}


class ServedVariant(msgspec.Struct, frozen=True, kw_only=True):
    """The variant that a context is served."""

    name: str
    enabled: bool = True
    payload: Payload | None = None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag answers in a context; `rule` is the id of the rule that decided, if one did."""

    enabled: bool
    value: Any
    variant: ServedVariant | None
    reason: Reason
    rule: str = ""
    error: ErrorCode | None = None


NOT_FOUND = Evaluation(
    enabled=False, value=None, variant=None, reason="ERROR", error="FLAG_NOT_FOUND"
)


def default_of(about: About) -> Any:
    """The value that the flag has declared for when it is off or cannot be evaluated."""
    return _NOTHING[about.kind] if about.default is None else about.default


def off(about: About, reason: Reason) -> Evaluation:
    """A flag that is off: false, or the declared default where it is not of yes and no."""
    value = False if about.kind == "boolean" else default_of(about)
    return Evaluation(enabled=False, value=value, variant=None, reason=reason)


def failed(about: About, rule: str, error: ErrorCode) -> Evaluation:
    """A flag that cannot be evaluated: the declared default, and what went wrong."""
    value = default_of(about)
    return Evaluation(
        enabled=value is True, value=value, variant=None, reason="ERROR", rule=rule, error=error
    )


def on(about: About, rule: str, reason: Reason, served: ServedVariant | None) -> Evaluation:
    """A flag that is on, with the variant's value or, without one, the declared default."""
    payload = None if served is None else served.payload
    try:
        value = value_for(about.kind, payload)
    except ValueError:
        return failed(about, rule, "TYPE_MISMATCH")
    if value is None and (payload is None or about.kind != "json"):
        value = default_of(about)
    return Evaluation(enabled=True, value=value, variant=served, reason=reason, rule=rule)


def value_for(kind: FlagKind, payload: Payload | None) -> Any:
    """What a variant's payload means to a flag of a kind; None for a kind's lack of one.

    Flags of yes and no are on whatever a payload says, unless it is true or false itself.

    Raises:
        ValueError: the payload is not of the flag's kind.
    """
    if kind == "boolean":
        return payload != Payload(type="json", value="false")
    if payload is None:
        return None
    try:
        value = value_of(payload)
    except RecursionError:
        raise ValueError("is too deep") from None
    plain = not isinstance(value, bool)
    if kind == "string" and not isinstance(value, str):
        raise ValueError("is not a text")
    if kind == "number" and not (plain and isinstance(value, int | float)):
        raise ValueError("is not a number")
    return value
