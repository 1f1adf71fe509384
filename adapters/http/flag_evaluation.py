"""Evaluating flags over HTTP: now, as it was, why, and what a draft would change."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.flag_answers import FlagAnswer, alone, among_others, answer_of, evaluated
from adapters.http.flag_shapes import Rules, Variants, missing, with_ids
from adapters.http.moments import Moment, consistent_after, in_utc, position_of
from adapters.http.names import Name, known_foreign_name
from adapters.http.operations import operation
from application.flags import DEFAULT_ENVIRONMENT
from application.flags.flag_set import FlagSet
from application.flags.past import PastFlags
from domain.flags.checking import faults_of_setting
from domain.flags.evaluation import compile_flag
from domain.flags.explaining import Explanation, explain
from domain.flags.rules import EVERYBODY
from domain.flags.state import Flag
from domain.rejections import Conflict, Invalid

EVALUATE, READ, WRITE = "flags:evaluate", "flags:read", "flags:write"

RawContext = Annotated[dict[str, Any], msgspec.Meta(description="Unleash's or OpenFeature's.")]
Key = Annotated[str, msgspec.Meta(max_length=100)]


class EvaluateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which flags (all, without `keys`), where, for whom, and when (now, without `at`)."""

    environment: Name = DEFAULT_ENVIRONMENT
    keys: Annotated[tuple[Key, ...], msgspec.Meta(max_length=10_000)] | None = None
    context: RawContext = {}
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class EvaluateOneBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where, and for whom."""

    environment: Name = DEFAULT_ENVIRONMENT
    context: RawContext = {}


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """What each flag answers, by key."""

    flags: dict[str, FlagAnswer]


class DraftBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A setting that is not in force, and the contexts to try it on: recorded ones, unless given.

    To try it on recorded ones takes the permission to change flags, because the answer shows them.
    """

    contexts: (
        Annotated[tuple[RawContext, ...], msgspec.Meta(min_length=1, max_length=10_000)] | None
    ) = None
    environment: Name = DEFAULT_ENVIRONMENT
    enabled: bool = True
    rollout: Annotated[int, msgspec.Meta(ge=0, le=EVERYBODY)] | None = None
    rules: Rules | None = None
    variants: Variants | None = None
    version: Annotated[int, msgspec.Meta(ge=1, le=2**62)] | None = None


class StaleDraft(Conflict):
    """The flag has changed since the draft was made."""

    slug = "stale-draft"
    title = "The flag has changed since the draft was made"


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """A context that would be answered otherwise."""

    context: dict[str, Any]
    before: FlagAnswer
    after: FlagAnswer


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft would change: how many were tried, and who would be answered otherwise."""

    tried: int
    flipped: int
    flips: list[Flip]


MOST_FLIPS = 1000


async def current_flags(call: Call) -> FlagSet:
    """The caller's flags, not older than `Annals-Consistent-After`."""
    sets = call.platform.services.flag_sets
    after = await consistent_after(call)
    if after is not None:
        await sets.reached(after.number)
    await call.platform.services.experiments.ready(call.tenant)
    return await sets.of(call.tenant)


async def _flags_at(
    call: Call, keys: Iterable[str] | None, moment: Moment
) -> tuple[FlagSet, datetime | None]:
    """The flags as they are (and None), or as they were, and when that was."""
    flags = await current_flags(call)
    position = await position_of(call, moment)
    if position is None:
        return flags, None
    platform = call.platform
    incarnation = platform.tail.incarnation or (await platform.store.tail()).incarnation
    past = PastFlags(platform.pipeline, incarnation)
    found = await past.at(call.tenant, flags.keys() if keys is None else keys, position)
    if moment.at is not None:
        return found, in_utc(moment.at, "/at")
    events = await platform.store.read_log(after=max(position - 1, 0), limit=1)
    return found, events[0].recorded_at if events else None


@operation(
    "POST",
    "/v1/flags/evaluate",
    needs=EVALUATE,
    body=EvaluateBody,
    answers={200: Evaluated},
    keyed=False,
)
async def evaluate_flags(call: Call, body: EvaluateBody) -> Answer:
    """Evaluate flags for one context; archived ones only where they are named."""
    named = None if body.keys is None else dict.fromkeys(body.keys)
    flags, then = await _flags_at(call, named, Moment(at=body.at))
    context = call.platform.services.flag_context(body.context, body.environment, then)
    keys = flags.in_use() if named is None else named
    members = evaluated(call, flags, keys, body.environment, context, among_others)
    return Answer(200, b'{"flags":{%b}}' % b",".join(members))


