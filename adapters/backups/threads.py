"""Blocking work on a thread of low priority, which ends when whoever waits for it is cancelled."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from adapters.backups.programs import LOWEST, Tool

T = TypeVar("T")


class Stopped(Exception):  # noqa: N818 - a fact
    """The work was told to end."""


class Work:
    """What a thread has under way, and whether it should go on."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._lock = threading.Lock()
        self._tools: set[Tool] = set()
        self._stopped = False

    def check(self) -> None:
        """Go on only if nobody has said stop.

        Raises:
            Stopped: when somebody has.
        """
        if self._stopped:
            raise Stopped

    @contextmanager
    def running(self, tool: Tool) -> Iterator[Tool]:
        """Around the use of a program, which does not outlive that.

        Raises:
            Stopped: when told so, instead of whatever the program's end has caused.
        """
        with tool:
            with self._lock:
                self._tools.add(tool)
            try:
                self.check()
                yield tool
            except Exception:
                self.check()
                raise
            finally:
                with self._lock:
                    self._tools.discard(tool)

    def stop(self) -> None:
        """End it: programs at once, and what is between two of them soon."""
        with self._lock:
            self._stopped = True
            for tool in self._tools:
                tool.kill()


async def in_thread(work: Callable[[Work], T], *, niceness: int = LOWEST) -> T:
    """Do blocking work on a thread of its own; when cancelled, stop it and wait for its end."""
    state = Work()

    def run() -> T:
        if niceness:
            with contextlib.suppress(OSError):  # where a thread has no priority of its own
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        return work(state)

    thread = ThreadPoolExecutor(1, thread_name_prefix="backup")  # nobody else gets its priority
    ending = asyncio.get_running_loop().run_in_executor(thread, run)
    try:
        return await asyncio.shield(ending)
    except asyncio.CancelledError:
        state.stop()
        with contextlib.suppress(Exception):
            await ending
        raise
    finally:
        thread.shutdown(wait=False)
