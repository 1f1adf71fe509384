"""Comparing two versions of a flag over HTTP."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.flag_evaluation import READ
from adapters.http.flag_shapes import missing
from adapters.http.moments import consistent_after
from adapters.http.names import known_foreign_name
from adapters.http.operations import operation
from domain.flags.decider import FLAG
from domain.flags.differences import Difference, differences
from domain.rejections import Fault, Invalid


class DiffQuery(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"from_": "from"},
):
    """Between which two versions of the flag; `to` is the newest, unless given."""

    from_: Annotated[int, msgspec.Meta(ge=0, le=2**62)]
    to: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None


class Diff(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What is not the same in two versions of a flag."""

    from_: int
    to: int
    changes: list[Difference]


@operation(
    "GET",
    "/v1/flags/{key}/diff",
    needs=READ,
    query=DiffQuery,
    answers={200: Diff},
    consistent=True,
)
async def diff_flag(call: Call, query: DiffQuery) -> Answer:
    """Compare two versions of a flag; version 0 is before it was."""
    key = known_foreign_name(call.params["key"], missing)
    await consistent_after(call)
    stream, pipeline = (call.tenant, FLAG.stream(key)), call.platform.pipeline
    after = await pipeline.fold(FLAG, stream, at_version=query.to)
    before = await pipeline.fold(FLAG, stream, at_version=query.from_)
    if not after.version and not before.version:
        raise missing(key)
    for name, wanted, found in (("from", query.from_, before), ("to", query.to, after)):
        if wanted is not None and found.version < wanted:
            detail = f"is no version of the flag, whose newest is {found.version}"
            raise Invalid(Fault(pointer=f"/{name}", code="unknown-version", detail=detail))
    changes = differences(before.state, after.state)
    return json_answer(Diff(from_=before.version, to=after.version, changes=changes))


OPERATIONS = (diff_flag,)
