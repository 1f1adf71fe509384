"""All that our processes have in common, loaded once by the fork server before it forks them."""

import gc
import os

import adapters.cli.processes
import adapters.processes.api
import adapters.processes.projector
import adapters.processes.scheduler
import adapters.processes.setup
import adapters.processes.worker  # noqa: F401 - as the others, for whoever is forked
from adapters.cli.main import main
from adapters.supervisor.start import die_with_parent

__all__ = ["end_with_server", "main"]

_SERVER = os.getpid()

gc.collect()
gc.freeze()  # what the collector does not touch stays shared


def end_with_server(number: int) -> None:
    """Let this fork have a signal should its server end."""
    die_with_parent(number, _SERVER)
