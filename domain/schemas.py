"""Schemas: named, numbered versions of a JSON Schema, each held against the one before it.

A version is kept as the exact text that was published, because a number in it may be one that no
float holds. What is published never changes: a mended schema is the next version.
"""

from datetime import datetime
from typing import Literal, assert_never, get_args

import msgspec

from domain import exact_json
from domain.compatibility import Break, breaks
from domain.decider import Command, Decider, Event
from domain.rejections import Conflict, NotFound

Compatibility = Literal["none", "backward", "forward", "full"]
COMPATIBILITIES: tuple[str, ...] = get_args(Compatibility)

MOST_VERSIONS = 1000


class SchemaPublished(Event, frozen=True, kw_only=True, tag="schema.published"):
    """A version exists; `document` is its text, held against the version before as said."""

    number: int
    document: str
    compatibility: Compatibility


class SchemaCompatibilitySet(Event, frozen=True, kw_only=True, tag="schema.compatibility_set"):
    """What the next version must keep to was changed, and no version came with it."""

    compatibility: Compatibility


SchemaEvent = SchemaPublished | SchemaCompatibilitySet


class PublishSchema(Command, frozen=True, kw_only=True):
    """Let this be the newest version; `document` is a valid schema's text.

    `compatibility` None leaves it as it is, `none` at first.
    """

    name: str
    document: str
    compatibility: Compatibility | None
    at: datetime


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a schema."""

    number: int
    document: str
    compatibility: Compatibility


class NoSchema(msgspec.Struct, frozen=True):
    """Nothing was published under this name."""


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """A schema; its versions are numbered from 1, and the newest is the last."""

    compatibility: Compatibility
    versions: tuple[Version, ...]

    @property
    def newest(self) -> Version:
        """The version that values are held against unless another one is named."""
        return self.versions[-1]

    def version(self, number: int) -> Version | None:
        """One version, if there is one of that number."""
        return self.versions[number - 1] if 0 < number <= len(self.versions) else None


class NoSuchSchema(NotFound):
    """Nothing was published under this name."""

    slug = "no-such-schema"
    title = "There is no such schema"


class NoSuchSchemaVersion(NotFound):
    """The schema has no version of this number."""

    slug = "no-such-schema-version"
    title = "There is no such version of the schema"


class SchemaIncompatible(Conflict):
    """The version would break what the schema's compatibility promises; `errors` says where."""

    slug = "schema-incompatible"
    title = "The schema breaks its compatibility"


class TooManySchemaVersions(Conflict):
    """The schema has as many versions as one can have."""

    slug = "too-many-schema-versions"
    title = "The schema has too many versions"


def decide(schema: NoSchema | Schema, command: PublishSchema) -> list[SchemaEvent]:
    """Publish the next version, unless the newest says the same already."""
    if isinstance(schema, NoSchema):
        return [_published(1, command, command.compatibility or "none")]
    wanted = command.compatibility or schema.compatibility
    if _same(schema.newest.document, command.document):
        unchanged = wanted == schema.compatibility
        return [] if unchanged else [SchemaCompatibilitySet(compatibility=wanted)]
    if len(schema.versions) >= MOST_VERSIONS:
        raise TooManySchemaVersions(f"A schema has at most {MOST_VERSIONS} versions.")
    _require_compatible(schema.newest, command, wanted)
    return [_published(len(schema.versions) + 1, command, wanted)]


def _published(number: int, command: PublishSchema, wanted: Compatibility) -> SchemaPublished:
    return SchemaPublished(number=number, document=command.document, compatibility=wanted)


def _same(one: str, other: str) -> bool:
    return one == other or exact_json.equal(exact_json.read(one), exact_json.read(other))


def _require_compatible(newest: Version, command: PublishSchema, wanted: Compatibility) -> None:
    found = incompatibilities(newest.document, command.document, wanted)
    if found:
        raise SchemaIncompatible(
            f"It is not {wanted} compatible with version {newest.number}: {found[0].detail}.",
            errors=found,
            compatibility=wanted,
            version=newest.number,
        )


def incompatibilities(old: str, new: str, wanted: Compatibility) -> list[Break]:
    """Where a new document breaks a promise towards an old one, pointers into the new one."""
    before, after = exact_json.read(old), exact_json.read(new)
    found: list[Break] = []
    if wanted in {"backward", "full"}:
        found += breaks(before, after, direction="backward")
    if wanted in {"forward", "full"}:
        found += breaks(before, after, direction="forward")
    return found


def evolve(schema: NoSchema | Schema, event: SchemaEvent) -> NoSchema | Schema:
    """The schema after an event."""
    match event:
        case SchemaPublished():
            version = Version(
                number=event.number, document=event.document, compatibility=event.compatibility
            )
            before = () if isinstance(schema, NoSchema) else schema.versions
            return Schema(compatibility=event.compatibility, versions=(*before, version))
        case _ if isinstance(schema, NoSchema):
            return schema
        case SchemaCompatibilitySet():
            return msgspec.structs.replace(schema, compatibility=event.compatibility)
        case _:
            assert_never(event)


SCHEMA: Decider[NoSchema | Schema, PublishSchema, SchemaEvent] = Decider(
    category="schema", events=SchemaEvent, initial=NoSchema(), decide=decide, evolve=evolve
)
