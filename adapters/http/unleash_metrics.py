"""What Unleash's clients tell of their own evaluations.

The form is Unleash's (https://docs.getunleash.io/reference/api/unleash/metrics). A bucket is
counted in the hour in which it comes. Flags and variants that are not there are left out, so that a
client can fill neither memory nor log with names of its own.
"""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer
from adapters.http.bodies import RawBody
from adapters.http.calls import Call
from adapters.http.flag_evaluation import EVALUATE, current_flags
from adapters.http.operations import operation
from adapters.http.problems import MalformedJson
from adapters.http.sdk_credentials import environment_of
from domain.flags.usage import Count

MOST = 1_000_000_000
"""Evaluations of one flag that one report may tell of."""

Number = Annotated[int, msgspec.Meta(ge=0, le=MOST)]


class Toggle(msgspec.Struct, frozen=True, kw_only=True):
    """How often a flag was on and was off, and each variant was served."""

    yes: Number = 0
    no: Number = 0
    variants: dict[str, Number] = {}


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What was evaluated in a while, by flag."""

    toggles: dict[str, Toggle]
    start: str | None = None
    stop: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A client's report; who it is is not kept."""

    app_name: str
    bucket: Bucket
    instance_id: str = ""


_decode = msgspec.json.Decoder(Report).decode


@operation(
    "POST",
    "/api/client/metrics",
    needs=EVALUATE,
    body=RawBody(media_type="application/json", shape=Report),
    answers={202: None},
    keyed=False,
)
async def unleash_metrics(call: Call, raw: bytes) -> Answer:
    """Count what a client has evaluated by itself."""
    try:
        report = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson(f"{error}.") from None
    flags = await current_flags(call)
    tally = call.platform.services.flag_usage.of(call.tenant, environment_of(call.headers))
    for key, told in report.bucket.toggles.items():
        count = Count(flag=key, yes=told.yes, no=told.no, variants=told.variants)
        tally.report(flags, count)
    return Answer(202)


OPERATIONS = (unleash_metrics,)
