"""What a flag answers, on the wire of this API."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from adapters.http.calls import Call
from application.flags.flag_set import FlagSet
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


Form = Callable[[FlagSet, str, str, Evaluation], bytes]
"""From the set, a flag's key, the environment and an evaluation to what is shown of it, encoded."""

_encode = msgspec.json.Encoder().encode


def answer_of(flags: FlagSet, key: str, _environment: str, found: Evaluation) -> FlagAnswer:
    """An evaluation as this API shows it."""
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


def alone(flags: FlagSet, key: str, environment: str, found: Evaluation) -> bytes:
    """A flag's answer by itself."""
    return _encode(answer_of(flags, key, environment, found))


def among_others(flags: FlagSet, key: str, environment: str, found: Evaluation) -> bytes:
    """A flag's answer as a member of an object, under its key."""
    return b"%b:%b" % (_encode(key), alone(flags, key, environment, found))


def evaluated(
    call: Call,
    flags: FlagSet,
    keys: Collection[str],
    environment: str,
    context: Context,
    form: Form,
) -> list[bytes]:
    """What flags answer, each encoded in a form; it is counted, unless the set is a past one.

    Most evaluations are made when a flag is compiled, so their encodings are kept with the set.
    """
    found = flags.evaluate_each(keys, environment, context)
    if not flags.past:
        _note(call, flags, keys, environment, context, found)
    kept = flags.kept_answers(form, environment)
    answers = []
    for key, each in zip(keys, found, strict=True):
        known = kept.get(id(each))
        if known is not None:
            answers.append(known[1])
            continue
        encoded = form(flags, key, environment, each)
        answers.append(encoded)
        if each.error is None:
            kept[id(each)] = each, encoded
        else:
            call.platform.metrics.flag_errors.labels(each.error).inc()
    return answers


def _note(
    call: Call,
    flags: FlagSet,
    keys: Collection[str],
    environment: str,
    context: Context,
    found: Sequence[Evaluation],
) -> None:
    """Count evaluations, and remember whom they expose and in which context they were made."""
    services, tenant = call.platform.services, call.tenant
    services.flag_usage.of(tenant, environment).count_each(flags, keys, found)
    watched = services.experiments.watched(tenant, environment)
    if watched:
        for key, each in zip(keys, found, strict=True):
            if key in watched:
                services.exposures.see(tenant, watched[key], context, each)
    services.recorded_contexts.offer(flags, tenant, environment, context.raw)
