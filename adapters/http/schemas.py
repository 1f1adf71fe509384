"""Schemas over HTTP: publish versions, and look at them.

A schema goes in and comes out as the exact text that it was written in.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.bodies import RawBody, check_media_type
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.exact_bodies import exact_body
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import At, Moment, Token, fold
from adapters.http.names import known_name, new_name
from adapters.http.operations import operation
from adapters.http.paging import Page, make_cursor, read_cursor
from application.schemas import Published
from domain.schemas import (
    SCHEMA,
    Compatibility,
    NoSchema,
    NoSuchSchema,
    NoSuchSchemaVersion,
    PublishSchema,
    Schema,
    Version,
)
from projections import schemas as projection

Number = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="A version's number.")]


class SchemaBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON Schema 2020-12, and what its next versions must keep to.

    Without `compatibility` that stays as it is; at first it is `none`.
    """

    schema: dict[str, Any] | bool
    compatibility: Compatibility | None = None


class _Texts(msgspec.Struct, frozen=True, kw_only=True):
    schema: msgspec.Raw


class SchemaQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version, of which moment; the newest one of now, where nothing is said."""

    at: At | None = None
    position: Token | None = None
    version: Number | None = None


class VersionItem(msgspec.Struct, frozen=True, kw_only=True):
    """A version in a list."""

    version: int
    compatibility: str


class PublishedView(msgspec.Struct, frozen=True, kw_only=True):
    """The newest version; `compatibility` is what the next one must keep to."""

    name: str
    version: int
    compatibility: str


class SchemaView(PublishedView, frozen=True, kw_only=True):
    """A version of a schema, and how many there are."""

    versions: int
    schema: Any


class SchemaItem(PublishedView, frozen=True, kw_only=True):
    """A schema in a list."""

    published_at: datetime


class SchemaList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of schemas, by name."""

    items: list[SchemaItem]
    next: str | None


class VersionList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a schema's versions, oldest first."""

    items: list[VersionItem]
    next: str | None


def missing(name: str) -> NoSuchSchema:
    """The refusal where no schema has this name."""
    return NoSuchSchema(f"There is no schema named {name[:100]}.", schema=name[:100])


def document_of(raw: bytes) -> str:
    """The exact text of a body's schema."""
    return bytes(msgspec.json.decode(raw, type=_Texts).schema).decode()


def version_of(schema: Schema, number: int | None) -> Version:
    """The newest version, or the one of a number.

    Raises:
        NoSuchSchemaVersion: there is none of this number.
    """
    found = schema.newest if number is None else schema.version(number)
    if found is None:
        detail = f"The schema has versions 1 to {len(schema.versions)}."
        raise NoSuchSchemaVersion(detail, version=number, versions=len(schema.versions))
    return found


def _answer(name: str, schema: NoSchema | Schema, revision: int, number: int | None) -> Answer:
    if isinstance(schema, NoSchema):
        raise missing(name)
    version = version_of(schema, number)
    view = SchemaView(
        name=name,
        version=version.number,
        compatibility=schema.compatibility if number is None else version.compatibility,
        versions=len(schema.versions),
        schema=msgspec.Raw(version.document.encode()),
    )
    return json_answer(view, headers=(etag(revision),))


def _published(name: str) -> Render:
    def render(published: Published, revision: int) -> Answer:
        schema = published.schema
        number = schema.newest.number
        view = PublishedView(name=name, version=number, compatibility=schema.compatibility)
        headers: Headers = (etag(revision),)
        if published.is_new:
            headers += ((b"location", f"/v1/schemas/{name}/versions/{number}".encode()),)
        return json_answer(view, 201 if published.is_new else 200, headers)

    return render


@operation(
    "PUT",
    "/v1/schemas/{name}",
    needs="schemas:write",
    body=RawBody(media_type="application/json", shape=SchemaBody),
    answers={200: PublishedView, 201: PublishedView},
    conditional=True,
)
async def put_schema(call: Call, raw: bytes) -> Answer:
    """Publish a version of a schema, unless the newest is the same already."""
    name = new_name(call.params["name"])
    check_media_type(call.headers.get(b"content-type", b""))
    body = exact_body(raw, SchemaBody)
    command = PublishSchema(
        name=name,
        document=document_of(raw),
        compatibility=body.compatibility,
        at=call.platform.now(),
    )
    return await execute(call, command, _published(name))


@operation(
    "GET",
    "/v1/schemas/{name}",
    needs="schemas:read",
    query=SchemaQuery,
    answers={200: SchemaView},
    consistent=True,
)
async def get_schema_version(call: Call, query: SchemaQuery) -> Answer:
    """A schema, now or as it was: its newest version, or the one of a number."""
    name = known_name(call.params["name"], missing)
    moment = Moment(at=query.at, position=query.position)
    return _answer(name, *await fold(call, SCHEMA, name, moment), query.version)


@operation(
    "GET",
    "/v1/schemas/{name}/versions/{number}",
    needs="schemas:read",
    query=Moment,
    answers={200: SchemaView},
    consistent=True,
)
async def get_numbered_version(call: Call, moment: Moment) -> Answer:
    """One version of a schema; what was published never changes."""
    name = known_name(call.params["name"], missing)
    given = call.params["number"]
    if not (given.isascii() and given.isdigit() and len(given) < 8):  # noqa: PLR2004 - digits
        raise NoSuchSchemaVersion(f"{given[:60]} is no number of a version.")
    return _answer(name, *await fold(call, SCHEMA, name, moment), int(given))


@operation(
    "GET",
    "/v1/schemas/{name}/versions",
    needs="schemas:read",
    query=Page,
    answers={200: VersionList},
    consistent=True,
)
async def list_versions(call: Call, page: Page) -> Answer:
    """All versions of a schema, oldest first."""
    name = known_name(call.params["name"], missing)
    (after,) = read_cursor(page.cursor, int) or (0,)
    schema, _revision = await fold(call, SCHEMA, name, Moment())
    if isinstance(schema, NoSchema):
        raise missing(name)
    shown = schema.versions[after : after + page.limit]
    items = [VersionItem(version=v.number, compatibility=v.compatibility) for v in shown]
    more = after + page.limit < len(schema.versions)
    following = make_cursor(after + page.limit) if more else None
    return json_answer(VersionList(items=items, next=following))


@operation(
    "GET",
    "/v1/schemas",
    needs="schemas:read",
    query=Page,
    answers={200: SchemaList},
    consistent=True,
)
async def list_schemas(call: Call, page: Page) -> Answer:
    """All schemas, by name."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_schemas(rows, after=after, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.name)
    items = [
        SchemaItem(
            name=row.name,
            version=row.newest,
            compatibility=row.compatibility,
            published_at=row.published_at,
        )
        for row in shown
    ]
    return json_answer(SchemaList(items=items, next=following))


@operation(
    "GET",
    "/v1/schemas/{name}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def schema_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a schema."""
    name = known_name(call.params["name"], missing)
    return await stream_history(call, call.tenant, SCHEMA.stream(name), page, missing(name))


OPERATIONS = (
    put_schema,
    get_schema_version,
    get_numbered_version,
    list_versions,
    list_schemas,
    schema_history,
)
