"""How long a process lives: until it is told to stop, or something in it cannot go on."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.background import Background

BEAT = 5.0
"""Seconds between two signs of life."""


class Broken(Exception):  # noqa: N818 - a fact
    """Something in the process ended that must not; the log says what."""


@asynccontextmanager
async def signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def settle_garbage() -> None:
    """Let the collector look at what work leaves behind, not at the program, once it is open."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def until_stopped(
    stop: asyncio.Event, background: Background, alive_file: Path = Path()
) -> None:
    """Wait for the end of the process, which shows that it lives by touching its file, if any.

    Raises:
        Broken: when work in the background has failed, so that the process is started anew.
    """
    if alive_file != Path():
        background.start("signs of life", _show_life(alive_file))
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(background.failed.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if not stop.is_set():
        raise Broken


async def _show_life(file: Path) -> None:
    """For as long as the event loop turns; when it ends so does the file."""
    try:
        while True:
            file.touch()  # noqa: ASYNC240 - no slower than handing it to a thread
            await asyncio.sleep(BEAT)
    finally:
        file.unlink(missing_ok=True)  # noqa: ASYNC240 - as above
