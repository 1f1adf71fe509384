"""How a program comes to life: its executable is run, with its output and its life tied to ours."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from adapters.supervisor.program import Program

_SET_PARENT_DEATH_SIGNAL = 1
_LIBC: Any = ctypes.CDLL(None) if sys.platform == "linux" else None


class Running(Protocol):
    """A process that was started; it leads a session of its own."""

    @property
    def pid(self) -> int:
        """Its id, also that of its process group."""

    async def wait(self) -> int:
        """Wait for its end; the exit status, negative for a signal."""

    def send_signal(self, signal: int, /) -> None:
        """Send it a signal.

        Raises:
            ProcessLookupError: when it has ended.
        """


Start = Callable[["Program", int], Awaitable[Running]]
"""Starts a program whose stdout and stderr are this file descriptor, which stays the caller's."""


async def execute(program: "Program", output: int) -> Running:
    """Run a program's executable.

    Raises:
        OSError: when it cannot be executed.
    """
    identity: dict[str, Any] = {}
    if program.user is not None:
        identity = {"user": program.user.uid, "group": program.user.gid, "extra_groups": []}
    return await asyncio.create_subprocess_exec(
        *program.argv,
        cwd=program.directory,
        env=dict(program.environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=_dies_with_parent(program.stop),
        **identity,
    )


def die_with_parent(number: int, parent: int | None = None) -> None:
    """Ask the kernel (Linux) to send this process a signal should its parent end.

    Where `parent` is given and has ended already, the process ends at once.
    """
    if _LIBC is not None:
        _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, int(number), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def _dies_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Where the kernel can, a program gets its stop signal should we be killed.

    It runs between fork and exec, after the change of user, which would clear the request.
    """
    if _LIBC is None:
        return None
    parent = os.getpid()
    return lambda: die_with_parent(number, parent)
