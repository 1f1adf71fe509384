"""Servers that a killed supervisor left behind.

Servers overwrite their environment with their title, so they are known by what they are: one
of our programs, in a directory that is ours alone, as the account that we use.
"""

import signal
from pathlib import Path

import psutil

from adapters.supervisor.leftovers import Step, end_all

_LEADERS: tuple[Step, ...] = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 3.0))
_ORPHANS: tuple[Step, ...] = ((signal.SIGTERM, 3.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 3.0))


async def end_leftovers(program: Path, directory: Path, uid: int) -> int:
    """End every process that runs `program` in `directory` as this account; how many there were.

    A server shuts down cleanly if it can, with its children; then children without one end.

    Raises:
        CannotStart: when one cannot be ended.
    """
    found = [each for each in psutil.process_iter() if _is_ours(each, program, directory, uid)]
    family = {each.pid for each in found}
    ended = await end_all([each for each in found if _has_children(each, family)], _LEADERS)
    rest = [each for each in found if each.is_running()]
    return ended + await end_all(rest, _ORPHANS)


def _is_ours(process: psutil.Process, program: Path, directory: Path, uid: int) -> bool:
    try:
        return (
            process.uids().effective == uid
            and Path(process.cwd()) == directory
            and _file(process) == program.name
        )
    except (psutil.Error, OSError):
        return False


def _file(process: psutil.Process) -> str:
    """The name of the file that it executes; the kernel marks one that was replaced meanwhile."""
    return Path(process.exe().removesuffix(" (deleted)")).name


def _has_children(process: psutil.Process, family: set[int]) -> bool:
    try:
        return any(child.pid in family for child in process.children())
    except psutil.Error:
        return False
