"""Schemas as lists show them: by name, with the number of their newest version."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.recorded import Recorded
from domain.schemas import SchemaCompatibilitySet, SchemaEvent, SchemaPublished
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, INT, TEXT, TIME, Operation, Table, patch, put

SCHEMAS = Table(
    "schemas",
    key={"name": TEXT},
    columns={
        "newest": INT,
        "compatibility": TEXT,
        "published_at": TIME,
        "revision": BIGINT,
    },
)


def project(recorded: Recorded[SchemaEvent]) -> Iterable[Operation]:
    """How an event changes the rows; `revision` is the version of the stream."""
    name, event = recorded.stream_id, recorded.event
    told = {"compatibility": event.compatibility, "revision": recorded.version}
    match event:
        case SchemaPublished():
            published = {"newest": event.number, "published_at": recorded.recorded_at}
            yield put(SCHEMAS, name, {**told, **published})
        case SchemaCompatibilitySet():
            yield patch(SCHEMAS, name, told)


PROJECTION = Projection(
    name="schemas",
    version=1,
    tables=(SCHEMAS,),
    handles=(SchemaPublished, SchemaCompatibilitySet),
    project=project,
)


class SchemaRow(msgspec.Struct, frozen=True, kw_only=True):
    """A schema; `published_at` is when its newest version was."""

    name: str
    newest: int
    compatibility: str
    published_at: datetime
    revision: int


async def find_schemas(rows: Rows, *, after: str = "", limit: int = 50) -> list[SchemaRow]:
    """Schemas by name."""
    sql = """
        SELECT name, newest, compatibility, published_at, revision FROM {schemas}
        WHERE name > $1 ORDER BY name LIMIT $2
    """
    return await rows.find(SchemaRow, sql, after, limit)
