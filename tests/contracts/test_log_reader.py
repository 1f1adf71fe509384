"""One suite for the reader over files and the one in memory."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from adapters.logs.reader import opened_log_reader
from adapters.memory.log_reader import MemoryLogReader
from application.log_reader import Level, LogEntry, LogQuery, LogReader, SourceFiles
from domain.rejections import Invalid

START = datetime(2026, 1, 1, tzinfo=UTC)


class Plant(Protocol):
    reader: LogReader
    source: SourceFiles

    def write(
        self, second: int, message: str, level: Level = "info", user: str = "ada"
    ) -> None: ...


class FilePlant:
    def __init__(self, reader: LogReader, root: Path) -> None:
        self.reader = reader
        self.source = SourceFiles(name="app", paths=(f"{root}/app.log",))
        self._file = root / "app.log"

    def write(self, second: int, message: str, level: Level = "info", user: str = "ada") -> None:
        at = (START + timedelta(seconds=second)).isoformat()
        line = {"time": at, "level": level, "message": message, "user": user}
        with self._file.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")


class MemoryPlant:
    def __init__(self) -> None:
        self._memory = MemoryLogReader()
        self.reader: LogReader = self._memory
        self.source = SourceFiles(name="app", paths=("/var/log/app.log",))
        self._count = 0

    def write(self, second: int, message: str, level: Level = "info", user: str = "ada") -> None:
        entry = LogEntry(
            at=START + timedelta(seconds=second),
            level=level,
            message=message,
            fields={"user": user},
            file="/var/log/app.log",
            offset=self._count,
            length=1,
        )
        self._count += 1
        self._memory.write("app", entry)


@pytest.fixture(params=["memory", "files"])
async def plant(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Plant]:
    if request.param == "memory":
        yield MemoryPlant()
        return
    (tmp_path / "logs").mkdir()
    async with opened_log_reader([tmp_path / "logs"], tmp_path / "spool") as reader:
        yield FilePlant(reader, tmp_path / "logs")


async def texts(plant: Plant, query: LogQuery) -> list[str]:
    page = await plant.reader.page(plant.source, query)
    return [entry.message for entry in page.entries]


async def test_the_newest_come_first_unless_asked_otherwise(plant: Plant) -> None:
    for number in range(3):
        plant.write(number, f"m{number}")
    assert await texts(plant, LogQuery()) == ["m2", "m1", "m0"]
    assert await texts(plant, LogQuery(order="asc")) == ["m0", "m1", "m2"]


async def test_every_condition_must_hold(plant: Plant) -> None:
    plant.write(1, "alpha one")
    plant.write(2, "alpha two", "error")
    plant.write(3, "beta two", "error", "bob")
    assert await texts(plant, LogQuery(q="alpha")) == ["alpha two", "alpha one"]
    assert await texts(plant, LogQuery(q="ALPHA")) == []
    assert await texts(plant, LogQuery(q="ALPHA", ignore_case=True, regex="one")) == ["alpha one"]
    assert await texts(plant, LogQuery(levels=frozenset({"error"}))) == ["beta two", "alpha two"]
    assert await texts(plant, LogQuery(fields={"user": "bob"})) == ["beta two"]
    assert await texts(plant, LogQuery(regex="^.*two", fields={"user": "ada"})) == ["alpha two"]


async def test_a_window_has_its_beginning_and_not_its_end(plant: Plant) -> None:
    for number in range(5):
        plant.write(number, f"m{number}")
    since, until = START + timedelta(seconds=1), START + timedelta(seconds=3)
    assert await texts(plant, LogQuery(since=since, until=until)) == ["m2", "m1"]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_lead_on_and_back(plant: Plant, order: str) -> None:
    for number in range(5):
        plant.write(number, f"m{number}")
    query = LogQuery(order=order, limit=2)  # type: ignore[arg-type]
    first = await plant.reader.page(plant.source, query)
    second = await plant.reader.page(
        plant.source, msgspec.structs.replace(query, cursor=first.next)
    )
    third = await plant.reader.page(
        plant.source, msgspec.structs.replace(query, cursor=second.next)
    )
    assert [len(each.entries) for each in (first, second, third)] == [2, 2, 1]
    assert third.next is None
    back = await plant.reader.page(
        plant.source, msgspec.structs.replace(query, cursor=second.previous)
    )
    assert back.entries == first.entries


async def test_counts_are_by_level_and_time(plant: Plant) -> None:
    for number, level in enumerate(("info", "error", "info", "info")):
        plant.write(number * 100, f"m{number}", level)  # type: ignore[arg-type]
    counted = await plant.reader.histogram(plant.source, LogQuery(), buckets=10)
    assert len(counted.buckets) <= 10
    assert sum(each.counts.get("info", 0) for each in counted.buckets) == 3
    assert sum(each.counts.get("error", 0) for each in counted.buckets) == 1
    assert not counted.unfinished


async def test_followers_see_what_is_written_from_a_page_on(plant: Plant) -> None:
    plant.write(1, "before")
    page = await plant.reader.page(plant.source, LogQuery())
    plant.write(2, "after")
    seen: list[str] = []
    asked = LogQuery(cursor=page.previous)
    async with aclosing(plant.reader.follow(plant.source, asked)) as following:
        while "after" not in seen:
            followed = await anext(following)
            seen += [each.message for each in followed.items if isinstance(each, LogEntry)]
    assert seen == ["after"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        (LogQuery(limit=0), "/limit"),
        (LogQuery(limit=1001), "/limit"),
        (LogQuery(since=START, until=START - timedelta(1)), "/until"),
        (LogQuery(q=""), "/q"),
        (LogQuery(q="a\nb"), "/q"),
        (LogQuery(q="x" * 1001), "/q"),
        (LogQuery(regex="("), "/regex"),
        (LogQuery(fields={"": "x"}), "/fields/"),
        (LogQuery(cursor="no cursor"), "/cursor"),
    ],
)
async def test_bad_queries_are_refused_by_name(plant: Plant, query: LogQuery, pointer: str) -> None:
    plant.write(1, "line")
    with pytest.raises(Invalid) as refused:
        await plant.reader.page(plant.source, query)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


async def test_a_source_tells_what_it_has(plant: Plant) -> None:
    assert (await plant.reader.summary(plant.source)).files == 0
    plant.write(1, "a")
    plant.write(9, "b")
    found = await plant.reader.summary(plant.source)
    assert found.files == 1
    assert found.bytes > 0
    assert (found.since, found.until) == (
        START + timedelta(seconds=1),
        START + timedelta(seconds=9),
    )


async def test_sources_outside_the_roots_are_refused(plant: Plant) -> None:
    plant.reader.check(plant.source)
    with pytest.raises(Invalid) as refused:
        plant.reader.check(SourceFiles(name="x", paths=("/etc/shadow",)))
    assert refused.value.faults[0].pointer == "/paths/0"
