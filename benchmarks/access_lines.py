"""What a request's line costs: encoded and written to stderr, and into a file that turns, too.

A turn of the event loop writes the lines of all requests that it has answered, so the cost of one
depends on how many come together.
"""

import asyncio
import tempfile
import time
from io import TextIOWrapper
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import msgspec

from adapters.http.access_log import AccessLog
from adapters.telemetry.log_files import LineFile
from benchmarks.report import Row, Section

LINES = 20_000
ROUNDS = 7
TOGETHER = (1, 16, 64)
_CALL: Any = SimpleNamespace(
    principal=SimpleNamespace(
        actor="account/01a1fe4b-b72f-75dd-a708-42199e09fcf2", tenant="default"
    )
)
_CORRELATION = "01a1fe4b-d1bb-77c3-86cf-e8e3f3f796a8"


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds for one of so many lines that come together."""

    together: int
    alone: float
    with_file: float


async def measure() -> list[Cost]:
    """Measure with a file that turns every megabyte, the two alternating."""
    with tempfile.TemporaryDirectory() as directory, _nowhere() as nowhere:
        return [await _cost(count, Path(directory), nowhere) for count in TOGETHER]


def _nowhere() -> TextIOWrapper:
    return Path("/dev/null").open("w")


async def _cost(together: int, directory: Path, nowhere: TextIOWrapper) -> Cost:
    file = LineFile(directory, "bench", size=2**20, count=3)
    alone, with_file = [], []
    for _ in range(ROUNDS):
        alone.append(await _timed(AccessLog(out=nowhere), together))
        with_file.append(await _timed(AccessLog(out=nowhere, file=file), together))
    file.close()
    return Cost(together=together, alone=median(alone), with_file=median(with_file))


async def _timed(log: AccessLog, together: int) -> float:
    """Microseconds of one line."""
    began = time.perf_counter()
    for _ in range(LINES // together):
        for _ in range(together):
            log.add(_CALL, "POST /v1/actions/{name}/runs", 202, 0.0123, _CORRELATION)
        await asyncio.sleep(0)
    return (time.perf_counter() - began) / LINES * 1e6


def section(found: list[Cost]) -> Section:
    """The figures as lines of the table."""
    return Section(
        title="A request's line, into a file that turns",
        rows=[
            Row(
                what=f"{each.together} in one turn of the event loop",
                figure=f"{each.with_file:.1f} us a line",
                beside=f"stderr alone {each.alone:.1f} us",
                ratio=f"+{each.with_file - each.alone:.1f} us",
            )
            for each in found
        ],
    )
