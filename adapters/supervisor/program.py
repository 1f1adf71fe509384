"""What the supervisor has to know of a program to run it."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapters.supervisor.start import Start, execute


@dataclass(frozen=True, kw_only=True)
class User:
    """An account of the operating system that a program runs as."""

    name: str
    uid: int
    gid: int


async def _nothing() -> None:
    """Prepare nothing."""


async def _at_once() -> bool:
    """Ready as soon as it runs."""
    return True


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program and how to live with it.

    `prepare` runs before each start, and clears what a killed predecessor left. `answers` asks
    the program for real whether it serves; it is asked again until it says so. `stop` is the
    signal for a clean end. `environment` is the whole environment; `user` None is our own. One
    that `must_start` is not tried again when it ends before it was ever ready. Lines that contain
    one of `unheeded` say nothing to anybody and are dropped.

    `start` gives it life: by its executable `argv`, or in another way that comes to the same.

    `prepare` and `answers` may raise `CannotStart` where trying again is of no use.
    """

    name: str
    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: User | None = None
    start: Start = execute
    stop: signal.Signals = signal.SIGTERM
    must_start: bool = False
    unheeded: tuple[str, ...] = ()
    prepare: Callable[[], Awaitable[None]] = _nothing
    answers: Callable[[], Awaitable[bool]] = _at_once
