"""What was said about environments, and which were removed."""

from collections.abc import Iterable

import msgspec

from domain.flags.environments import (
    EnvironmentDescribed,
    EnvironmentEvent,
    EnvironmentRemoved,
    EnvironmentType,
)
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, BOOLEAN, TEXT, Operation, Table, put

ENVIRONMENTS = Table(
    "environments",
    key={"name": TEXT},
    columns={"description": TEXT, "purpose": TEXT, "removed": BOOLEAN, "version": BIGINT},
)


def project(recorded: Recorded[EnvironmentEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    event = recorded.event
    removed = isinstance(event, EnvironmentRemoved)
    values = {
        "description": event.description if isinstance(event, EnvironmentDescribed) else "",
        "purpose": event.purpose if isinstance(event, EnvironmentDescribed) else "production",
        "removed": removed,
        "version": recorded.version,
    }
    yield put(ENVIRONMENTS, recorded.stream_id, values)


PROJECTION = Projection(
    name="environments",
    version=1,
    tables=(ENVIRONMENTS,),
    handles=(EnvironmentDescribed, EnvironmentRemoved),
    project=project,
)


class EnvironmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was said about an environment; of a removed one, that it was."""

    name: str
    description: str
    purpose: EnvironmentType
    removed: bool
    version: int


async def find_environments(rows: Rows) -> list[EnvironmentRow]:
    """All that anybody has described or removed, by name."""
    sql = "SELECT name, description, purpose, removed, version FROM {environments} ORDER BY name"
    return await rows.find(EnvironmentRow, sql)
