"""Log sources as lists show them."""

from collections.abc import Iterable

import msgspec

from application.log_reader import SourceFiles
from domain.logs import LogSourceChanged, LogSourceEvent, LogSourceRegistered, LogSourceRemoved
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import BIGINT, TEXT, TEXTS, Operation, Table, delete, nullable, put

SOURCES = Table(
    "sources",
    key={"name": TEXT},
    columns={
        "paths": TEXTS,
        "format": nullable(TEXT),
        "time_zone": TEXT,
        "slack_ms": BIGINT,
        "version": BIGINT,
    },
)


def project(recorded: Recorded[LogSourceEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    name, event = recorded.stream_id, recorded.event
    match event:
        case LogSourceRegistered() | LogSourceChanged():
            values = {
                "paths": list(event.paths),
                "format": event.format,
                "time_zone": event.time_zone,
                "slack_ms": round(event.slack * 1000),
                "version": recorded.version,
            }
            yield put(SOURCES, name, values)
        case LogSourceRemoved():
            yield delete(SOURCES, name)


PROJECTION = Projection(
    name="logs",
    version=1,
    tables=(SOURCES,),
    handles=(LogSourceRegistered, LogSourceChanged, LogSourceRemoved),
    project=project,
)


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A source; `format` None is detected, `slack_ms` in milliseconds."""

    name: str
    paths: tuple[str, ...]
    format: str | None
    time_zone: str
    slack_ms: int
    version: int

    def files(self) -> SourceFiles:
        """The same as the reader knows it."""
        return msgspec.convert(
            {
                "name": self.name,
                "paths": self.paths,
                "format": self.format,
                "time_zone": self.time_zone,
                "slack": self.slack_ms / 1000,
            },
            SourceFiles,
        )


async def find_sources(rows: Rows, *, after: str = "", limit: int = 50) -> list[SourceRow]:
    """Sources by name."""
    sql = """
        SELECT name, paths, format, time_zone, slack_ms, version FROM {sources}
        WHERE name > $1 ORDER BY name LIMIT $2
    """
    return await rows.find(SourceRow, sql, after, limit)
