"""One running program: its process group, its output, its end."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

from adapters.supervisor.program import Program
from adapters.supervisor.start import Running

Sink = Callable[[str, str], None]
"""Takes a program's name and one line that it wrote."""

_LONGEST_LINE = 64 * 1024
_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.1


class Died(Exception):  # noqa: N818 - a fact about a child
    """A program ended before it was ready."""

    def __init__(self, program: Program, status: int) -> None:
        """Say which, and with what status (negative: the signal)."""
        super().__init__(f"{program.name} ended with status {status} before it was ready")
        self.status = status


class Child:
    """A started program. It leads its own session, so a terminal's Ctrl-C reaches only us."""

    def __init__(self, program: Program, process: Running) -> None:
        """Wrap a process that `spawn` has started."""
        self.program = program
        self.pid = process.pid
        self._process = process
        self._ended = asyncio.create_task(process.wait(), name=f"wait for {program.name}")
        self._reading: asyncio.Task[None] | None = None
        self._gone = False

    @classmethod
    async def spawn(cls, program: Program, sink: Sink) -> "Child":
        """Prepare and start a program; every line that it writes goes to `sink`.

        Raises:
            CannotStart: from the program's preparation.
            OSError: when it cannot be executed.
        """
        await program.prepare()
        read_end, write_end = os.pipe()
        try:
            process = await program.start(program, write_end)
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        child = cls(program, process)
        child._reading = asyncio.create_task(_pass_on(read_end, program, sink))
        return child

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.done()

    async def ended(self) -> int:
        """Wait for its end; the exit status, negative for a signal."""
        return await asyncio.shield(self._ended)

    async def ready(self) -> None:
        """Wait until it answers.

        Raises:
            Died: when it ended first.
            CannotStart: when it told that waiting is of no use.
        """
        pause = _FIRST_PAUSE
        while not await self._answers():
            await asyncio.wait({self._ended}, timeout=pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _answers(self) -> bool:
        """Ask once; the program's end is noticed while the question is open."""
        question = asyncio.ensure_future(self.program.answers())
        await asyncio.wait({question, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            question.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await question
            raise Died(self.program, self._ended.result())
        return await question

    def signal(self, number: int) -> None:
        """Send a signal to the process that leads the tree, if it still runs."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def kill(self) -> None:
        """End the whole tree at once. Once that was done its id may be a stranger's."""
        if self._gone:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self, grace: float) -> int:
        """Ask for a clean end and wait `grace` seconds, then kill what is left of the tree."""
        self.signal(self.program.stop)
        return await self.finish(grace)

    async def finish(self, grace: float) -> int:
        """Wait `grace` seconds for its end, kill what is left of the tree, take its last lines."""
        await asyncio.wait({self._ended}, timeout=grace)
        self.kill()
        status = await self.ended()
        self._gone = True
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=1)
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        return status


async def _pass_on(read_end: int, program: Program, sink: Sink) -> None:
    """Hand on lines until the last holder of the pipe is gone; an endless line is cut."""

    def say(line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        if not any(noise in text for noise in program.unheeded):
            sink(program.name, text)

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    with os.fdopen(read_end, "rb", buffering=0) as pipe:
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            await _split(reader, say)
        finally:
            transport.close()


async def _split(reader: asyncio.StreamReader, say: Callable[[bytes], None]) -> None:
    rest = b""
    while chunk := await reader.read(_LONGEST_LINE):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines.append(rest)
            rest = b""
        for line in lines:
            say(line)
    if rest:
        say(rest)
