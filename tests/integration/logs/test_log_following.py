"""Following files as programs write them: growth, rotations, cuts, and readers who are slow."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from adapters.logs.reader import opened_log_reader
from application.log_reader import (
    Dropped,
    Followed,
    LogEntry,
    LogQuery,
    LogReader,
    Rotated,
    Truncated,
)
from tests.support.log_files import LogDirectory


@pytest.fixture
def logs(tmp_path: Path) -> LogDirectory:
    return LogDirectory(tmp_path / "logs")


@pytest.fixture
async def reader(logs: LogDirectory) -> AsyncIterator[LogReader]:
    async with opened_log_reader([logs.root], logs.root.parent / "spool") as opened:
        yield opened


class Follower:
    """Awaits what is expected, so that no test waits for time to pass."""

    def __init__(self, following: AsyncGenerator[Followed, None]) -> None:
        self._following = following
        self.seen: list[object] = []
        self.cursor = ""

    async def until(self, message: str) -> list[object]:
        """Messages and notices up to a message, each in order."""
        while message not in self.seen:
            followed = await anext(self._following)
            self.cursor = followed.cursor
            self.seen += [
                each.message if isinstance(each, LogEntry) else each for each in followed.items
            ]
        return self.seen


@asynccontextmanager
async def following(
    reader: LogReader, logs: LogDirectory, *globs: str, **query: object
) -> AsyncIterator[Follower]:
    asked = LogQuery(**query)  # type: ignore[arg-type]
    async with aclosing(reader.follow(logs.source(*globs), asked)) as items:
        await anext(items)  # it has begun
        yield Follower(items)


async def test_new_entries_come_and_old_ones_do_not(reader: LogReader, logs: LogDirectory) -> None:
    logs.write("app.log", "old\n")
    async with following(reader, logs) as follower:
        logs.write("app.log", "a\nb\n")
        assert await follower.until("b") == ["a", "b"]


async def test_only_what_is_asked_for_comes(reader: LogReader, logs: LogDirectory) -> None:
    logs.write("app.log", "")
    async with following(reader, logs, q="needle") as follower:
        logs.write("app.log", "hay\nneedle 1\nhay\nneedle 2\n")
        assert await follower.until("needle 2") == ["needle 1", "needle 2"]


async def test_an_entry_comes_whole(reader: LogReader, logs: LogDirectory) -> None:
    logs.write("app.log", "old\n")
    async with following(reader, logs) as follower:
        for piece in ("begun ", "and ", "ended\n  with more\n", "last\n"):
            logs.write("app.log", piece)
        assert await follower.until("last") == ["begun and ended\n  with more", "last"]


async def test_a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_beginning(
    reader: LogReader, logs: LogDirectory
) -> None:
    logs.write("app.log", "old\n")
    async with following(reader, logs) as follower:
        logs.write("app.log", "a\n")
        await follower.until("a")
        logs.rotate()
        logs.write("app.log.1", "late\n")
        logs.write("app.log", "b\n")
        seen = await follower.until("b")
        assert [each for each in seen if isinstance(each, str)] == ["a", "late", "b"]
        assert [each for each in seen if isinstance(each, Rotated)]


async def test_files_that_were_rotated_between_two_looks_are_not_missed(
    reader: LogReader, logs: LogDirectory
) -> None:
    logs.write("app.log", "old\n")
    async with following(reader, logs) as follower:
        for number in range(4):
            logs.write("app.log", f"{{ {number} }}\n")
            logs.rotate()
        logs.write("app.log", "last\n")
        seen = await follower.until("last")
        assert [each for each in seen if isinstance(each, str)] == [
            *(f"{{ {number} }}" for number in range(4)),
            "last",
        ]


async def test_a_copied_and_cut_file_goes_on_without_loss(
    reader: LogReader, logs: LogDirectory
) -> None:
    logs.write("app.log", "old\n")
    async with following(reader, logs) as follower:
        logs.write("app.log", "a\n")
        await follower.until("a")
        logs.write("app.log", "before the cut\n")
        logs.copy_and_cut()
        logs.write("app.log", "b, and more than there was before it was cut\n")
        seen = await follower.until("b, and more than there was before it was cut")
        texts = [each for each in seen if isinstance(each, str)]
        assert texts[:2] == ["a", "before the cut"]
        assert [each.lost for each in seen if isinstance(each, Truncated)] == [False]


async def test_a_cut_without_a_copy_is_told(reader: LogReader, logs: LogDirectory) -> None:
    logs.write("app.log", "old line\n")
    async with following(reader, logs) as follower:
        os.truncate(logs.root / "app.log", 0)
        logs.write("app.log", "new\n")
        seen = await follower.until("new")
        assert [each for each in seen if not isinstance(each, str)] == [
            Truncated(file=str(logs.root / "app.log"), lost=True)
        ]


async def test_a_slow_reader_is_told_how_many_lines_it_missed(
    reader: LogReader, logs: LogDirectory
) -> None:
    logs.write("app.log", "old\n")
    async with following(reader, logs) as follower:
        lines = [f"{{ {number:0>200}\n" for number in range(40_000)]
        logs.write("app.log", "".join(lines))
        logs.write("app.log", "last\n")
        seen = await follower.until("last")
        dropped = [each for each in seen if isinstance(each, Dropped)]
        assert len(dropped) >= 1
        told = sum(each.lines for each in dropped)
        assert told + sum(isinstance(each, str) for each in seen) == 40_001


async def test_following_again_from_a_cursor_misses_and_repeats_nothing(
    reader: LogReader, logs: LogDirectory
) -> None:
    logs.write("app.log", "old\n")
    async with following(reader, logs) as follower:
        logs.write("app.log", "a\n")
        await follower.until("a")
        cursor = follower.cursor
    logs.write("app.log", "b\n")
    logs.rotate()
    logs.pack("app.log.1.gz")
    logs.write("app.log", "c\n")
    asked = LogQuery(cursor=cursor)
    async with aclosing(reader.follow(logs.source(), asked)) as items:
        assert await Follower(items).until("c") == ["b", "c"]


async def test_a_page_and_what_follows_it_are_seamless(
    reader: LogReader, logs: LogDirectory
) -> None:
    logs.write("app.log", "old\nbegun")
    page = await reader.page(logs.source(), LogQuery())
    logs.write("app.log", " and ended\n")
    logs.write("new.log", "new file\n")
    asked = LogQuery(cursor=page.previous)
    async with aclosing(reader.follow(logs.source("*.log"), asked)) as items:
        follower = Follower(items)
        await follower.until("new file")
        assert sorted(map(str, await follower.until("begun and ended"))) == [
            "begun and ended",
            "new file",
        ]


async def test_leaving_closes_every_file(reader: LogReader, logs: LogDirectory) -> None:
    logs.write("app.log", "old\n")

    def is_open() -> bool:
        return logs.root / "app.log" in {Path(file.path) for file in psutil.Process().open_files()}

    async def follow() -> None:
        async with aclosing(reader.follow(logs.source(), LogQuery())) as items:
            async for _ in items:
                begun.set()

    begun = asyncio.Event()
    task = asyncio.create_task(follow())
    await begun.wait()
    assert is_open()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not is_open()
