"""Starts our own programs as forks of one process that has loaded the whole program already.

To import the platform costs each process more than a second of computing; a fork has it at once,
and shares its memory. The fork server is that of `multiprocessing`: it only imports, has one
thread, and ends with us. Programs that it has forked are told to stop should it be killed; the next
start makes a new one.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, get_context, set_start_method
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from setproctitle import setproctitle

from adapters.supervisor.program import Program
from adapters.supervisor.start import Running, Start, execute

_PRELOADED = ["adapters.supervisor.beginning", "adapters.processes.preloaded"]


def start_fork_server(environment: Mapping[str, str]) -> None:
    """Let it load the program while we do something else; it has this in its environment, too."""
    if sys.platform != "linux":
        return
    os.environ.update(environment, SPT_NOENV="1")  # a title must not lie over the environment
    get_context("forkserver").set_forkserver_preload(_PRELOADED)
    forkserver.ensure_running()


def forked(arguments: Sequence[str]) -> Start:
    """How to start `annals` with these arguments: forked on Linux, executed elsewhere."""
    if sys.platform != "linux":  # libraries of other systems do not outlive a fork
        return execute

    async def start(program: Program, output: int) -> Running:
        forkserver.ensure_running()  # here, since it is told should the thread end that started it
        with Connection(os.dup(output), readable=False) as lines:
            process = get_context("forkserver").Process(
                target=_become,
                args=(tuple(arguments), lines, program.directory, dict(program.environment)),
                kwargs={"stop": int(program.stop)},
                name=program.name,
            )
            starting = asyncio.ensure_future(asyncio.to_thread(process.start))
            try:
                await asyncio.shield(starting)
            except asyncio.CancelledError:
                await starting
                process.kill()
                raise
        return _Forked(process)

    return start


class _Forked:
    """A forked process, whose end its fork server tells through a pipe."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        assert process.pid is not None  # noqa: S101 - it was started
        self.pid = process.pid

    async def wait(self) -> int:
        """See `Running.wait`."""
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, told.set)
        try:
            await told.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        status = self._process.exitcode
        assert status is not None  # noqa: S101 - its end was told
        self._process.close()
        return status

    def send_signal(self, signal: int, /) -> None:
        """See `Running.send_signal`."""
        os.kill(self.pid, signal)


def _become(
    arguments: tuple[str, ...],
    lines: Connection,
    directory: os.PathLike[str],
    environment: Mapping[str, str],
    *,
    stop: int,
) -> None:
    """In the fork: be the program that was asked for."""
    from adapters.processes import preloaded  # noqa: PLC0415 - it loads the whole program

    set_start_method("fork", force=True)  # for granian's workers, who need not import anew either
    os.setsid()
    preloaded.end_with_server(stop)
    for number in (1, 2):
        os.dup2(lines.fileno(), number)
    lines.close()
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["annals", *arguments]
    setproctitle(" ".join(sys.argv))
    preloaded.main()
