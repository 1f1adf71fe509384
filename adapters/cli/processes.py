"""Each process started alone, as containers do."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import click
import uvloop

from adapters.processes.yielding import IN_ITS_TIME, READ_SOON, give_way_to_requests
from adapters.settings import Settings, load_settings
from adapters.startup import CannotStart
from adapters.telemetry.logging import log_as

Run = Callable[[Settings], Awaitable[None]]


@click.command
def api() -> None:
    """Run the HTTP server until told to stop."""
    from adapters.processes.api import check, serve  # noqa: PLC0415 - loads the whole platform

    settings = _settings("api")
    _until_stopped(check, settings)
    serve(settings)


@click.command
def projector() -> None:
    """Feed read models and reactions from the log until told to stop."""
    from adapters.processes.projector import run  # noqa: PLC0415 - loads the whole platform

    give_way_to_requests(READ_SOON)
    _until_stopped(run, _settings("projector"))


@click.command
def worker() -> None:
    """Carry effects out until told to stop."""
    from adapters.processes.worker import run  # noqa: PLC0415 - loads the whole platform

    give_way_to_requests(IN_ITS_TIME)
    _until_stopped(run, _settings("worker"))


@click.command
def scheduler() -> None:
    """Keep house until told to stop."""
    from adapters.processes.scheduler import run  # noqa: PLC0415 - loads the whole platform

    give_way_to_requests(IN_ITS_TIME)
    _until_stopped(run, _settings("scheduler"))


@click.command
def migrate() -> None:
    """Bring the database to this program's schema, and make the owner where there is none."""
    from adapters.processes.setup import set_up  # noqa: PLC0415 - loads the whole platform

    _until_stopped(set_up, _settings("migrate"))


def _settings(process: str) -> Settings:
    """The settings of a process that is given its services.

    Raises:
        CannotStart: naming the URL that is missing.
    """
    from adapters.embedded.services import with_embedded_urls  # noqa: PLC0415 - only here

    settings = with_embedded_urls(load_settings())
    for name in ("database_url", "redis_url"):
        if not getattr(settings, name):
            raise CannotStart(
                f"{name.upper()} is not set, and {settings.data_dir} has no server of its own"
            )
    log_as(process, settings)
    return settings


def _until_stopped(run: Run, settings: Settings) -> None:
    """Run to the end on uvloop; what prevents a start is told in one line.

    Raises:
        CannotStart: instead of what the platform raises for the operator to put right.
    """
    from adapters.processes.life import Broken  # noqa: PLC0415 - as below
    from adapters.processes.setup import told  # noqa: PLC0415 - loads the whole platform

    async def main() -> None:
        with told(settings):
            await run(settings)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    except Broken:
        sys.exit(1)
