"""Counts evaluations in memory: one increment for each, on the hottest path there is.

What a flag can answer is made once, when it is compiled, so each answer has a cell that is found
by its identity. Only what is there is counted: a flag that exists, in an environment that flags
are set up in (or the default one), and its own variants. So nobody makes the memory grow by what
they ask for.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from application.aggregates import Batch
from application.flags.flag_set import FlagSet
from domain.flags.evaluation import NO_VARIANT, Evaluation
from domain.flags.state import Flag
from domain.flags.usage import USAGE, Count, CountUsage

FULL = 20_000
"""Cells after which the counts are recorded, however long it has been."""
MOST = 50_000
"""Cells of one environment; the answers of flags that have still others are told by flag alone."""
LARGEST = 100_000
"""Bytes of JSON in one event, about."""


class Cell:
    """How often one flag has given one answer, which stays alive with its cell."""

    __slots__ = ("found", "key", "number")

    def __init__(self, key: str, found: Evaluation) -> None:
        """Counted once."""
        self.key = key
        self.found = found
        self.number = 1


class Tally:
    """The counts of one environment of one tenant."""

    __slots__ = ("_cells", "_counts", "_environment", "_sums", "_tenant")

    def __init__(self, counts: "UsageCounts", tenant: str, environment: str) -> None:
        """Nothing counted; it is among `counts` once something is."""
        self._counts = counts
        self._tenant = tenant
        self._environment = environment
        self._cells: dict[int, Cell] = {}
        self._sums: dict[str, _Sum] = {}

    def count(self, flags: FlagSet, key: str, found: Evaluation) -> None:
        """Count one evaluation."""
        try:
            self._cells[id(found)].number += 1
        except KeyError:
            self._count_first(flags, key, found)

    def count_each(self, flags: FlagSet, keys: Iterable[str], found: Iterable[Evaluation]) -> None:
        """Count one evaluation of each of several flags."""
        cells = self._cells
        for key, each in zip(keys, found, strict=True):
            try:
                cells[id(each)].number += 1
            except KeyError:
                self._count_first(flags, key, each)

    def _count_first(self, flags: FlagSet, key: str, found: Evaluation) -> None:
        """Count an answer that has no cell; those that are made anew each time get none."""
        flag = _counted(flags, key, self._environment)
        if flag is None:
            return
        made_once = found.error is None and flags.keeps(self._environment)
        if made_once and len(self._cells) < MOST:
            self._cells[id(found)] = Cell(key, found)
        else:
            self._add(key, found, 1)
        self._counts.keep(self, self._tenant, self._environment)

    def _add(self, key: str, found: Evaluation, number: int) -> None:
        served = found.variant
        variants = {} if served is None else {served.name: number}
        yes, no = (number, 0) if found.enabled else (0, number)
        self._sums.setdefault(key, _Sum()).add(yes, no, variants)

    def report(self, flags: FlagSet, count: Count) -> None:
        """Count what a client has evaluated by itself; what is not there is left out."""
        flag = _counted(flags, count.flag, self._environment)
        if flag is None:
            return
        known = _variants(flag, self._environment)
        variants = {name: each for name, each in count.variants.items() if name in known}
        self._sums.setdefault(count.flag, _Sum()).add(count.yes, count.no, variants)
        self._counts.keep(self, self._tenant, self._environment)

    @property
    def size(self) -> int:
        """How much is kept."""
        return len(self._cells) + len(self._sums)

    def counts(self) -> list[Count]:
        """What was counted, by flag; what is nothing is left out."""
        for cell in self._cells.values():
            self._add(cell.key, cell.found, cell.number)
        found = sorted(self._sums.items())
        return [each.count(key) for key, each in found if each.yes or each.no or each.by]


class _Sum:
    __slots__ = ("by", "no", "yes")

    def __init__(self) -> None:
        self.yes = self.no = 0
        self.by: dict[str, int] = {}

    def add(self, yes: int, no: int, variants: dict[str, int]) -> None:
        self.yes += yes
        self.no += no
        for name, number in variants.items():
            if number:
                self.by[name] = self.by.get(name, 0) + number

    def count(self, flag: str) -> Count:
        return Count(flag=flag, yes=self.yes, no=self.no, variants=self.by)


class UsageCounts:
    """All counts of a process. Implements `application.aggregates.Counting`."""

    def __init__(self, new_id: Callable[[], UUID]) -> None:
        """Nothing counted; `new_id` names batches."""
        self._new_id = new_id
        self._tallies: dict[tuple[str, str], Tally] = {}

    def of(self, tenant: str, environment: str) -> Tally:
        """Where to count an environment's evaluations, until the next turn of the event loop."""
        return self._tallies.get((tenant, environment)) or Tally(self, tenant, environment)

    def keep(self, tally: Tally, tenant: str, environment: str) -> None:
        """Something was counted for the first time."""
        self._tallies[tenant, environment] = tally

    @property
    def full(self) -> bool:
        """See `Counting`."""
        return sum(tally.size for tally in self._tallies.values()) >= FULL

    def take(self, at: datetime) -> Sequence[Batch]:
        """See `Counting`."""
        tallies, self._tallies = self._tallies, {}
        return [
            Batch(
                id=self._new_id(),
                tenant=tenant,
                decider=USAGE,
                command=CountUsage(environment=environment, counts=counts, at=at),
                rows=len(counts),
            )
            for (tenant, environment), tally in tallies.items()
            for counts in parts(tally.counts(), LARGEST)
        ]


def parts(values: Iterable[Any], largest: int) -> list[tuple[Any, ...]]:
    """Values in parts of at most so many bytes of JSON, or of one value."""
    made: list[list[Any]] = []
    room = 0
    for value in values:
        size = len(msgspec.json.encode(value)) + 1
        if size > room:
            made.append([])
            room = largest
        made[-1].append(value)
        room -= size
    return [tuple(each) for each in made]


def _counted(flags: FlagSet, key: str, environment: str) -> Flag | None:
    """The flag, if it is counted in this environment."""
    folded = flags.flag(key)
    if folded is None or not isinstance(folded.state, Flag):
        return None
    if environment not in folded.state.settings and not flags.is_set_up(environment):
        return None
    return folded.state


def _variants(flag: Flag, environment: str) -> set[str]:
    """The names of variants that the flag can serve."""
    setting = flag.setting(environment)
    names = {variant.name for variant in setting.variants}
    names |= {variant.name for rule in setting.rules for variant in rule.variants}
    return names | {NO_VARIANT}
