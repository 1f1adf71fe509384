"""What a tail sends: lines, notices as events of their own types, and places to resume behind."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from typing_extensions import override

from adapters.http.log_tail import first_lines, lines_from
from adapters.memory.log_reader import MemoryLogReader
from application.access import Principal
from application.log_reader import (
    Dropped,
    Followed,
    LinesGone,
    LogEntry,
    LogQuery,
    Rotated,
    SourceFiles,
    Truncated,
)
from domain.logs import NoSuchLogSource

FILES = SourceFiles(name="app", paths=("/var/log/app.log",))
OTHER = SourceFiles(name="app", paths=("/var/log/other.log",))


def entry(number: int) -> LogEntry:
    return LogEntry(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        level="info",
        message=f"line {number}",
        fields={},
        file="app.log",
        offset=number,
        length=1,
    )


class Call:
    """As much of a request as a tail needs."""

    def __init__(self, reader: MemoryLogReader) -> None:
        self.tenant = "default"
        self.principal = Principal(actor="api-key/a", role="admin")
        self.reader = reader
        self.now_registered: SourceFiles | None = FILES
        logs = SimpleNamespace(reader=reader, source=self._source)
        self.platform = SimpleNamespace(
            services=SimpleNamespace(logs=logs), now=lambda: datetime(2026, 1, 1, tzinfo=UTC)
        )

    async def _source(self, name: str, _tenant: str, *, own: bool) -> SourceFiles:
        del own
        if self.now_registered is None:
            raise NoSuchLogSource(source=name)
        return self.now_registered


@pytest.fixture
def call() -> Call:
    return Call(MemoryLogReader(""))


async def opened(call: Any, *, last: int = 0, resumed: str | None = None) -> Any:
    page = await first_lines(call, FILES, LogQuery(), last=last, resumed=resumed)
    return lines_from(call, FILES, LogQuery(), page, resumed)


def parsed(chunk: bytes) -> list[tuple[str, str, Any]]:
    """(id, type, data) of each block."""
    found = []
    for block in chunk.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = json.loads(fields["data"]) if "data" in fields else None
        found.append((fields.get("id", ""), fields.get("event", "message"), data))
    return found


async def test_it_begins_with_the_newest_and_goes_on_with_what_comes(call: Call) -> None:
    call.reader.write("app", *(entry(number) for number in range(5)))
    async with aclosing(await opened(call, last=2)) as blocks:
        first = parsed(await anext(blocks))
        assert [data["message"] for _, _, data in first[:-1]] == ["line 3", "line 4"]
        call.reader.write("app", entry(5))
        (_, _, line), (place, _, _) = parsed(await anext(blocks))
    assert line["message"] == "line 5"
    assert set(line) >= {"at", "level", "message", "fields", "file", "offset", "links"}
    async with aclosing(await opened(call, resumed=first[-1][0])) as again:
        assert parsed(await anext(again))[0][2] == line
    assert place


async def test_what_happened_to_the_files_are_events_of_their_own_types(call: Call) -> None:
    notices = (
        Dropped(file="app.log", lines=7, bytes=70),
        Rotated(file="app.log"),
        Truncated(file="app.log", lost=True),
    )
    call.reader.write("app", entry(0))
    async with aclosing(await opened(call, last=1)) as blocks:
        await anext(blocks)
        call.reader.write("app", *notices)
        found = parsed(await anext(blocks))
    assert [(kind, data) for _, kind, data in found[:-1]] == [
        ("dropped", {"type": "dropped", "file": "app.log", "lines": 7, "bytes": 70}),
        ("rotated", {"type": "rotated", "file": "app.log"}),
        ("truncated", {"type": "truncated", "file": "app.log", "lost": True}),
    ]


class Forgetful(MemoryLogReader):
    """Knows no place any more."""

    @override
    async def follow(self, source: SourceFiles, query: LogQuery) -> AsyncGenerator[Followed, None]:
        if query.cursor is not None:
            raise LinesGone
        async for followed in super().follow(source, query):
            yield followed


async def test_a_place_that_was_rotated_away_is_told_and_the_tail_goes_on() -> None:
    call = Call(Forgetful(""))
    async with aclosing(await opened(call, resumed="next:3")) as blocks:
        assert [kind for _, kind, _ in parsed(await anext(blocks))] == ["dropped"]
        waiting = asyncio.ensure_future(anext(blocks))
        await asyncio.sleep(0)  # it follows from now on
        call.reader.write("app", entry(9))
        line = parsed(await waiting)[0]
    assert line[2]["message"] == "line 9"


@pytest.mark.parametrize("now_registered", [OTHER, None])
async def test_a_source_that_was_changed_or_removed_is_followed_no_further(
    call: Call, now_registered: SourceFiles | None
) -> None:
    call.reader.write("app", entry(0))
    async with aclosing(await opened(call, last=1)) as blocks:
        await anext(blocks)
        call.now_registered = now_registered
        call.reader.write("app", entry(1))
        assert await _rest(blocks) == []


async def _rest(blocks: AsyncIterator[bytes]) -> list[bytes]:
    try:
        return [block async for block in blocks]
    except NoSuchLogSource:
        return []
