"""Jobs per second, from enqueue to outcome, with the `log` executor and the real processes.

A projector and the workers run as the processes that an installation has; this process plays the
API: it triggers an action through the command bus, 64 commands at a time, and then waits until the
log holds the last outcome. A job is three events: queued, started, succeeded.
"""

import asyncio
import time
from contextlib import ExitStack
from statistics import median
from uuid import uuid4

import msgspec

from adapters.bootstrap import open_platform
from adapters.platform import Platform
from adapters.postgres.connect import Connection, connect
from application.access import Principal
from application.actions import TriggerAction
from application.context import Context
from application.limits import Caller
from benchmarks.servers import Installation, running
from benchmarks.snapshots import held_snapshot
from domain.access import OWNER
from domain.actions import DefineAction, LogTarget
from domain.retries import RetryPolicy

JOBS = 5000
WORKERS = 2
CLIENTS = 64
_ACTOR = "api-key/benchmark"
_WARM_UP = 500


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run, in seconds: until all were enqueued, and until the last outcome."""

    enqueueing: float
    seconds: float
    events: int


class Jobs(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds."""

    plain: float
    """Jobs per second."""
    snapshot: float
    enqueued: float
    """Commands per second while the jobs were enqueued, beside the workers."""
    events_per_job: float


async def measure(installation: Installation, *, rounds: int = 3, jobs: int = JOBS) -> Jobs:
    """Alternate runs without and with an old snapshot."""
    url = installation.database_url
    plain: list[Run] = []
    snapshot: list[Run] = []
    with ExitStack() as processes:
        async with open_platform(installation.settings) as platform:
            await define(platform)
            for name in ["projector", *["worker"] * WORKERS]:
                processes.enter_context(running("adapters.cli", name, env=installation.env))
            await _run(platform, url, _WARM_UP)
            for _ in range(rounds):
                plain.append(await _run(platform, url, jobs))
                async with held_snapshot(url):
                    snapshot.append(await _run(platform, url, jobs))
    return Jobs(
        plain=jobs / median(each.seconds for each in plain),
        snapshot=jobs / median(each.seconds for each in snapshot),
        enqueued=jobs / median(each.enqueueing for each in plain),
        events_per_job=sum(each.events for each in plain) / jobs / rounds,
    )


async def _run(platform: Platform, url: str, jobs: int) -> Run:
    connection = await connect(url, role="annals_reader")
    try:
        before = (await platform.store.tail()).position
        began = time.perf_counter()
        await _trigger(platform, jobs)
        enqueued = time.perf_counter()
        await outcomes(connection, before, jobs)
        ended = time.perf_counter()
        after = (await platform.store.tail()).position
    finally:
        await connection.close()
    return Run(enqueueing=enqueued - began, seconds=ended - began, events=after - before)


async def define(platform: Platform) -> None:
    command = DefineAction(
        name="benchmark",
        flag=None,
        limit=None,
        input_schema=None,
        executor=LogTarget(),
        headers={},
        retry=RetryPolicy(),
        at=platform.now(),
    )
    await platform.bus.execute(command, context())


async def _trigger(platform: Platform, count: int) -> None:
    caller = Caller(principal=Principal(actor=_ACTOR, role=OWNER), address="127.0.0.1")
    command = TriggerAction(action="benchmark", input={"number": 1}, caller=caller)
    left = iter(range(count))

    async def client() -> None:
        for _ in left:
            await platform.bus.execute(command, context())

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def outcomes(connection: Connection, position: int, count: int) -> None:
    """Wait until so many jobs have succeeded behind a position."""
    found = 0
    while found < count:
        row = await connection.fetchrow(
            "SELECT count(*) FILTER (WHERE type = 'job.succeeded'), max(position) "
            "FROM annals.events WHERE log_id = 1 AND position > $1",
            position,
        )
        assert row is not None
        found, position = found + row[0], row[1] or position
        await asyncio.sleep(0.02)


def context() -> Context:
    """The circumstances of a command of ours."""
    deadline = asyncio.get_running_loop().time() + 60
    return Context(actor=_ACTOR, correlation_id=uuid4(), deadline=deadline)
