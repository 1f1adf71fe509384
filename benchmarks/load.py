"""Clients that each do one thing after another, as fast as they are answered, and their figures."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count
from statistics import median

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement; times in milliseconds."""

    per_second: float
    p50: float
    p99: float


Operation = Callable[[int, int], Awaitable[object]]
"""One operation of one client: (client, how many it did before)."""


async def loaded(clients: int, operation: Operation, seconds: float) -> Figure:
    """Let clients work for some seconds."""
    times: list[float] = []
    clock = time.perf_counter
    until = clock() + seconds

    async def client(number: int) -> None:
        for turn in count():
            before = clock()
            if before >= until:
                return
            await operation(number, turn)
            times.append(clock() - before)

    began = clock()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return figure(times, clock() - began)


def figure(times: Iterable[float], seconds: float) -> Figure:
    """The figures of operations that took so long each (in seconds), in so many seconds."""
    ordered = sorted(times)
    return Figure(
        per_second=len(ordered) / seconds,
        p50=ordered[len(ordered) // 2] * 1000,
        p99=ordered[len(ordered) * 99 // 100] * 1000,
    )


def middle(figures: Sequence[Figure]) -> Figure:
    """The median of each figure on its own."""
    return Figure(
        per_second=median(each.per_second for each in figures),
        p50=median(each.p50 for each in figures),
        p99=median(each.p99 for each in figures),
    )
