"""Going away politely: readiness fails first, live streams end, then the server stops.

granian stops listening as soon as it is told to stop, and then waits for open connections without
telling them. So the signal is held back here for a moment (`DRAIN_DELAY`) in which load balancers
see that the process is not ready and live readers are sent away to come back elsewhere.
"""

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import granian._signals
from granian._granian import WorkerSignal


class Draining:
    """Whether this process is about to stop."""

    def __init__(self) -> None:
        """It is not."""
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """Be not ready from now on, and end live streams."""
        self._begun.set()

    @property
    def has_begun(self) -> bool:
        """Whether this process is about to stop."""
        return self._begun.is_set()

    async def wait(self) -> None:
        """Wait until it is."""
        await self._begun.wait()


def hold_back_signals(draining: Draining, delay: float) -> None:
    """Make this granian worker drain for `delay` seconds between a signal and its stop.

    To be called while the worker loads its application, before it installs its handlers.
    """

    def set_loop_signals(loop: asyncio.AbstractEventLoop) -> Any:
        stop = WorkerSignal()

        def drain() -> None:
            if not draining.has_begun:
                draining.begin()
                loop.call_later(delay, stop.set)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, drain)
        return stop

    replaced: Callable[[Any], Any] = set_loop_signals
    granian._signals.set_loop_signals = replaced  # noqa: SLF001 - granian offers no other way in
