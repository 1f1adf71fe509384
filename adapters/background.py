"""Work that goes on beside requests, for as long as a process runs.

Such work handles every outage itself. That it ends or raises is a fault of the program, and the
process is better started anew than left half alive: `failed` tells whoever waits.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from application.endings import end

REPLACED = "the log was replaced"
"""Why a process must restart whose log was restored."""

log = structlog.get_logger(__name__)


class Background:
    """Tasks that run until they are stopped, the last started first."""

    def __init__(self) -> None:
        """Start without any; must be made in a running event loop."""
        self._tasks: list[asyncio.Task[Any]] = []
        self._stopping = False
        self.failed = asyncio.Event()
        self.reason = ""

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Run this until `stop`."""
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        task.add_done_callback(self._ended)

    def fail(self, reason: str) -> None:
        """Let the process end and be started anew; the first reason counts."""
        log.error("process_must_restart", reason=reason)
        self.reason = self.reason or reason
        self.failed.set()

    async def stop(self) -> None:
        """Cancel everything and wait for its end."""
        self._stopping = True
        for task in reversed(self._tasks):
            await end(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if self._stopping:
            return
        error = None if task.cancelled() else task.exception()
        log.error("background_work_ended", work=task.get_name(), exc_info=error)
        self.failed.set()
