"""A backup beside pg_dump through zstd, a restore beside pg_restore, and commands during a dump.

The log is filled by SQL. Each round makes a backup and a plain dump, one after the other, and loads
both into empty databases; programs that work for us run at the lowest priority, so the plain ones
do, too. The plain dump is not flushed to the disk, ours is. Commands are conditional appends of 16
clients in this process, while another process dumps the same log over and over.

BENCH_BACKUP_EVENTS says how many events the log has.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec

from adapters.backups.directory import DirectoryRepository
from adapters.backups.dump import PgDumper
from adapters.backups.programs import LOWEST, binaries
from adapters.backups.scratch import load, scratch_database
from adapters.crypto.ids import new_id
from adapters.postgres.connect import close, connect
from adapters.postgres.event_store import opened
from adapters.postgres.migrations import make_roles, migrate
from benchmarks.appends import appending
from benchmarks.load import loaded
from benchmarks.report import Row, Section
from tests.support.services import Services

EVENTS = int(os.environ.get("BENCH_BACKUP_EVENTS", "250000"))
ROUNDS = 3
CLIENTS = 16
SECONDS = 4.0
GOAL_TIMES, GOAL_SPEED = 1.5, 0.9

_FILL = """
    INSERT INTO annals.events (log_id, position, tenant, stream, version, event_id, type,
        schema_version, data, recorded_at, actor, correlation_id, causation_id, meta)
    SELECT 1, n, 'default', 'flag/' || ((n - 1) / 5), (n - 1) % 5 + 1, uuidv7(),
        CASE WHEN (n - 1) % 5 = 0 THEN 'flag.defined' ELSE 'flag.enabled' END, 1,
        json_build_object('environment', md5(n::text), 'text', repeat(md5((n / 7)::text), 2)),
        '2026-01-01'::timestamptz + n * interval '10 ms', 'account/' || md5((n % 1000)::text),
        gen_random_uuid(), NULL, json_build_object('trace', md5((n / 3)::text))
    FROM generate_series($1::bigint, $2::bigint) AS n
"""
_AT_ONCE = 100_000


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds, in seconds; speeds in commands per second."""

    events: int
    gigabytes: float
    backup: float
    pg_dump: float
    backup_times: float
    restore: float
    pg_restore: float
    restore_times: float
    alone: float
    beside: float
    speed: float


def measure(services: Services) -> Measured:
    """On a log of its own."""
    url = services.new_database(migrated=False)
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as directory:
        return asyncio.run(_measure(url, Path(directory)))


async def _measure(url: str, directory: Path) -> Measured:
    gigabytes = await _fill(url)
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, work in _works(url, directory).items():
            times.setdefault(name, []).append(await work())
    speeds = [await _speeds(url, directory) for _ in range(ROUNDS)]
    found = {name: median(each) for name, each in times.items()}
    return Measured(
        events=EVENTS,
        gigabytes=gigabytes,
        **found,
        backup_times=_ratio(times["backup"], times["pg_dump"]),
        restore_times=_ratio(times["restore"], times["pg_restore"]),
        alone=median(alone for alone, _ in speeds),
        beside=median(beside for _, beside in speeds),
        speed=median(beside / alone for alone, beside in speeds),
    )


def _ratio(ours: list[float], plain: list[float]) -> float:
    """The median of each round's ratio: what others do to the machine hits both of a round."""
    return median(one / other for one, other in zip(ours, plain, strict=True))


async def _fill(url: str) -> float:
    await migrate(url)
    connection = await connect(url, role="annals_owner")
    try:
        for start in range(1, EVENTS + 1, _AT_ONCE):
            end = min(start + _AT_ONCE - 1, EVENTS)
            await connection.execute(_FILL, start, end, timeout=600)
        await connection.execute("VACUUM ANALYZE annals.events", timeout=600)
        query = "SELECT pg_total_relation_size('annals.events') / 1e9::float8"
        return float(await connection.fetchval(query))
    finally:
        await close(connection)


