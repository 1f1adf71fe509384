"""Which files are one log, and in which order: told by their names, as rotating programs give them.

`app.log` goes on as `app.log.1`, `app.log.2.gz` (the higher the older), as `app.log-20260101.zst`
or `app.log.2026-01-01` (the later the newer), or is a file per day, `app-2026-01-01.log`.
"""

import re
from typing import Final, NamedTuple

COMPRESSED: Final = (".gz", ".zst", ".zstd")
FOREIGN: Final = (".bz2", ".xz", ".lz4", ".zip", ".Z", ".br")
"""Compressions that are not read."""

_DATE = r"\d{4}-?\d{2}-?\d{2}(?:[-_.T]?\d{2}(?:[-:]?\d{2}){0,2})?"
_DATED = re.compile(rf"(?P<base>.+?)[-._](?P<order>{_DATE}(?:\.\d{{1,4}})?|\d{{10}})")
_NUMBERED = re.compile(r"(?P<base>.+)\.(?P<order>\d{1,5})")
_DAILY = re.compile(rf"(?P<stem>.+?)[-._](?P<order>{_DATE})(?P<ending>\.[A-Za-z][A-Za-z0-9]*)")


class Rotation(NamedTuple):
    """What a file's name tells: the name it once had, and its place among its kind."""

    base: str
    kind: str
    order: tuple[int, ...]

    @property
    def age(self) -> tuple[bool, tuple[int, ...]]:
        """Sorts the oldest first, within one kind; the file in use is last."""
        if self.kind == "number":
            return False, tuple(-each for each in self.order)
        return self.kind == "live", self.order


def rotation_of(name: str) -> Rotation:
    """Read a file's name."""
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    if found := _DATED.fullmatch(name):
        return Rotation(found["base"], "date", _numbers(found["order"]))
    if found := _NUMBERED.fullmatch(name):
        return Rotation(found["base"], "number", _numbers(found["order"]))
    if found := _DAILY.fullmatch(name):
        return Rotation(found["stem"] + found["ending"], "date", _numbers(found["order"]))
    return Rotation(name, "live", ())


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", text))
