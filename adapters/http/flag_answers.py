"""What a flag answers, on the wire of this API."""

from collections.abc import Callable, Iterable
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


Form = Callable[[FlagSet, str, str, Evaluation], object]
"""From the set, a flag's key, the environment and an evaluation to what is shown of it."""

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


def evaluated(
    call: Call,
    flags: FlagSet,
    keys: Iterable[str],
    environment: str,
    context: Context,
    form: Form = answer_of,
) -> list[bytes]:
    """What flags answer, each encoded in a form; it is counted, unless the set is a past one.

    Most evaluations are made when a flag is compiled, so their encodings are kept with the set.
    """
    kept = flags.kept_answers(form, environment)
    evaluate, answers = flags.evaluate, []
    services, tenant, counted = call.platform.services, call.tenant, not flags.past
    count = services.flag_usage.of(tenant, environment).count
    watched = services.experiments.watched(tenant, environment) if counted else {}
    for key in keys:
        found = evaluate(key, environment, context)
        if counted:
            count(flags, key, found)
        if watched and key in watched:
            services.exposures.see(tenant, watched[key], context, found)
        known = kept.get(id(found))
        if known is not None and known[0] is found:
            answers.append(known[1])
            continue
        encoded = _encode(form(flags, key, environment, found))
        answers.append(encoded)
        if found.error is None:
            kept[id(found)] = found, encoded
        else:
            call.platform.metrics.flag_errors.labels(found.error).inc()
    if counted:
        services.recorded_contexts.offer(flags, tenant, environment, context.raw)
    return answers
