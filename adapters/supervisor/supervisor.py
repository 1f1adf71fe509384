"""Keeps programs running, and ends them in the reverse of the order that they came in.

Programs are kept in groups. A group is started when the one before it is ready and ended before
the one before it is asked to end, so that a server outlives those who write to it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import structlog

from adapters.startup import CannotStart
from adapters.supervisor.backoff import Backoff
from adapters.supervisor.child import Child, Died, Sink
from adapters.supervisor.program import Program

log = structlog.get_logger(__name__)

REFUSED = 2
"""The exit status of a program that told why it cannot start; trying again is of no use."""

Pause = Callable[[float], Awaitable[None]]


class _Kept:
    """One program that is started again whenever it ends."""

    def __init__(self, program: Program, sink: Sink, pause: Pause) -> None:
        self.program = program
        self.child: Child | None = None
        self.first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sink = sink
        self._pause = pause
        self._backoff = Backoff()
        self._stopping = False
        self.task = asyncio.create_task(self._keep(), name=f"keep {program.name}")

    async def _keep(self) -> None:
        """Run it again and again; the first run's failure is the caller's to handle."""
        loop = asyncio.get_running_loop()
        while not self._stopping:
            started = loop.time()
            reason = await self._run_once()
            if self._stopping or self.first_ready.cancelled():
                return
            if self.first_ready.done() and self.first_ready.exception() is not None:
                return
            wait = self._backoff.after(loop.time() - started)
            log.warning("program_ended", program=self.program.name, reason=reason, again_in=wait)
            await self._pause(wait)

    async def _run_once(self) -> str:
        """One run from its start to its end; what it ended with."""
        try:
            self.child = await Child.spawn(self.program, self._sink)
            await self.child.ready()
        except (CannotStart, OSError) as error:
            await self._clear()
            self._fail(error)
            return str(error)
        except Died as died:
            await self._clear()
            if died.status == REFUSED or self.program.must_start:
                self._fail(CannotStart(f"{self.program.name} does not start, see its lines above"))
            return f"status {died.status} before it was ready"
        self._succeed()
        status = await self.child.ended()
        await self._clear()
        return f"status {status}"

    async def _clear(self) -> None:
        """Whatever of its tree outlived it goes too."""
        if self.child is not None:
            await self.child.finish(0)

    def _succeed(self) -> None:
        if not self.first_ready.done():
            self.first_ready.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.first_ready.done():
            self.first_ready.set_exception(error)
            self.first_ready.exception()  # whoever does not wait any more need not be told

    async def stop(self, grace: float) -> None:
        """Ask it to end, wait `grace` seconds, kill what is left."""
        self._stopping = True
        child = self.child
        if child is not None and child.running:
            await child.stop(grace)
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        if self.child is not None:
            self.child.kill()

    def kill(self) -> None:
        """End its tree at once."""
        self._stopping = True
        if self.child is not None:
            self.child.kill()


class Supervisor:
    """Keeps groups of programs; every line that they write goes to `sink`."""

    def __init__(self, sink: Sink, pause: Pause = asyncio.sleep) -> None:
        """Start with none; `pause` waits before a restart."""
        self._sink = sink
        self._pause = pause
        self._groups: list[list[_Kept]] = []

    async def start(self, programs: Sequence[Program]) -> None:
        """Add a group, and wait until all of it is ready; from then on each is kept running.

        Raises:
            CannotStart: when one cannot start for a reason that trying again does not change.
                The caller then stops everything.
        """
        group = [_Kept(program, self._sink, self._pause) for program in programs]
        self._groups.append(group)
        await asyncio.gather(*(kept.first_ready for kept in group))

    def pids(self) -> dict[str, int]:
        """The process id of each program that runs now, by its name."""
        return {
            kept.program.name: kept.child.pid
            for group in self._groups
            for kept in group
            if kept.child is not None and kept.child.running
        }

    async def stop(self, grace: float) -> None:
        """End all groups, the last first, within about `grace` seconds in all.

        The last group has most of the time to drain; each one before it has a fifth.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        while self._groups:
            group = self._groups[-1]  # `kill` must still find it
            reserved = grace * 0.2 * (len(self._groups) - 1)
            left = max(deadline - reserved - loop.time(), 0.1)
            await asyncio.gather(*(kept.stop(left) for kept in group))
            self._groups.pop()

    def kill(self) -> None:
        """End everything at once; `stop` then only collects what is left."""
        for group in self._groups:
            for kept in group:
                kept.kill()
