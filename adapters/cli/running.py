"""How a command runs: its settings and its output are made, its errors become one line and a code.

Exit codes: 0 it is done; 1 there is no such thing, or it was refused; 2 it was called wrongly, or
what it needs cannot be opened; 70 the program is at fault; 130 it was interrupted.
"""

import asyncio
import functools
import getpass
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import asyncpg
import click
import structlog
from typing_extensions import override

from adapters.cli.options import Directory
from adapters.cli.output import Output, printable
from adapters.crypto.master import BadMasterKey
from adapters.postgres.migrations import MigrationChanged, SchemaTooNew, SchemaTooOld
from adapters.settings import Settings, SettingsError, load_settings
from adapters.startup import CannotStart
from application.event_store import ForeignIncarnation, Outage
from domain.rejections import Rejection

INTERRUPTED = 130


class Failed(click.ClickException):
    """There is no such thing, or it was refused; the text says why, and what to do."""

    exit_code = 1

    @override
    def show(self, file: IO[Any] | None = None) -> None:
        """Write each line as every other refusal of this program is written."""
        for line in self.message.splitlines():
            click.echo(f"annals: {printable(line)}", file=file, err=True)


class CannotRun(Failed):
    """What the command needs cannot be opened."""

    exit_code = 2


class Broken(Failed):
    """The program met what it was not written for."""

    exit_code = 70


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One command as it was called."""

    settings: Settings
    output: Output


def runs(command: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Let an async function be a command's callback; adds `--json` and `--data-dir`.

    Its first argument is the `Invocation`, the others are those of its click options.
    """

    @functools.wraps(command)
    def callback(*, as_json: bool, data_dir: Path | None, **options: Any) -> None:
        with failures():
            _log_to_stderr()
            settings = settings_for(data_dir)
            asyncio.run(
                command(Invocation(settings=settings, output=Output(as_json=as_json)), **options)
            )

    return as_json_option(data_dir_option(callback))


as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Answer with JSON instead of tables."
)
data_dir_option = click.option(
    "--data-dir",
    type=Directory(),
    help="Where a running `annals up` keeps its data.  [default: DATA_DIR or .annals]",
)


def settings_for(data_dir: Path | None) -> Settings:
    """The settings, with the data directory that was asked for."""
    environment = dict(os.environ)
    if data_dir is not None:
        environment["DATA_DIR"] = str(data_dir)
    return load_settings(environment)


@contextmanager
def failures() -> Iterator[None]:
    """Turn whatever a command can meet into one line on stderr and an exit code.

    Raises:
        Failed: with that line; the error itself only where LOG_LEVEL is debug.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        failed = told(error)
        if isinstance(failed, Broken) and os.environ.get("LOG_LEVEL") == "debug":
            raise
        raise failed from None


def told(error: Exception) -> Failed:
    """What to tell a person of an error."""
    match error:
        case Rejection():
            return Failed(sentence(error))
        case ForeignIncarnation():
            return Failed("the log was replaced while this ran (a restore?): look, then repeat it")
        case SettingsError() | CannotStart() | BadMasterKey() | SchemaTooOld() | SchemaTooNew():
            return CannotRun(str(error))
        case MigrationChanged():
            return CannotRun(f"{error}; use the program that migrated it")
        case Outage():
            advice = "is it running (`annals up`), and is DATABASE_URL right?"
            return CannotRun(f"{error.detail}: {advice}")
        case asyncpg.PostgresError():
            return CannotRun(f"the database refused ({error.sqlstate}): {error}")
        case _:
            kind = type(error).__name__
            return Broken(f"the program is at fault ({kind}): LOG_LEVEL=debug shows where")


def sentence(rejection: Rejection) -> str:
    """A rejection in one line, with its facts."""
    if rejection.detail != rejection.title:
        return rejection.detail  # it was written for this case, and names what matters
    facts = ", ".join(f"{name} {value}" for name, value in rejection.facts.items() if value)
    return f"{rejection.detail} ({facts})" if facts else rejection.detail


def actor() -> str:
    """Who acts: `cli/<user of the operating system>`."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        name = str(os.getuid())
    kept = "".join(char if char.isascii() and char.isprintable() else "_" for char in name)
    return f"cli/{kept[:100] or '_'}"


def _log_to_stderr() -> None:
    """Keep stdout for the answer, and tell only what an operator should hear of."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=_stderr_logger,
    )


def _stderr_logger(*_args: Any) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)
