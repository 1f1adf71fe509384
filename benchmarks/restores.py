"""A restore of a large log, beside a plain `pg_restore` of the same database.

The log is the same for both, and both load it through Postgres' own programs on this machine, one
after the other in the same minutes. A restore does more than load: it checks every chunk, brings
the schema up to date, parks, takes the newest keys, says so in the new log, and changes places with
the old one. How long commands are refused is how long it takes.
"""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec
import uvloop

from adapters.backups.programs import binaries
from adapters.postgres.connect import close, connect
from benchmarks.report import Row, Section
from tests.support.restores import Plant, opened
from tests.support.services import Services

EVENTS = 2_500_000
GOAL = 1.5
ROUNDS = 3

_FILL = """
    INSERT INTO annals.events (
        log_id, position, tenant, stream, version, event_id, type, schema_version, data,
        recorded_at, actor, correlation_id, causation_id, meta
    )
    SELECT 1, n, 'default', 'thing/' || (n % ($1::bigint / 10)), 1 + n / ($1::bigint / 10),
        gen_random_uuid(), 'flag.rolled_out', 1,
        json_build_object('environment', repeat(md5(n::text), 4), 'rollout', n % 100),
        '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 ms', 'account/' || (n % 1000),
        gen_random_uuid(), NULL, '{}'
    FROM generate_series($2::bigint, $3::bigint) AS n
"""
_STEP = 250_000


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of one round."""

    plain: float
    restore: float


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """All rounds, and how large the log was."""

    events: int
    bytes: int
    rounds: list[Timed]


def measure(services: Services, *, events: int = EVENTS, rounds: int = ROUNDS) -> Restored:
    url = services.new_database()
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as directory:
        Path(directory).chmod(0o755)
        return uvloop.run(_measure(services, url, Path(directory), events, rounds))


async def _measure(
    services: Services, url: str, directory: Path, events: int, rounds: int
) -> Restored:
    await _fill(url, events)
    plant = Plant.at(url, directory / "backups")
    archive = directory / "plain.dump"
    await asyncio.to_thread(_run, "pg_dump", url, ["-Fc", "-Z0", "-n", "annals", "-f", archive])
    version, base = await plant.backup()
    size = await _size(url)
    timed = []
    for _ in range(rounds):
        target = services.new_database(migrated=False)
        started = time.perf_counter()
        await asyncio.to_thread(_run, "pg_restore", target, [str(archive)])
        plain = time.perf_counter() - started
        services.drop_database(target)
        async with opened(url) as log:
            asked = await log.start(version, base, base)
            started = time.perf_counter()
            replaced = await plant.restore(asked, log)
            timed.append(Timed(plain=plain, restore=time.perf_counter() - started))
        assert replaced is not None
        await _drop(url, replaced.kept)
    return Restored(events=events, bytes=size, rounds=timed)


async def _fill(url: str, events: int) -> None:
    connection = await connect(url, role="annals_owner")
    try:
        for first in range(1, events + 1, _STEP):
            last = min(first + _STEP - 1, events)
            await connection.execute(_FILL, events, first, last, timeout=600)
        await connection.execute("ANALYZE annals.events")
    finally:
        await close(connection)


async def _size(url: str) -> int:
    connection = await connect(url, role=None)
    try:
        size: int = await connection.fetchval("SELECT pg_database_size(current_database())")
    finally:
        await close(connection)
    return size


async def _drop(url: str, name: str) -> None:
    connection = await connect(url, role=None)
    try:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await close(connection)


def _run(program: str, url: str, arguments: Sequence[str | Path]) -> None:
    subprocess.run(
        [binaries() / program, "--dbname", url, *arguments], check=True, capture_output=True
    )


def section(found: Restored) -> Section:
    """The lines of the report."""
    plain = median(each.plain for each in found.rounds)
    restore = median(each.restore for each in found.rounds)
    ratio = median(each.restore / each.plain for each in found.rounds)
    row = Row(
        what=f"{found.events:,} events, {found.bytes / 1e9:.1f} GB: from the word to the new log",
        figure=f"{restore:.1f} s",
        beside=f"plain pg_restore {plain:.1f} s",
        ratio=f"{ratio:.2f}x",
        goal=f"at most {GOAL:g}x",
        met=ratio <= GOAL,
    )
    return Section(title="A restore, switch and all", rows=[row])
