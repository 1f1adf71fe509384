"""`annals up`: everything on one machine, under one supervisor."""

import asyncio
import os
from pathlib import Path

import click
import msgspec

from adapters.cli.options import Directory
from adapters.embedded.homes import make_data_dir
from adapters.settings import load_settings
from adapters.supervisor.fork_server import start_fork_server
from adapters.supervisor.leftovers import MARK
from adapters.telemetry.logging import log_as


@click.command
@click.option("--data-dir", type=Directory(), help="DATA_DIR, by default .annals.")
@click.option("--host", help="HOST, by default 127.0.0.1.")
@click.option("--port", help="PORT, by default 8000.")
@click.option("--workers", help="WORKERS: worker processes, by default 1.")
def up(data_dir: Path | None, host: str | None, port: str | None, workers: str | None) -> None:
    """Start everything and keep it running until Ctrl-C.

    Postgres and Valkey run from the data directory unless DATABASE_URL and REDIS_URL are set.
    Options go before the environment, which goes before .env.
    """
    given = {"DATA_DIR": data_dir, "HOST": host, "PORT": port, "WORKERS": workers}
    chosen = {name: str(value) for name, value in given.items() if value is not None}
    settings = load_settings({**os.environ, **chosen})
    settings = msgspec.structs.replace(settings, data_dir=make_data_dir(settings.data_dir))
    start_fork_server({MARK: str(settings.data_dir)})
    from adapters.cli.platform import run_platform  # noqa: PLC0415 - meanwhile

    log_as("supervisor", settings)
    asyncio.run(run_platform(settings))
