"""`annals schemas`: publish schemas, look at them, and hold files against them.

Exit codes of `validate`: 0 everything is valid, 1 something is not, 2 it was called wrongly, or
the registry cannot be asked.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from adapters.cli.opening import OpenLog, open_log
from adapters.cli.output import Column, moment
from adapters.cli.running import CannotRun, Failed, Invocation, runs
from adapters.clock import now
from adapters.http.fault_views import FaultView, shown
from adapters.http.names import new_name
from adapters.schemas.validator import LARGEST_SCHEMA, JsonSchemaValidator
from application.bus import Bus
from application.schemas import LARGEST_VALUE, PublishSchemaHandler, examine
from application.unit import Done
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Invalid, Rejection
from domain.schemas import COMPATIBILITIES, SCHEMA, PublishSchema, Schema, Version
from projections import schemas as projection
from projections.schemas import SchemaRow

LINES = (".ndjson", ".jsonl")
"""File names that end so hold a value on each line."""

tenant_option = click.option(
    "--tenant", default=DEFAULT_TENANT, show_default=True, help="Whose schemas."
)
file_argument = click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True)
)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one value; `line` where there are several, from 1."""

    line: int | None
    errors: list[FaultView]


@click.group
def schemas() -> None:
    """Publish schemas, and hold values against them."""


@schemas.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=1000, show_default=True)
@tenant_option
@runs
async def list_(invocation: Invocation, limit: int, tenant: str) -> None:
    """List schemas by name."""
    async with (
        open_log(invocation) as log,
        log.read_models.rows(projection.PROJECTION, tenant) as rows,
    ):
        found = await projection.find_schemas(rows, limit=limit)
    if invocation.output.as_json:
        invocation.output.document({"items": found})
        return
    invocation.output.table(found, _COLUMNS, empty="There are no schemas.")


@schemas.command
@click.argument("name")
@click.option("--version", "number", type=click.IntRange(1), help="Another than the newest.")
@tenant_option
@runs
async def show(invocation: Invocation, name: str, number: int | None, tenant: str) -> None:
    """Write a schema as it was published."""
    async with open_log(invocation) as log:
        version = await _version(log, tenant, name, number)
    if invocation.output.as_json:
        document = msgspec.Raw(version.document.encode())
        shown = {"name": name, "version": version.number, "schema": document}
        invocation.output.document({**shown, "compatibility": version.compatibility})
        return
    click.echo(version.document)


@schemas.command
@click.argument("name")
@file_argument
@click.option("--compatibility", type=click.Choice(COMPATIBILITIES), help="Left as it is without.")
@tenant_option
@runs
async def publish(
    invocation: Invocation, name: str, file: str, compatibility: Any, tenant: str
) -> None:
    """Publish the schema in FILE (- for stdin) as the next version."""
    with click.open_file(file, "rb") as opened:
        document = opened.read(LARGEST_SCHEMA + 1).decode("utf-8", "replace").strip()
    command = PublishSchema(
        name=new_name(name), document=document, compatibility=compatibility, at=now()
    )
    async with open_log(invocation) as log:
        handler = PublishSchemaHandler(JsonSchemaValidator())
        bus = Bus(log.pipeline, {PublishSchema: handler})
        try:
            done = await bus.execute(command, log.context(tenant))
        except Rejection as rejection:
            raise Failed(_refusal(rejection)) from None
    assert isinstance(done, Done)  # noqa: S101 - only keyed commands are replayed
    version = done.result.schema.newest.number
    if invocation.output.as_json:
        answer = {"name": name, "version": version, "published": done.result.is_new}
        invocation.output.document(answer)
        return
    said = "published" if done.result.is_new else "is the same already"
    invocation.output.text(f"{name} version {version} {said}")


@schemas.command
@file_argument
@click.option("--schema", "name", required=True, help="The schema to hold it against.")
@click.option("--version", "number", type=click.IntRange(1), help="Another than the newest.")
@click.option(
    "--lines/--one",
    "lines",
    default=None,
    help="Whether FILE holds a value on each line.  [default: if it ends in .ndjson or .jsonl]",
)
@tenant_option
@runs
async def validate(
    invocation: Invocation,
    file: str,
    name: str,
    number: int | None,
    lines: bool | None,  # noqa: FBT001 - by name
    tenant: str,
) -> None:
    """Hold the JSON in FILE (- for stdin) against a schema; tells all that is wrong.

    Exits with 0 if it is valid, with 1 if it is not, and with 2 if that cannot be found out.
    """
    async with open_log(invocation) as log:
        try:
            document = (await _version(log, tenant, name, number)).document
        except Failed as missing:  # nothing was judged: that is no verdict
            raise CannotRun(missing.message) from None
    if lines is None:
        lines = Path(file).suffix in LINES
    validator = JsonSchemaValidator()
    total = wrong = 0
    with click.open_file(file, "rb") as opened:
        for line, text in _lines(opened) if lines else [(None, opened.read(LARGEST_VALUE + 1))]:
            total += 1
            faults = [shown(fault) for fault in examine(validator, document, text)]
            wrong += bool(faults)
            _tell(invocation, Finding(line=line, errors=faults))
    if wrong:
        raise Failed(f"{wrong} of {total} not valid" if lines else "it is not valid")
    if not invocation.output.as_json:
        invocation.output.note(f"{total} valid" if lines else "It is valid.")


def _tell(invocation: Invocation, finding: Finding) -> None:
    """One JSON line for each value; for people a line for each fault."""
    if invocation.output.as_json:
        told = {"valid": not finding.errors, "errors": finding.errors}
        numbered = told if finding.line is None else {"line": finding.line, **told}
        invocation.output.line(numbered)
        return
    for fault in finding.errors:
        where = "" if finding.line is None else f"line {finding.line} "
        place = fault.pointer or "the value"
        invocation.output.text(f"{where}{place}: {fault.detail} [{fault.code}]")


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines that are not empty, with their numbers; of one that is too long only what is needed."""
    number = 0
    while line := file.readline(LARGEST_VALUE + 2):
        number += 1
        ended = line.endswith(b"\n")
        while not ended and (rest := file.readline(LARGEST_VALUE)):
            ended = rest.endswith(b"\n")
        if line.strip():
            yield number, line.rstrip(b"\n")


async def _version(log: OpenLog, tenant: str, name: str, number: int | None) -> Version:
    folded = await log.pipeline.fold(SCHEMA, (tenant, SCHEMA.stream(name)))
    if not isinstance(folded.state, Schema):
        raise Failed(f"there is no schema {name} in the tenant {tenant}")
    version = folded.state.newest if number is None else folded.state.version(number)
    if version is None:
        raise Failed(f"{name} has versions 1 to {len(folded.state.versions)}")
    return version


def _refusal(rejection: Rejection) -> str:
    """A refusal with a line for each place."""
    faults = rejection.faults if isinstance(rejection, Invalid) else rejection.facts.get("errors")
    lines = [f"{each.pointer}: {each.detail} [{each.code}]" for each in _listed(faults)]
    return "\n".join([rejection.detail if not lines else rejection.title, *lines])


def _listed(faults: Any) -> list[Any]:
    return list(faults or ())


_COLUMNS = (
    Column[SchemaRow]("name", lambda row: row.name),
    Column[SchemaRow]("version", lambda row: row.newest, right=True),
    Column[SchemaRow]("compatibility", lambda row: row.compatibility),
    Column[SchemaRow]("published", lambda row: moment(row.published_at)),
)
