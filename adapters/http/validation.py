"""Values held against schemas: one at a time, or line by line in bulk.

Nothing is recorded: to look is no change of state. A bulk gives way to other requests every few
milliseconds.
"""

import asyncio
from collections.abc import Iterator
from time import perf_counter
from typing import Annotated, Any, Literal

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.bodies import RawBody, check_media_type
from adapters.http.calls import Call
from adapters.http.exact_bodies import converted, exact_value
from adapters.http.fault_views import Verdict, View, verdict
from adapters.http.names import known_name
from adapters.http.operations import operation
from adapters.http.schemas import Number, missing, version_of
from application.schemas import (
    LARGEST_VALUE,
    SchemaValidator,
    ValueFault,
    as_value_fault,
    examine,
)
from domain.exact_json import Unreadable
from domain.rejections import Fault, Invalid
from domain.schemas import SCHEMA, Schema

LARGEST_BULK = 16 * 1_048_576
"""Bytes of a body of lines."""

NDJSON = b"application/x-ndjson"

_TURN = 0.005  # seconds that a bulk may keep the event loop
_MOST_TOLD = 20_000  # faults in one answer; lines beyond are judged, and their faults left out
_VALUE = "/value"
_encode = msgspec.json.Encoder(decimal_format="number").encode
_VALID = {
    "flat": b'{"line":%d,"valid":true,"errors":[]}',
    "tree": b'{"line":%d,"valid":true,"tree":{"errors":[],"members":{}}}',
    "form": b'{"line":%d,"valid":true,"form":{"form":[],"fields":{}}}',
}


class ValidateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value."""

    value: Any


class ValidateQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version of the schema, and in which form faults are told.

    Of lines, `only` leaves out those that are valid.
    """

    version: Number | None = None
    view: View = "flat"
    only: Annotated[
        Literal["all", "invalid"], msgspec.Meta(description="Which lines are answered.")
    ] = "all"


class LineVerdict(Verdict, frozen=True, kw_only=True):
    """The verdict on one line; lines count from 1, empty ones too. `untold`: faults left out."""

    line: int
    untold: bool = False


@operation(
    "POST",
    "/v1/schemas/{name}/validate",
    needs="schemas:read",
    body=RawBody(
        largest=LARGEST_BULK, media_type="application/json", shape=ValidateBody, lines=True
    ),
    query=ValidateQuery,
    answers={200: Verdict},
    keyed=False,
)
async def validate_value(call: Call, raw: bytes, query: ValidateQuery) -> Answer:
    """Hold a value against a schema, or many, one to a line."""
    name = known_name(call.params["name"], missing)
    schema = await call.platform.current.get(SCHEMA, name, call.tenant)
    if not isinstance(schema, Schema):
        raise missing(name)
    document = version_of(schema, query.version).document
    validator = call.platform.services.schemas
    media_type = call.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type == NDJSON:
        return await _bulk(validator, document, raw, query)
    check_media_type(call.headers.get(b"content-type", b""))
    return json_answer(verdict(_one(validator, document, raw), query.view))


def _one(validator: SchemaValidator, document: str, raw: bytes) -> list[ValueFault]:
    """The faults of the value within a body.

    Raises:
        MalformedJson: the body is not JSON.
        Invalid: what is wrong lies beside the value.
    """
    if len(raw) > LARGEST_VALUE:
        detail = f"is larger than {LARGEST_VALUE} bytes"
        return [ValueFault(pointer="", code="size", detail=detail)]
    try:
        body = converted(exact_value(raw), ValidateBody)
    except Unreadable as error:
        return [as_value_fault(_inside(each)) for each in error.faults]
    return validator.faults(document, body.value, size=len(raw))


def _inside(fault: Fault) -> Fault:
    """A fault of the body as one of its value; what has no place of its own is the value's."""
    if fault.pointer and fault.pointer != _VALUE and not fault.pointer.startswith(f"{_VALUE}/"):
        raise Invalid(fault)
    if fault.pointer == _VALUE and fault.code == "duplicate-key":
        raise Invalid(fault)
    return msgspec.structs.replace(fault, pointer=fault.pointer.removeprefix(_VALUE))


async def _bulk(
    validator: SchemaValidator, document: str, raw: bytes, query: ValidateQuery
) -> Answer:
    """A verdict on each line, in order; how many there were stands in a header."""
    told = invalid = lines = 0
    answers: list[bytes] = []
    turn = perf_counter()
    for number, line in _lines(raw):
        if perf_counter() - turn > _TURN:
            await asyncio.sleep(0)
            turn = perf_counter()
        if not line or line.isspace():
            continue
        lines += 1
        faults = examine(validator, document, line)
        if not faults:
            if query.only == "all":
                answers.append(_VALID[query.view] % number)
            continue
        invalid += 1
        untold = told >= _MOST_TOLD
        told += len(faults)
        answers.append(_line(number, faults, query.view, untold=untold))
    counts = b"lines=%d, valid=%d, invalid=%d" % (lines, lines - invalid, invalid)
    body = b"\n".join([*answers, b""])
    return Answer(200, body, ((b"annals-validated", counts),), media_type=NDJSON)


def _line(number: int, faults: list[ValueFault], view: View, *, untold: bool) -> bytes:
    if untold:
        return b'{"line":%d,"valid":false,"untold":true}' % number
    found = verdict(faults, view)
    line = LineVerdict(
        line=number, valid=False, errors=found.errors, tree=found.tree, form=found.form
    )
    return _encode(line)


def _lines(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """All lines, with their numbers."""
    start, number = 0, 0
    while start < len(raw):
        end = raw.find(b"\n", start)
        end = len(raw) if end < 0 else end
        number += 1
        yield number, raw[start:end]
        start = end + 1


OPERATIONS = (validate_value,)
