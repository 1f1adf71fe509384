"""The whole platform as a tree of processes: what runs, in which order, and what is told."""

import asyncio
import contextlib
import dataclasses
import os
import shutil
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import httpx
import structlog

from adapters.embedded.services import embedded_programs
from adapters.processes.port import held_port
from adapters.redis.reachable import check_redis
from adapters.settings import Settings
from adapters.startup import REFUSAL, CannotStart
from adapters.supervisor.child import Child, Sink
from adapters.supervisor.fork_server import forked
from adapters.supervisor.leftovers import MARK, end_supervised
from adapters.supervisor.lock import locked
from adapters.supervisor.output import Output
from adapters.supervisor.program import Program
from adapters.supervisor.supervisor import Supervisor
from adapters.telemetry.logging import log_file

GRACE = 9.0
"""Seconds in which everything is ended, clean or not."""

_ANSWER_WITHIN = 5.0

log = structlog.get_logger(__name__)


async def run_platform(settings: Settings) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP; a second SIGINT ends it at once.

    The data directory has been made.

    Raises:
        CannotStart: when something must be put right first; nothing is left running then.
    """
    with locked(settings.data_dir):
        output = Output(console=_on_console(settings), file=log_file())
        supervisor = Supervisor(output)
        async with _until_told(supervisor) as told_to_stop:
            starting = asyncio.create_task(_start(supervisor, output, settings))
            try:
                await _first(starting, told_to_stop)
                if starting.done():
                    await starting
                    await told_to_stop.wait()
            finally:
                starting.cancel()
                with contextlib.suppress(asyncio.CancelledError, CannotStart):
                    await starting
                await supervisor.stop(GRACE)


async def _start(supervisor: Supervisor, output: Sink, settings: Settings) -> None:
    with held_port(settings):
        await end_supervised(settings.data_dir)
        shutil.rmtree(settings.metrics_dir, ignore_errors=True)
        servers, settings = embedded_programs(settings)
        await supervisor.start(servers)
        await check_redis(settings)
        await _migrate(settings, output)
    await supervisor.start(_processes(settings))
    click.echo(_banner(settings), err=True)


async def _migrate(settings: Settings, output: Sink) -> None:
    """Run `annals migrate`.

    Raises:
        CannotStart: with what it told.
    """
    refusals: list[str] = []

    def say(name: str, line: str) -> None:
        if line.startswith(REFUSAL):
            refusals.append(line.removeprefix(REFUSAL))
        else:
            output(name, line)

    child = await Child.spawn(_process("migrate", "migrate", settings), say)
    try:
        await child.ended()
    finally:
        status = await child.finish(0)
    if status:
        told = "; ".join(refusals)
        raise CannotStart(told or "the database cannot be set up, see the lines above")


def _processes(settings: Settings) -> list[Program]:
    workers = settings.workers
    names = [f"worker-{number}" for number in range(1, workers + 1)] if workers > 1 else ["worker"]
    return [
        _process("projector", "projector", settings),
        *(_process(name, "worker", settings) for name in names),
        _process("scheduler", "scheduler", settings),
        _api(settings),
    ]


def _process(name: str, command: str, settings: Settings) -> Program:
    return Program(
        name=name,
        argv=(sys.executable, "-m", "adapters.cli", command),
        start=forked((command,)),
        directory=Path.cwd(),
        environment=_environment(settings),
    )


def _api(settings: Settings) -> Program:
    url = f"{_address(settings)}/health/ready"

    async def answers() -> bool:
        try:
            async with _client() as client:
                return (await client.get(url)).is_success
        except httpx.TransportError:
            return False

    return dataclasses.replace(_process("api", "api", settings), answers=answers)


def _client() -> httpx.AsyncClient:
    """One for plain HTTP: to load what TLS needs takes longer than the question."""
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(trust_env=False, timeout=_ANSWER_WITHIN, verify=verify)


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, with what was decided here: the children read it as they would read a user's."""
    decided = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "DATA_DIR": str(settings.data_dir),
        "MASTER_KEY_FILE": str(settings.master_key_file),
        "OWNER_KEY_FILE": str(settings.owner_key_file),
        "METRICS_DIR": str(settings.metrics_dir),
        "LOG_DIR": str(settings.log_dir),
        "HOST": settings.host,
        "PORT": str(settings.port),
        "LOG_FORMAT": "console" if _on_console(settings) else "json",
        MARK: str(settings.data_dir),
    }
    if sys.stderr.isatty():
        decided["FORCE_COLOR"] = "1"
    return {**os.environ, **decided}


def _on_console(settings: Settings) -> bool:
    automatic = settings.log_format == "auto"
    return sys.stderr.isatty() if automatic else settings.log_format == "console"


def _address(settings: Settings) -> str:
    """Where this machine reaches the API."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _banner(settings: Settings) -> str:
    address = _address(settings)
    return (
        "\n  Annals is ready.\n\n"
        f"    API        {address}\n"
        f"    API page   {address}/schema\n"
        f"    owner key  {settings.owner_key_file}\n"
        f"    data       {settings.data_dir}\n"
        "    stop       Ctrl-C\n"
    )


@asynccontextmanager
async def _until_told(supervisor: Supervisor) -> AsyncIterator[asyncio.Event]:
    """An event that the first signal sets; a second SIGINT ends everything at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def told(number: signal.Signals) -> None:
        if not stop.is_set():
            log.info("stopping", signal=number.name)
            stop.set()
        elif number == signal.SIGINT:
            supervisor.kill()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, told, number)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _first(task: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait for whichever comes first."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
