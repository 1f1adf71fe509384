"""The `annals` command: a list of subcommands, each loaded only when it is called."""

import importlib
import sys
from collections.abc import Mapping

import click
from typing_extensions import override

from adapters.settings import SettingsError
from adapters.startup import REFUSAL, CannotStart

COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("adapters.cli.up:up", "Start everything and keep it running."),
    "migrate": ("adapters.cli.processes:migrate", "Bring the database to this program's schema."),
    "api": ("adapters.cli.processes:api", "Run the HTTP server alone."),
    "projector": ("adapters.cli.processes:projector", "Run one projector alone."),
    "worker": ("adapters.cli.processes:worker", "Run one worker alone."),
    "scheduler": ("adapters.cli.processes:scheduler", "Run one scheduler alone."),
    "health": ("adapters.cli.health:health", "Ask a running API whether it can serve."),
    "events": ("adapters.cli.events:events", "Read the log."),
    "projections": ("adapters.cli.projections:projections", "See after read models."),
    "jobs": ("adapters.cli.jobs:jobs", "See after jobs and dead letters."),
    "schemas": ("adapters.cli.schemas:schemas", "Publish schemas, and hold values against them."),
    "logs": ("adapters.cli.logs:logs", "Read what programs have written."),
    "backup": ("adapters.cli.backups:backup", "Make backups, and see after them."),
    "owner": ("adapters.cli.owner:owner", "See after the owner's key."),
}
"""Where each subcommand is, and its line in the help."""


class Lazy(click.Group):
    """Knows its subcommands by name, and imports one when it is called."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="annals", prog_name="annals")
def annals() -> None:
    """An event-sourced backend beside your application."""


def main() -> None:
    """Run a command; what must be put right first is told in a line each, with exit status 2."""
    try:
        annals(prog_name="annals")
    except SettingsError as error:
        _refuse(error.faults)
    except CannotStart as error:
        _refuse([str(error)])


def _refuse(lines: list[str]) -> None:
    for line in lines:
        click.echo(f"{REFUSAL}{line}", err=True)
    sys.exit(2)