@operation(
    "POST",
    "/v1/flags/{key}/evaluate",
    needs=EVALUATE,
    body=EvaluateOneBody,
    query=Moment,
    answers={200: FlagAnswer},
    keyed=False,
)
async def evaluate_flag(call: Call, body: EvaluateOneBody, moment: Moment) -> Answer:
    """Evaluate one flag, now or with the rules, segments and prerequisites of a moment."""
    key = known_foreign_name(call.params["key"], missing)
    flags, then = await _flags_at(call, (key,), moment)
    if not flags.knows(key):
        raise missing(key)
    context = call.platform.services.flag_context(body.context, body.environment, then)
    [answer] = evaluated(call, flags, (key,), body.environment, context, alone)
    return Answer(200, answer)


@operation(
    "POST",
    "/v1/flags/{key}/explain",
    needs=READ,
    body=EvaluateOneBody,
    query=Moment,
    answers={200: Explanation},
    keyed=False,
)
async def explain_flag(call: Call, body: EvaluateOneBody, moment: Moment) -> Answer:
    """Say which rule decides, and why, now or at a moment."""
    key = known_foreign_name(call.params["key"], missing)
    flags, then = await _flags_at(call, (key,), moment)
    folded = flags.flag(key)
    if folded is None:
        raise missing(key)
    context = call.platform.services.flag_context(body.context, body.environment, then)
    environment = body.environment
    explanation = explain(
        key,
        folded.state,
        environment,
        flags.segments,
        lambda other, inner: flags.evaluate(other, environment, inner),
        context,
    )
    return json_answer(explanation)


@operation(
    "POST",
    "/v1/flags/{key}/try",
    needs=READ,
    body=DraftBody,
    answers={200: Trial},
    keyed=False,
)
async def try_draft(call: Call, body: DraftBody) -> Answer:
    """Evaluate a draft beside what is in force, and list who would be answered otherwise."""
    key = known_foreign_name(call.params["key"], missing)
    flags = await current_flags(call)
    folded = flags.flag(key)
    if folded is None:
        raise missing(key)
    if body.version not in (None, folded.version):
        raise StaleDraft(f"The flag is at version {folded.version} now.", version=folded.version)
    draft = _drafted(folded.state, body, flags)
    environment = body.environment
    evaluate = compile_flag(
        key,
        draft,
        environment,
        flags.segments,
        lambda other, inner: flags.evaluate(other, environment, inner),
    )
    contexts: Sequence[RawContext]
    if body.contexts is not None:
        contexts = body.contexts
    else:
        call.require(WRITE)
        contexts = await call.platform.services.recorded_contexts.read(call.tenant, environment)
    flips = []
    for raw in contexts:
        context = call.platform.services.flag_context(raw, environment)
        before, after = flags.evaluate(key, environment, context), evaluate(context)
        if (before.value, before.variant) != (after.value, after.variant):
            flips.append(
                Flip(
                    context=raw,
                    before=answer_of(flags, key, environment, before),
                    after=answer_of(flags, key, environment, after),
                )
            )
    return json_answer(Trial(tried=len(contexts), flipped=len(flips), flips=flips[:MOST_FLIPS]))


def _drafted(flag: Flag, body: DraftBody, flags: FlagSet) -> Flag:
    now = flag.setting(body.environment)
    setting = msgspec.structs.replace(
        now,
        enabled=body.enabled,
        rollout=now.rollout if body.rollout is None else body.rollout,
        rules=now.rules if body.rules is None else with_ids(body.rules),
        variants=now.variants if body.variants is None else body.variants,
    )
    faults = faults_of_setting(setting, flag.about, flags.segments, "")
    if faults:
        raise Invalid(*faults)
    return msgspec.structs.replace(flag, settings={**flag.settings, body.environment: setting})


OPERATIONS = (evaluate_flags, evaluate_flag, explain_flag, try_draft)
