"""Actions as lists show them; never their headers, which may hold secrets."""

from collections.abc import Iterable
from typing import Any

import msgspec

from domain.actions import ActionDefined
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, JSON, TEXT, Operation, Table, nullable, put

ACTIONS = Table(
    "actions",
    key={"name": TEXT},
    columns={
        "flag": nullable(TEXT),
        "quota": nullable(TEXT),
        "schema_name": nullable(TEXT),
        "executor": JSON,
        "retry": JSON,
        "version": BIGINT,
    },
)


def project(recorded: Recorded[ActionDefined]) -> Iterable[Operation]:
    """How an event changes the rows."""
    event = recorded.event
    values = {
        "flag": event.flag,
        "quota": event.limit,
        "schema_name": event.schema,
        "executor": msgspec.to_builtins(event.executor),
        "retry": msgspec.to_builtins(event.retry),
        "version": recorded.version,
    }
    yield put(ACTIONS, recorded.stream_id, values)


PROJECTION = Projection(
    name="actions", version=2, tables=(ACTIONS,), handles=(ActionDefined,), project=project
)


class ActionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An action; `executor` and `retry` as their definitions were recorded."""

    name: str
    flag: str | None
    limit: str | None
    schema: str | None
    executor: dict[str, Any]
    retry: dict[str, Any]
    version: int


async def find_actions(
    rows: Rows, *, schema: str | None = None, after: str = "", limit: int = 50
) -> list[ActionRow]:
    """Actions by name, all or those that name a schema."""
    sql = """
        SELECT name, flag, quota AS "limit", schema_name AS "schema", executor, retry, version
        FROM {actions}
        WHERE name > $1 AND ($3::text IS NULL OR schema_name = $3) ORDER BY name LIMIT $2
    """
    return await rows.find(ActionRow, sql, after, limit, schema)
