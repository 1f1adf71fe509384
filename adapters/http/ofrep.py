"""OpenFeature's remote evaluation protocol, OFREP 0.3 (https://openfeature.dev/specification).

One flag, all flags, and the stream that says when to ask again. Errors have the protocol's own
form, where it has one. The environment is the context's `environment`, else the one that the
credential names, else the default one. A limit named `ofrep`, where one is defined, is counted.
"""

from typing import Any

import msgspec
import xxhash

from adapters.http.addresses import client_scheme
from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.bodies import RawBody
from adapters.http.calls import Call
from adapters.http.conditions import is_known
from adapters.http.flag_answers import evaluated
from adapters.http.flag_changes import changed_sets, resumed_behind, resumes_behind
from adapters.http.flag_evaluation import EVALUATE, current_flags
from adapters.http.operations import operation
from adapters.http.sdk_credentials import environment_of
from adapters.http.sse import Blocks, LiveAnswer, event_block
from application.flags.flag_set import FlagSet
from domain.flags.evaluation import Evaluation
from domain.limits import NoSuchLimit

LIMIT = "ofrep"
INACTIVITY = 120
"""Seconds after which a client that nobody looks at should close its stream."""

Scalar = bool | int | float | str


class OfrepAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a flag answers. Without `value` the caller's own default holds."""

    key: str
    value: Any | msgspec.UnsetType
    reason: str
    variant: str
    metadata: dict[str, Scalar]


class OfrepFailure(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a flag could not be evaluated."""

    key: str
    error_code: str
    error_details: str


class EventStream(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where to hear of changes."""

    type: str
    url: str
    inactivity_delay_sec: int


class OfrepAnswers(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What all flags answer."""

    flags: list[OfrepAnswer]
    event_streams: list[EventStream]


class OfrepRequest(msgspec.Struct, frozen=True, kw_only=True):
    """For whom."""

    context: dict[str, Any] = {}


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The stream is the same for every environment; parameters of later versions are ignored."""


_decode = msgspec.json.Decoder(OfrepRequest).decode
_encode = msgspec.json.Encoder().encode
_BODY = RawBody(media_type="application/json", shape=OfrepRequest)


class _Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def _failure(key: str, code: str, details: str, status: int = 400) -> Answer:
    failure = OfrepFailure(key=key, error_code=code, error_details=details)
    return json_answer(failure, status)


def _context(key: str, raw: bytes) -> dict[str, Any]:
    """The request's context.

    Raises:
        _Refused: the body is no JSON, or the context no object.
    """
    if not raw:
        return {}
    try:
        return _decode(raw).context
    except msgspec.ValidationError as error:
        details = f"The context must be a JSON object: {error}."
        raise _Refused(_failure(key, "INVALID_CONTEXT", details)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        details = f"The body is not JSON: {error}."
        raise _Refused(_failure(key, "PARSE_ERROR", details)) from None


def _environment(call: Call, context: dict[str, Any]) -> str:
    named = context.get("environment")
    return named if isinstance(named, str) and named else environment_of(call.headers)


async def _count(call: Call) -> None:
    """Count against the tenant's limit, where it has one.

    Raises:
        RateLimited: it is used up; `Retry-After` says until when.
    """
    try:
        await call.platform.limiter.check(LIMIT, call.caller)
    except NoSuchLimit:
        return


def _answer(flags: FlagSet, key: str, environment: str, found: Evaluation) -> bytes:
    folded = flags.flag(key)
    undeclared = folded is not None and folded.state.about.default is None
    is_boolean = folded is not None and folded.state.about.kind == "boolean"
    leave_to_caller = undeclared and not is_boolean and found.variant is None
    served = found.variant.name if found.variant is not None else ""
    answer = OfrepAnswer(
        key=key,
        value=msgspec.UNSET if leave_to_caller else found.value,
        reason=found.reason,
        variant=served or ("enabled" if found.enabled else "disabled"),
        metadata={
            "environment": environment,
            "version": 0 if folded is None else folded.version,
            **({"rule": found.rule} if found.rule else {}),
            **({"errorCode": found.error} if found.error else {}),
        },
    )
    return _encode(answer)


@operation(
    "POST",
    "/ofrep/v1/evaluate/flags/{key}",
    needs=EVALUATE,
    body=_BODY,
    answers={200: OfrepAnswer},
    keyed=False,
)
async def ofrep_evaluate(call: Call, raw: bytes) -> Answer:
    """Evaluate one flag."""
    key = call.params["key"]
    await _count(call)
    try:
        given = _context(key, raw)
    except _Refused as refused:
        return refused.answer
    flags = await current_flags(call)
    if not flags.knows(key):
        return _failure(key, "FLAG_NOT_FOUND", f"There is no flag named {key[:100]}.", 404)
    environment = _environment(call, given)
    context = call.platform.services.flag_context(given, environment)
    [answer] = evaluated(call, flags, (key,), environment, context, _answer)
    return Answer(200, answer)


@operation(
    "POST",
    "/ofrep/v1/evaluate/flags",
    needs=EVALUATE,
    body=_BODY,
    answers={200: OfrepAnswers},
    query=StreamQuery,
    keyed=False,
)
async def ofrep_evaluate_all(call: Call, raw: bytes, _query: StreamQuery) -> Answer:
    """Evaluate all flags; `If-None-Match` with the `ETag` of before answers 304."""
    await _count(call)
    try:
        given = _context("", raw)
    except _Refused as refused:
        return refused.answer
    flags = await current_flags(call)
    environment = _environment(call, given)
    context = call.platform.services.flag_context(given, environment)
    answers = evaluated(call, flags, flags.in_use(), environment, context, _answer)
    body = b'{"flags":[%b],"eventStreams":[%b]}' % (b",".join(answers), _encode(_stream(call)))
    tag = b'"%b"' % xxhash.xxh3_128_hexdigest(body).encode()
    headers: Headers = ((b"etag", tag),)
    if is_known(call.headers.get(b"if-none-match"), tag):
        return Answer(304, headers=headers)
    return Answer(200, body, headers)


def _stream(call: Call) -> EventStream:
    scheme = client_scheme(call.scope, call.platform.settings.trusted_proxies)
    host = call.headers.get(b"host", b"localhost").decode("latin-1")
    url = f"{scheme}://{host}/ofrep/v1/stream"
    return EventStream(type="sse", url=url, inactivity_delay_sec=INACTIVITY)


@operation(
    "GET",
    "/ofrep/v1/stream",
    needs=EVALUATE,
    answers={200: str},
    query=StreamQuery,
    media_type="text/event-stream",
)
async def ofrep_stream(call: Call, _query: StreamQuery) -> None:
    """Changes as they come (server-sent events): each says to evaluate again; resumable."""
    flags = await current_flags(call)
    behind = await resumed_behind(call, flags)
    await LiveAnswer(call, _refetches(call, behind), needs=EVALUATE).send()


async def _refetches(call: Call, behind: int) -> Blocks:
    async for flags in changed_sets(call, behind):
        token = resumes_behind(flags)
        data = {
            "type": "refetchEvaluation",
            "etag": f'"{token}"',
            "lastModified": int(call.platform.now().timestamp()),
        }
        yield event_block(msgspec.json.encode(data), id_=token.encode(), event=b"message")


OPERATIONS = (ofrep_evaluate, ofrep_evaluate_all, ofrep_stream)
