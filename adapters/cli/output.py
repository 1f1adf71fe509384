"""What a command shows: tables on a terminal, JSON for machines, progress beside either.

The answer goes to stdout, everything else to stderr. Values come from the log, so whatever a
terminal could take for an instruction is shown by its escape.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

R = TypeVar("R")

_UNCUT = 100_000  # columns of a line that nobody reads on a screen
_SECOND, _MINUTE, _HOUR, _DAY = 1.0, 60.0, 3600.0, 86_400.0
STYLES = {
    "running": "green",
    "serving": "green",
    "succeeded": "green",
    "completed": "green",
    "sound": "green",
    "building": "cyan",
    "queued": "cyan",
    "retrying": "yellow",
    "waiting": "yellow",
    "paused": "yellow",
    "stopped": "red",
    "failed": "red",
    "dead": "red",
    "damaged": "red",
    "missing": "red",
    "cancelled": "dim",
}
"""The colour of a state's word."""


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column: its title and how a row's cell is made.

    A number stands on the right. Where there is not room enough, cells of a column that `folds`
    take several lines; one that is empty in every row is left out.
    """

    title: str
    cell: Callable[[R], object]
    right: bool = False
    folds: bool = False


class Output:
    """Where one command's answer goes."""

    def __init__(self, *, as_json: bool) -> None:
        """Tables, or with `as_json` one JSON document (or a line of JSON for each of many)."""
        self.as_json = as_json
        self._out = _console(sys.stdout)
        self._beside = _console(sys.stderr)

    def document(self, value: object) -> None:
        """Write one JSON document; indented where a person looks at it."""
        encoded = msgspec.json.encode(value)
        if self._out.is_terminal:
            encoded = msgspec.json.format(encoded, indent=2)
        self._write(encoded.decode())

    def line(self, value: object) -> None:
        """Write one of many JSON documents, on a line of its own, at once."""
        self._write(msgspec.json.encode(value).decode())

    def table(self, rows: Sequence[R], columns: Sequence[Column[R]], *, empty: str) -> None:
        """Write a table; `empty` tells beside it that there is nothing to show."""
        if not rows:
            self.note(empty)
            return
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        cells = {column.title: [_cell(column.cell(row)) for row in rows] for column in columns}
        shown = [each for each in columns if not each.folds or any(cells[each.title])]
        for column in shown:
            table.add_column(
                column.title,
                justify="right" if column.right else "left",
                overflow="fold",
                no_wrap=not column.folds,
            )
        for row in zip(*(cells[column.title] for column in shown), strict=True):
            table.add_row(*row)
        self._out.print(table)

    def fields(self, values: Mapping[str, object]) -> None:
        """Write one thing, a name and a value to a line."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold")
        grid.add_column(overflow="fold")
        for name, value in values.items():
            grid.add_row(name, _cell(value))
        self._out.print(grid)

    def text(self, *parts: object) -> None:
        """Write one line, its parts in colours of their own."""
        line = Text(" ").join(_cell(part) for part in parts)
        self._out.print(line, soft_wrap=True)

    def note(self, text: str) -> None:
        """Tell a person something beside the answer."""
        self._beside.print(Text(printable(text)), soft_wrap=True)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """A bar on stderr while work goes on; call what it gives with (done, total)."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._beside,
            disable=not self._beside.is_terminal,
        )
        with bar:
            task = bar.add_task(printable(what), total=total)
            yield lambda done, of: bar.update(task, completed=done, total=of)

    def _write(self, text: str) -> None:
        self._out.file.write(text + "\n")
        self._out.file.flush()


def _console(file: Any) -> Console:
    """Lines are only folded where somebody looks at them."""
    width = None if file.isatty() else _UNCUT
    return Console(file=file, width=width, highlight=False, emoji=False, markup=False)


def _cell(value: object) -> Text:
    match value:
        case Text():
            return value
        case None:
            return Text("")
        case datetime():
            return Text(moment(value))
        case dict() | list():
            return Text(printable(msgspec.json.encode(value).decode()))
        case _:
            return Text(printable(str(value)))


def state(word: str) -> Text:
    """A state's word in its colour."""
    return Text(printable(word), style=STYLES.get(word, ""))


def dim(value: object) -> Text:
    """A value that is there for whoever looks for it."""
    text = _cell(value)
    text.stylize("dim")
    return text


def printable(text: str) -> str:
    """A text without what a terminal would act on: controls and their like as escapes."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def moment(at: datetime) -> str:
    """A time in UTC, to the millisecond: `2026-11-21 09:14:18.250Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def span(seconds: float) -> str:
    """A duration in the unit that a person would say: `250 ms`, `12 s`, `5 min`, `3 h`, `2 d`."""
    seconds = max(seconds, 0.0)
    if seconds < _SECOND:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{timedelta(seconds=seconds).days} d"
