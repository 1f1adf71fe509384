"""The processes that search: let go of with their callers, and replaced when they die."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psutil
import pytest

from adapters.logs.reader import opened_log_reader
from adapters.logs.requests import LENGTH, FindPage
from application.event_store import Outage
from application.log_reader import LogQuery, LogReader, LogsBusy, SourceFiles
from domain.rejections import Invalid
from tests.support.log_files import LogDirectory, limits

ENDLESS = LogQuery(regex="(x+x+)+[^x]y$", order="asc")


@pytest.fixture
def logs(tmp_path: Path) -> LogDirectory:
    return LogDirectory(tmp_path / "logs")


@pytest.fixture
async def reader(logs: LogDirectory) -> AsyncIterator[LogReader]:
    spool = logs.root.parent / "spool"
    async with opened_log_reader([logs.root], spool, page_seconds=600.0) as opened:
        yield opened


def searchers() -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process().children()
        if "adapters.logs.searcher" in " ".join(each.cmdline())
    ]


async def gone(process: psutil.Process) -> None:
    """Wait for a process's end without taking its exit code from who started it."""
    try:
        watched = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(watched, ended.set)
    await ended.wait()
    asyncio.get_running_loop().remove_reader(watched)
    os.close(watched)


def big(logs: LogDirectory) -> None:
    """What takes a searcher long: it is sparse, so it costs no disk."""
    with (logs.root / "app.log").open("wb") as file:
        file.truncate(64 << 30)


async def started(logs: LogDirectory) -> psutil.Process:
    """The searcher that has opened the log."""
    name = str(logs.root / "app.log")
    while True:
        for each in searchers():
            if any(file.path == name for file in each.open_files()):
                return each
        await asyncio.sleep(0)


async def test_a_searcher_ends_when_its_caller_leaves(
    logs: LogDirectory, reader: LogReader
) -> None:
    big(logs)
    asking = asyncio.create_task(reader.page(logs.source(), LogQuery(q="needle", order="asc")))
    searcher = await started(logs)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await gone(searcher)
    (logs.root / "app.log").unlink()
    logs.write("app.log", "still here\n")
    assert (await reader.page(logs.source(), LogQuery())).entries[0].message == "still here"


async def test_a_searcher_that_dies_is_an_outage_and_the_next_one_answers(
    logs: LogDirectory, reader: LogReader
) -> None:
    big(logs)
    asking = asyncio.create_task(reader.page(logs.source(), LogQuery(q="needle", order="asc")))
    (await started(logs)).kill()
    with pytest.raises(Outage):
        await asking
    (logs.root / "app.log").unlink()
    logs.write("app.log", "still here\n")
    assert (await reader.page(logs.source(), LogQuery())).entries[0].message == "still here"


async def test_one_that_died_while_idle_is_replaced_unnoticed(
    logs: LogDirectory, reader: LogReader
) -> None:
    logs.write("app.log", "line\n")
    before = await reader.page(logs.source(), LogQuery())
    (idle,) = searchers()
    idle.kill()
    await gone(idle)
    assert await reader.page(logs.source(), LogQuery()) == before


async def test_no_more_wait_than_may(logs: LogDirectory, reader: LogReader) -> None:
    big(logs)
    asked = LogQuery(q="needle", order="asc")
    asking = [asyncio.create_task(reader.page(logs.source(), asked)) for _ in range(34)]
    await started(logs)
    with pytest.raises(LogsBusy):
        await reader.page(logs.source(), asked)
    assert len(searchers()) <= 2
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_an_idle_searcher_is_ended(logs: LogDirectory) -> None:
    logs.write("app.log", "line\n")
    spool = logs.root.parent / "spool"
    async with opened_log_reader([logs.root], spool, idle=0.0) as reader:
        await reader.page(logs.source(), LogQuery())
        for each in searchers():
            await gone(each)


async def test_a_pattern_that_explodes_elsewhere_is_answered(
    logs: LogDirectory, reader: LogReader
) -> None:
    logs.write("app.log", "x" * 1_000_000 + "\n")
    assert (await reader.page(logs.source(), ENDLESS)).entries == ()


@pytest.mark.parametrize(
    "pattern", ["(", "a{1001}", r"(a)\1", "(?=a)", "[z-a]", "\ud800", "x{1000}{1000}"]
)
async def test_what_is_no_pattern_is_refused(
    logs: LogDirectory, reader: LogReader, pattern: str
) -> None:
    logs.write("app.log", "line\n")
    with pytest.raises(Invalid) as refused:
        await reader.page(logs.source(), LogQuery(regex=pattern))
    assert refused.value.faults[0].pointer == "/regex"


def test_a_searcher_ends_with_its_parent_in_the_middle_of_its_work(logs: LogDirectory) -> None:
    big(logs)
    searcher = subprocess.Popen(
        [sys.executable, "-m", "adapters.logs.searcher", msgspec.json.encode(limits(logs.root))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    source: SourceFiles = logs.source()
    body = msgspec.json.encode(FindPage(source=source, query=LogQuery(q="needle", order="asc")))
    assert searcher.stdin is not None
    searcher.stdin.write(LENGTH.pack(len(body)) + body)
    searcher.stdin.flush()
    searcher.stdin.close()
    assert searcher.wait() == 0
    assert searcher.stdout is not None
    searcher.stdout.close()


async def test_memory_stays_flat_whatever_a_file_holds(
    logs: LogDirectory, reader: LogReader
) -> None:
    with (logs.root / "app.log").open("wb") as file:
        file.truncate(120_000_000)  # one line of zeros
        file.seek(0, os.SEEK_END)
        file.write(b"\nneedle\n")
    page = await reader.page(logs.source(), LogQuery(q="needle", order="asc"))
    assert page.entries[-1].message.endswith("needle")
    (searcher,) = searchers()
    assert searcher.memory_info().rss < 100_000_000
