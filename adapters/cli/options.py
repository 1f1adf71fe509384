"""Kinds of values that several commands take."""

from pathlib import Path

import click
from typing_extensions import override


class Directory(click.ParamType[Path]):
    """A directory's path; an empty one is a shell variable that was not set, and refused."""

    name = "directory"

    @override
    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        if not str(value) or str(value).isspace():
            self.fail("it is empty; name a directory, or leave the option out", param, ctx)
        return Path(value)
