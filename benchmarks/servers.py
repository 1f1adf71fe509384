"""The servers and processes that benchmarks run on: those of `annals up`, as durable as there."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from adapters.processes.setup import set_up
from adapters.settings import Settings, load_settings
from tests.support.services import EmbeddedServers, LoopThread, Services


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh installation: a database of its own, set up, and what its processes are told."""

    settings: Settings
    env: dict[str, str]

    @property
    def database_url(self) -> str:
        return self.settings.database_url

    @property
    def owner_key(self) -> str:
        return self.settings.owner_key_file.read_text(encoding="ascii").strip()


@contextmanager
def servers() -> Iterator[Services]:
    """Postgres and Valkey from the wheels with the options of `annals up`, in a throwaway place."""
    thread = LoopThread()
    try:
        embedded = EmbeddedServers(thread, durable=True)
        try:
            yield Services(embedded, thread)
        finally:
            embedded.close()
    finally:
        thread.close()


@contextmanager
def installed(services: Services, **env: str) -> Iterator[Installation]:
    """A fresh installation whose processes log as they usually do, into a file."""
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as directory:
        told = {
            **os.environ,
            "DATABASE_URL": services.new_database(migrated=False),
            "REDIS_URL": services.redis_url,
            "DATA_DIR": directory,
            "LOG_FORMAT": "json",
            **env,
        }
        settings = load_settings(told, Path(directory) / "none")
        asyncio.run(set_up(settings))
        yield Installation(settings=settings, env=told)


@contextmanager
def running(module: str, *arguments: str, env: Mapping[str, str]) -> Iterator[None]:
    """A process of ours; what it says goes into a file in its data directory."""
    log = Path(env["DATA_DIR"]) / "processes.log"
    with log.open("ab") as out:
        command = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(command, env=dict(env), stdout=out, stderr=out)
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError(f"{module} has ended:\n{log.read_text(errors='replace')[-4000:]}")
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()
