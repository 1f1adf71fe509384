"""Flags as they were: a set that is folded from the log up to a position."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.flags.flag_set import FlagRows, FlagSet
from application.flags.relations import segments_used
from application.pipeline import Pipeline
from application.states import Folded
from domain.decider import Decider
from domain.flags.decider import FLAG
from domain.flags.segments import SEGMENT
from domain.flags.state import Flag

AT_ONCE = 16
"""Streams that are read at once."""


@dataclass(frozen=True)
class PastFlags:
    """Folds flags, the segments that they name, and the flags that they depend on."""

    pipeline: Pipeline
    incarnation: UUID

    async def at(self, tenant: str, keys: Iterable[str], position: int) -> FlagSet:
        """The set of these flags, and of whatever they needed, as it was at a position."""
        flags: dict[str, Folded] = {}
        wanted = set(keys)
        while wanted:
            found = await self._folded(FLAG, tenant, wanted, position)
            flags |= found
            wanted = {name for each in found.values() for name in _parents(each)} - flags.keys()
        named = {name for each in flags.values() for name in _segments(each)}
        segments = await self._folded(SEGMENT, tenant, named, position)
        return FlagSet(
            FlagRows(
                position=position,
                incarnation=self.incarnation,
                revision=position,
                flags={key: each for key, each in flags.items() if isinstance(each.state, Flag)},
                segments=segments,
            ),
            past=True,
        )

    async def _folded(
        self, decider: Decider[Any, Any, Any], tenant: str, names: Iterable[str], position: int
    ) -> dict[str, Folded]:
        slots = asyncio.Semaphore(AT_ONCE)

        async def folded(name: str) -> tuple[str, Folded]:
            async with slots:
                stream = (tenant, decider.stream(name))
                return name, await self.pipeline.fold(decider, stream, to=position)

        return dict(await asyncio.gather(*(folded(name) for name in names)))


def _parents(folded: Folded) -> list[str]:
    state = folded.state
    return [each.flag for each in state.about.prerequisites] if isinstance(state, Flag) else []


def _segments(folded: Folded) -> set[str]:
    return segments_used(folded.state) if isinstance(folded.state, Flag) else set()
