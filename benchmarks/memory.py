"""The memory of each process, and the whole platform's pace, after and under load over HTTP.

`annals up` with two workers runs everything on this machine, its access log on. People trigger an
action over HTTP for some seconds; when the last job has its outcome, each process is looked at.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil

from adapters.postgres.connect import connect
from benchmarks.commands import prepared
from benchmarks.http_load import Load, send_apart
from benchmarks.jobs import outcomes
from tests.support.platform import Platform
from tests.support.services import Services

SECONDS = 5.0
CONNECTIONS = 32
WORKERS = 2
_ROLES = ("api", "projector", "worker", "scheduler")


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """What a role's processes hold, in MB; granian serves the API with a parent and a worker.

    `largest` is resident. `together` counts a page that several share in parts (Linux only).
    """

    role: str
    processes: int
    largest: float
    together: float | None


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """After so many requests; `jobs_per_second` counts from the first request to the last job."""

    requests: int
    requests_per_second: float
    jobs_per_second: float
    processes: list[Process]


def measure(services: Services) -> Loaded:
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as directory:
        database = services.new_database(migrated=False)
        platform = Platform(
            Path(directory) / "data",
            DATABASE_URL=database,
            REDIS_URL=services.redis_url,
            WORKERS=str(WORKERS),
        )
        platform.start()
        try:
            return _loaded(platform, database)
        finally:
            platform.stop()


def _loaded(platform: Platform, database: str) -> Loaded:
    driver = platform.driver()
    load = Load(
        host="127.0.0.1",
        port=urlsplit(platform.url).port or 0,
        requests=prepared(driver),
        connections=CONNECTIONS,
        seconds=SECONDS,
    )
    driver.close()
    began = time.perf_counter()
    sent = send_apart(load)
    assert set(sent.statuses) == {"202"}, sent.statuses
    jobs = sent.statuses["202"]
    asyncio.run(_done(database, jobs))
    took = time.perf_counter() - began
    return Loaded(
        requests=jobs,
        requests_per_second=sent.per_second,
        jobs_per_second=jobs / took,
        processes=[_held(role, platform.children(role)) for role in _ROLES],
    )


async def _done(database: str, jobs: int) -> None:
    connection = await connect(database, role="annals_reader")
    try:
        await outcomes(connection, 0, jobs)
    finally:
        await connection.close()


def _held(role: str, processes: list[psutil.Process]) -> Process:
    shares = [getattr(each.memory_full_info(), "pss", None) for each in processes]
    known = [each for each in shares if each is not None]
    return Process(
        role=role,
        processes=len(processes),
        largest=max(each.memory_info().rss for each in processes) / 1e6,
        together=sum(known) / 1e6 if known else None,
    )