def _works(url: str, directory: Path) -> dict[str, Callable[[], Awaitable[float]]]:
    repository = DirectoryRepository(directory / "repository")
    plain = directory / "plain.zst"

    async def backup() -> float:
        shutil.rmtree(directory / "repository", ignore_errors=True)
        began = time.perf_counter()
        await dump(url, repository)
        return time.perf_counter() - began

    async def pg_dump() -> float:
        command = f'{_program("pg_dump")} -Fc -Z none -n annals -d "$URL" | {_zstd()} -1 > {plain}'
        return await _timed(command, url)

    async def restore() -> float:
        async with scratch_database(url, "bench_restore") as scratch:
            began = time.perf_counter()
            await load(scratch, repository, repository.versions()[0])
            return time.perf_counter() - began

    async def pg_restore() -> float:
        async with scratch_database(url, "bench_restore") as scratch:
            connection = await connect(scratch, role=None)
            await make_roles(connection)
            await close(connection)
            command = f'{_zstd()} -d < {plain} | {_program("pg_restore")} -d "$URL"'
            return await _timed(command, scratch)

    return {"backup": backup, "pg_dump": pg_dump, "restore": restore, "pg_restore": pg_restore}


async def _timed(command: str, url: str) -> float:
    began = time.perf_counter()
    shell = await asyncio.create_subprocess_shell(
        f"set -e; renice -n {LOWEST} $$ >/dev/null; {command}", env={**os.environ, "URL": url}
    )
    if await shell.wait():
        raise RuntimeError(command)
    return time.perf_counter() - began


def _program(name: str) -> str:
    return str(binaries() / name)


def _zstd() -> str:
    """The command, or where there is none the library that we use, as one."""
    if shutil.which("zstd"):
        return "zstd -q"
    return f"{sys.executable} -m benchmarks.zstd"


async def _speeds(url: str, directory: Path) -> tuple[float, float]:
    """Commands per second alone, and while another process dumps."""
    async with opened(url) as store:
        await loaded(CLIENTS, appending(store), SECONDS / 4)
        before = await loaded(CLIENTS, appending(store), SECONDS)
        command = [sys.executable, "-m", "benchmarks.backups", url, str(directory / "beside")]
        dumps = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            assert dumps.stdout is not None
            await dumps.stdout.readline()
            beside = await loaded(CLIENTS, appending(store), SECONDS)
        finally:
            dumps.kill()
            await dumps.wait()
        after = await loaded(CLIENTS, appending(store), SECONDS)
    return (before.per_second + after.per_second) / 2, beside.per_second


async def dump(
    url: str, repository: DirectoryRepository, began: Callable[[], None] = lambda: None
) -> None:
    """One backup; tells when rows come."""
    dumper = PgDumper(url, repository, now=lambda: datetime.now(UTC))
    told = False

    def tell(_done: int, _total: int) -> None:
        nonlocal told
        if not told:
            told = True
            began()

    await dumper(str(new_id()), "bench", attempt=1, tell=tell)


async def dump_for_ever(url: str, directory: Path) -> None:
    """Dump over and over, and say when the first has begun."""
    while True:
        await dump(url, DirectoryRepository(directory), lambda: print("dumping", flush=True))
        shutil.rmtree(directory)


def section(found: Measured) -> Section:
    log = f"{found.events:,} events, {found.gigabytes:.1f} GB"
    times = f"at most {GOAL_TIMES}x"
    rows = [
        Row(
            what=f"a backup of {log}",
            figure=f"{found.backup:.1f} s",
            beside=f"pg_dump -Z none | zstd -1: {found.pg_dump:.1f} s",
            ratio=f"{found.backup_times:.2f}x",
            goal=times,
            met=found.backup_times <= GOAL_TIMES,
        ),
        Row(
            what=f"a restore of {log}",
            figure=f"{found.restore:.1f} s",
            beside=f"pg_restore: {found.pg_restore:.1f} s",
            ratio=f"{found.restore_times:.2f}x",
            goal=times,
            met=found.restore_times <= GOAL_TIMES,
        ),
        Row(
            what=f"appends during a dump, {CLIENTS} clients",
            figure=f"{found.beside:,.0f}/s",
            beside=f"without a dump {found.alone:,.0f}/s",
            ratio=f"{found.speed:.2f}x",
            goal=f"at least {GOAL_SPEED:.0%}",
            met=found.speed >= GOAL_SPEED,
        ),
    ]
    return Section(title="Backups", rows=rows)


if __name__ == "__main__":
    asyncio.run(dump_for_ever(sys.argv[1], Path(sys.argv[2])))
