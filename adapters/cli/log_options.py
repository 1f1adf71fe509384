"""The options that say which lines of a log are wanted, and whose."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from adapters.cli.running import Invocation, runs
from application.log_reader import LEVELS, Level, LogQuery, at_least
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Invalid

Command = Callable[..., Any]

tenant_option = click.option(
    "--tenant", default=DEFAULT_TENANT, show_default=True, help="Whose sources."
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which lines, as the options say."""

    level: tuple[Level, ...]
    min_level: Level | None
    q: str | None
    ignore_case: bool
    regex: str | None
    field: tuple[str, ...]

    def query(self) -> LogQuery:
        """The same for the reader.

        Raises:
            click.UsageError: a field is not name=value.
        """
        least = at_least(self.min_level) if self.min_level else frozenset(LEVELS)
        exactly = frozenset(self.level or LEVELS) & least
        return LogQuery(
            levels=exactly if self.level or self.min_level else frozenset(),
            q=self.q,
            ignore_case=self.ignore_case,
            regex=self.regex,
            fields=dict(_field(each) for each in self.field),
        )


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"--field {text} must be NAME=VALUE.")
    return name, value


def filtering(command: Command) -> Command:
    """Add the options that say which lines; the command gets them as `wanted`."""

    async def filtered(invocation: Invocation, **options: Any) -> None:
        chosen = {name: options.pop(name) for name in Wanted.__dataclass_fields__}
        with _usage():
            await command(invocation, wanted=Wanted(**chosen), **options)

    filtered.__doc__, filtered.__name__ = command.__doc__, command.__name__
    decorated: Command = runs(filtered)
    for option in (
        click.option("--field", multiple=True, help="NAME=VALUE; may be repeated."),
        click.option("--regex", help="What must match in a line (RE2)."),
        click.option("-i", "--ignore-case", is_flag=True, help="Of --q."),
        click.option("--q", help="What must occur in a line."),
        click.option("--min-level", type=click.Choice(LEVELS), help="This level or graver."),
        click.option("--level", type=click.Choice(LEVELS), multiple=True, help="Exactly this one."),
    ):
        decorated = option(decorated)
    return decorated


@contextmanager
def _usage() -> Iterator[None]:
    """What a reader refuses was asked for wrongly."""
    try:
        yield
    except Invalid as invalid:
        faults = "; ".join(f"{each.pointer.lstrip('/')}: {each.detail}" for each in invalid.faults)
        raise click.UsageError(faults or invalid.detail) from None
