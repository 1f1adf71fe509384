"""What a flag answers, on the wire of this API."""

from typing import Any

import msgspec

from adapters.http.calls import Call
from application.flags.flag_sets import FlagSet
from domain.flags.context import Context
from domain.flags.evaluation import Evaluation
from domain.flags.variants import Payload


class VariantAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The variant that was served."""

    name: str
    enabled: bool
    payload: Payload | None


class FlagAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag answers; `rule` is the id of the rule that decided, if one did.

    `reason` and `error` are OpenFeature's words. `version` is the flag's.
    """

    enabled: bool
    value: Any
    variant: VariantAnswer | None
    reason: str
    version: int
    rule: str
    error: str | None


def answer_of(flags: FlagSet, key: str, found: Evaluation) -> FlagAnswer:
    """An evaluation as it is shown."""
    folded, served = flags.flag(key), found.variant
    return FlagAnswer(
        enabled=found.enabled,
        value=found.value,
        variant=None
        if served is None
        else VariantAnswer(name=served.name, enabled=served.enabled, payload=served.payload),
        reason=found.reason,
        version=0 if folded is None else folded.version,
        rule=found.rule,
        error=found.error,
    )


def evaluated(
    call: Call, flags: FlagSet, key: str, environment: str, context: Context
) -> Evaluation:
    """What a flag answers now; a broken rule is counted."""
    found = flags.evaluate(key, environment, context)
    if found.error is not None:
        call.platform.metrics.flag_errors.labels(found.error).inc()
    return found
