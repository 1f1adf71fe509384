"""Logs: one gigabyte of JSON lines, searched as the API does, beside grep, jq and lnav.

    python -m benchmarks logs

The file is made in a temporary directory and removed. What is not installed is said to be absent.
Every figure is the median of some rounds with the file in the page cache; the searcher's memory is
its resident set, and what of that is its own rather than shared.
"""

import asyncio
import json
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import msgspec
import psutil

from adapters.logs.reader import opened_log_reader
from application.log_reader import LogQuery, LogReader, SourceFiles
from benchmarks.report import Row, Section

SIZE = 1 << 30
ROUNDS = 3
START = datetime(2026, 1, 1, tzinfo=UTC)
NEEDLE = "no-such-text-anywhere"
USER = "u4711"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, and bytes for memory; None where a program is not installed."""

    window: float
    text: float
    grep: float
    field: float
    jq: float | None
    lnav: float | None
    histogram: float
    resident: int
    own: int
    idle_lag: float
    busy_lag: float


async def measure(size: int = SIZE) -> Measured:
    """Make the file, ask, and remove it."""
    with tempfile.TemporaryDirectory(prefix="annals-logs-") as home:
        file = Path(home) / "logs" / "app.log"
        file.parent.mkdir()
        await asyncio.to_thread(_make, file, size)
        spool = Path(home) / "spool"
        async with opened_log_reader(
            [file.parent], spool, page_seconds=600, histogram_seconds=600, searchers=1
        ) as reader:
            return await _measured(reader, file)


async def _measured(reader: LogReader, file: Path) -> Measured:
    source = SourceFiles(name="app", paths=(str(file),))
    noon = START + timedelta(hours=12)
    window = LogQuery(since=noon, until=noon + timedelta(minutes=5), order="asc")
    text = LogQuery(q=NEEDLE, order="asc")
    field = LogQuery(fields={"user": USER}, order="asc", limit=1000)

    async def page(query: LogQuery) -> None:
        await reader.page(source, query)

    await page(window)  # starts the searcher, and fills its caches as any other request would
    found = await reader.page(source, field)
    expected = await _output("grep", "-c", "-F", f'"user":"{USER}"', str(file))
    if len(found.entries) != int(expected or 0):
        raise ValueError("the field filter and grep do not agree")
    jq = [f'select(.user=="{USER}")', str(file)]
    lnav = ["-n", "-c", f':filter-in "user":"{USER}"', str(file)]
    idle = await _lag(asyncio.sleep(1))
    texts, greps = [], []
    for _ in range(ROUNDS):  # in turns, so that both meet the same neighbours
        texts.append(await _timed(lambda: page(text)))
        greps.append(await _timed(lambda: _output("grep", "-F", NEEDLE, str(file))))
    busy = await _lag(page(text))
    histogram = await _timed(lambda: reader.histogram(source, LogQuery()))
    memory = _searcher().memory_full_info()
    return Measured(
        window=median([await _timed(lambda: page(window)) for _ in range(20)]),
        text=median(texts),
        grep=median(greps),
        field=median([await _timed(lambda: page(field)) for _ in range(ROUNDS)]),
        jq=await _program("jq", "-c", *jq),
        lnav=await _program("lnav", *lnav),
        histogram=histogram,
        resident=memory.rss,
        own=memory.uss,
        idle_lag=idle,
        busy_lag=busy,
    )


def _make(file: Path, size: int) -> None:
    """A day of a web application's lines, each a little after the one before or beside it."""
    chance = random.Random(7)
    events = ("request_served", "session_opened", "flag_evaluated", "job_done", "cache_missed")
    at, step = START.timestamp(), 86_400 * 200 / size
    with file.open("wb", buffering=1 << 20) as out:
        while out.tell() < size:
            at += step * chance.random() * 2
            stamp = datetime.fromtimestamp(at + chance.random(), UTC).isoformat()
            line = {
                "event": chance.choice(events),
                "level": chance.choices(("info", "debug", "warning", "error"), (80, 15, 4, 1))[0],
                "timestamp": stamp.replace("+00:00", "Z"),
                "correlation_id": f"{chance.getrandbits(128):032x}",
                "user": f"u{chance.randrange(100_000)}",
                "status": chance.choice((200, 200, 200, 404, 500)),
                "duration_ms": round(chance.random() * 100, 2),
            }
            out.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


async def _timed(ask: Callable[[], Awaitable[object]]) -> float:
    before = time.perf_counter()
    await ask()
    return time.perf_counter() - before


async def _lag(work: Awaitable[object]) -> float:
    """The 99th percentile of how late this loop's own timers are while something runs."""
    lags, task = [], asyncio.ensure_future(work)
    while not task.done():
        before = time.perf_counter()
        await asyncio.sleep(0.002)
        lags.append(time.perf_counter() - before - 0.002)
    await task
    return sorted(lags)[len(lags) * 99 // 100]


async def _output(program: str, *arguments: str) -> str | None:
    path = shutil.which(program)
    if path is None:
        return None
    ran = await asyncio.create_subprocess_exec(
        path, *arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"LC_ALL": "C"}
    )
    return (await ran.communicate())[0].decode()


async def _program(program: str, *arguments: str) -> float | None:
    if shutil.which(program) is None:
        return None
    return await _timed(lambda: _output(program, *arguments))


def _searcher() -> psutil.Process:
    return next(
        each for each in psutil.Process().children() if "adapters.logs.searcher" in each.cmdline()
    )


def section(found: Measured) -> Section:
    """The figures beside their goals."""
    lnav = "lnav absent" if found.lnav is None else f"lnav {found.lnav:.2f} s"
    jq = "jq absent" if found.jq is None else f"jq {found.jq:.1f} s"
    faster = [each for each in (found.lnav or 2.5, found.jq or 17.0) if found.field < each]
    ratio = found.text / found.grep
    return Section(
        title="(l) Logs: one gigabyte of JSON lines",
        rows=[
            Row(
                what="a page of a window of five minutes",
                figure=f"{found.window * 1000:.1f} ms",
                goal="under 20 ms",
                met=found.window < 0.02,
            ),
            Row(
                what="a text that is nowhere",
                figure=f"{found.text:.2f} s",
                beside=f"grep -F {found.grep:.2f} s",
                ratio=f"{ratio:.2f}x",
                goal="within 3x",
                met=ratio <= 3,
            ),
            Row(
                what="all entries with a field's value",
                figure=f"{found.field:.2f} s",
                beside=f"{lnav}, {jq}",
                goal="under lnav (2.5 s) and jq (17 s)",
                met=len(faster) == 2,
            ),
            Row(
                what="the searcher's memory after all this",
                figure=f"{found.resident / 1e6:.0f} MB resident, {found.own / 1e6:.0f} MB its own",
                goal="under 100 MB",
                met=found.resident < 100_000_000,
            ),
            Row(what="counts of all of it by level and time", figure=f"{found.histogram:.1f} s"),
            Row(
                what="lateness of the API's loop during a search, p99",
                figure=f"{found.busy_lag * 1000:.1f} ms",
                beside=f"idle {found.idle_lag * 1000:.1f} ms",
            ),
        ],
    )
