"""Whole flag sets over HTTP, in the forms of Unleash and of flagd."""

import asyncio
from typing import Annotated, Any

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.bodies import Body, RawBody
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.faults import escaped
from adapters.http.flag_evaluation import current_flags
from adapters.http.flag_shapes import HIDING
from adapters.http.names import LONGEST_FOREIGN, Name, is_foreign_name
from adapters.http.operations import operation
from application.flags import DEFAULT_ENVIRONMENT
from application.flags.imports import ImportFlags, carry_out
from application.unit import Unit
from domain.flags.documents import FlagSet as Document
from domain.flags.documents import refuse
from domain.flags.edits import Edit
from domain.flags.exchange import Form, read_document, write_document
from domain.flags.importing import Mode, Plan
from domain.flags.state import Flag
from domain.rejections import Fault, Invalid

READ, WRITE = "flags:read", "flags:write"
LARGEST = 16 * 1024 * 1024  # bytes


class ImportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document and the environment that it is for; `replace` empties flags that it lacks there.

    With `dry_run` nothing is changed, and the answer tells what would be.
    """

    format: Form
    document: dict[str, Any]
    environment: Name = DEFAULT_ENVIRONMENT
    mode: Mode = "merge"
    dry_run: bool = False


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """How many flags the document holds, and what was (or would be) done for them.

    `plan` has the edits of each flag that changes, and the names of `segments` that do.
    `warnings` point at what means less here than it may seem.
    """

    imported: int
    changed: int
    dry_run: bool
    plan: dict[str, tuple[Edit, ...]]
    segments: list[str]
    warnings: tuple[Fault, ...]


class ExportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which form, of which environment; `version` is Unleash's.

    With `skip` a document does without what its form has no words for, and names it in its member
    `annals`, in `skipped`; else there is none.
    """

    format: Form = "unleash"
    environment: Name = DEFAULT_ENVIRONMENT
    version: Annotated[int, msgspec.Meta(ge=1, le=2)] = 2
    skip: bool = False


_BODY = Body(ImportBody)


@operation(
    "POST",
    "/v1/flags/import",
    needs=WRITE,
    body=RawBody(largest=LARGEST, media_type="application/json", shape=ImportBody),
    answers={200: Imported},
)
async def import_flags(call: Call, raw: bytes) -> Answer:
    """Let the flags of one environment be as a document has them, all or none."""
    body = await asyncio.to_thread(_BODY.decode, raw)  # others get their turn meanwhile
    document = await asyncio.to_thread(_read, body)
    command = ImportFlags(
        document=document,
        places=_places(body),
        environment=body.environment,
        mode=body.mode,
        at=call.platform.now(),
    )
    if body.dry_run:
        flags = await current_flags(call)
        unit = Unit(call.platform.pipeline, call.context())
        found = await carry_out(unit, command, flags, call.platform.services.flag_sets)
        return json_answer(_told(document, found.plan, dry_run=True))
    return await execute(
        call, command, lambda done, _: json_answer(_told(document, done.plan, dry_run=False))
    )


def _read(body: ImportBody) -> Document:
    """The document's flags, with pointers into the request where they are wrong."""
    try:
        document = read_document(body.format, body.document, body.environment)
    except Invalid as invalid:
        raise Invalid(*map(_in_request, invalid.faults)) from None
    places = _places(body)
    wrong = [key for key in document.flags if not is_foreign_name(key)]
    wrong += [name for name in document.segments if not is_foreign_name(name)]
    if wrong:
        detail = f"must be printable, without a slash, and at most {LONGEST_FOREIGN} bytes long"
        faults = (
            Fault(pointer=places.get(each, "/document/segments"), code="name", detail=detail)
            for each in wrong
        )
        raise Invalid(*faults)
    _refuse_hidden(document, places)
    return document


def _refuse_hidden(document: Document, places: dict[str, str]) -> None:
    """Take no flag that nobody could ask for afterwards.

    Raises:
        Invalid: with a pointer to each.
    """
    hidden = sorted(HIDING & document.flags.keys())
    if hidden:
        detail = "is a word of the API and cannot be a flag's key"
        raise Invalid(
            *(Fault(pointer=places[key], code="reserved", detail=detail) for key in hidden)
        )


def _in_request(fault: Fault) -> Fault:
    """A fault of a document, with a pointer into the request that brought it."""
    return msgspec.structs.replace(fault, pointer=f"/document{fault.pointer}")


def _places(body: ImportBody) -> dict[str, str]:
    """Where each flag stands in a document that was read."""
    if body.format == "flagd":
        return {key: f"/document/flags/{escaped(key)}" for key in body.document["flags"]}
    features = enumerate(body.document["features"])
    return {each["name"]: f"/document/features/{index}" for index, each in features}


def _told(document: Document, plan: Plan, *, dry_run: bool) -> Imported:
    return Imported(
        imported=len(document.flags),
        changed=len(plan.flags),
        dry_run=dry_run,
        plan=plan.flags,
        segments=sorted(plan.segments),
        warnings=tuple(map(_in_request, document.warnings)),
    )


@operation(
    "GET",
    "/v1/flags/export",
    needs=READ,
    query=ExportQuery,
    answers={200: dict[str, Any]},
    consistent=True,
)
async def export_flags(call: Call, query: ExportQuery) -> Answer:
    """The flags that are set up in an environment, as a document that the other system takes."""
    flags = await current_flags(call)
    chosen = _set_up(flags.flags, query.environment)
    document, left_out = await asyncio.to_thread(
        write_document,
        query.format,
        chosen,
        flags.segments,
        query.environment,
        version=query.version,
    )
    if not query.skip:
        refuse(left_out)
    return json_answer(document)


def _set_up(flags: dict[str, Flag], environment: str) -> dict[str, Flag]:
    """Those that anything was said about there, and those that they depend on."""
    chosen = {key for key, flag in flags.items() if environment in flag.settings}
    waiting = list(chosen)
    while waiting:
        flag = flags.get(waiting.pop())
        named = set() if flag is None else {each.flag for each in flag.about.prerequisites}
        waiting += named - chosen
        chosen |= named
    return {key: flag for key, flag in flags.items() if key in chosen}


OPERATIONS = (import_flags, export_flags)
