"""Processes that a killed supervisor left behind.

A name proves nothing and a pid file little. Each of our processes carries the data directory
that it belongs to in its environment, and so do its children; whoever carries it while we hold
the directory's lock was left behind. Most are on their way out already, having been told by the
kernel that their parent is gone.
"""

import asyncio
import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from adapters.startup import CannotStart

MARK = "ANNALS_SUPERVISED"
"""The environment variable that says which data directory a process belongs to."""

Step = tuple[signal.Signals, float]
"""A signal, and for how many seconds it may take effect."""

_STEPS: Sequence[Step] = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


async def end_supervised(data_dir: Path, steps: Sequence[Step] = _STEPS) -> int:
    """End all that a dead supervisor of this directory left; how many there were.

    To be called by who holds the directory's lock.

    Raises:
        CannotStart: when one cannot be ended.
    """
    left = [each for each in psutil.process_iter() if _marked(each, data_dir)]
    return await end_all(left, steps)


async def end_all(processes: Iterable[psutil.Process], steps: Sequence[Step] = _STEPS) -> int:
    """End these processes by ever harder means; how many there were.

    psutil compares start times before it sends a signal: it never reaches another process.

    Raises:
        CannotStart: when one cannot be ended.
    """
    left = found = list(processes)
    for number, patience in steps:
        if left:
            for process in left:
                _signal(process, number)
            left = await asyncio.to_thread(_wait, left, patience)
    if left:
        raise CannotStart(f"process {left[0].pid} of an earlier start cannot be ended")
    return len(found)


def _marked(process: psutil.Process, data_dir: Path) -> bool:
    try:
        ours = os.getpid() in (process.pid, process.ppid())
        return not ours and process.environ().get(MARK) == str(data_dir)
    except (psutil.Error, OSError):
        return False


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return


def _wait(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return list(alive)
