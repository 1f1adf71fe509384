"""What a figure was measured on, in general terms."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil
import redis

from adapters.postgres.connect import connect

_PACKAGES = ("granian", "litestar", "asyncpg", "uvloop", "msgspec", "dramatiq")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    cores: int
    processor: str
    memory: float
    """In GB."""
    system: str
    software: str
    durability: str
    at: str


class Others:
    """How much of the machine other programs had while we measured."""

    def __init__(self) -> None:
        """Begin to watch."""
        self._began = _spent()

    def share(self) -> float:
        """Of all cores' time, from 0 to 1; to be asked when every process of ours has ended."""
        everything, idle, ours = (
            now - then for now, then in zip(_spent(), self._began, strict=True)
        )
        return max(0.0, (everything - idle - ours) / everything)


def _spent() -> tuple[float, float, float]:
    """Seconds of all cores so far: in all, idle, and by this process and its ended children."""
    times, ours = psutil.cpu_times(), os.times()
    everything = sum(
        getattr(times, name, 0.0)
        for name in ("user", "system", "idle", "iowait", "irq", "softirq", "steal", "nice")
    )
    idle = times.idle + getattr(times, "iowait", 0.0)
    return everything, idle, sum(ours[:4])


async def described(database_url: str, redis_url: str) -> Machine:
    connection = await connect(database_url, role=None)
    try:
        postgres = await connection.fetchval("SHOW server_version")
        settings = [
            f"{name} {await connection.fetchval(f'SHOW {name}')}"
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        ]
    finally:
        await connection.close()
    client = redis.Redis.from_url(redis_url)
    info = client.info("server")
    client.close()
    valkey = info.get("valkey_version") or info["redis_version"]
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return Machine(
        cores=os.cpu_count() or 0,
        processor=_processor(),
        memory=psutil.virtual_memory().total / 1e9,
        system=platform.system(),
        software=(
            f"Python {platform.python_version()}, Postgres {postgres}, Valkey {valkey}, {packages}"
        ),
        durability=", ".join(settings),
        at=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
