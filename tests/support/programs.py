"""Small programs for a supervisor to run, and a place where their lines can be awaited."""

import asyncio
import os
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.supervisor.program import Program

PATIENT = """
    import os, signal
    def end(*_):
        os.write(1, b"drained\\n")
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
    os.write(1, b"up %d\\n" % os.getpid())
    while True: signal.pause()
"""
"""Says that it is up; on SIGTERM says that it has drained, and ends with 0."""

STUBBORN = """
    import os, signal, subprocess, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = "import os, signal; signal.signal(15, signal.SIG_IGN); "
    child += "print('up', os.getpid(), flush=True); signal.pause()"
    subprocess.Popen([sys.executable, "-c", child])
    print("up", os.getpid(), flush=True)
    while True: signal.pause()
"""
"""Ignores SIGTERM, and has a child of its own that does so too."""

BRIEF = "print('up', flush=True)"
"""Ends at once."""

REFUSING = "import sys; print('no', flush=True); sys.exit(2)"
"""Says why it cannot start."""


class Lines:
    """A sink whose lines can be awaited."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str]] = []
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def __call__(self, name: str, line: str) -> None:
        self.all.append((name, line))
        self._queue.put_nowait((name, line))

    async def next(self, start: str = "") -> str:
        """The next line that begins so."""
        while True:
            _, line = await self._queue.get()
            if line.startswith(start):
                return line

    async def up(self) -> int:
        """The pid that the next program to come up tells."""
        return int((await self.next("up")).split()[1])


def program(code: str, name: str = "program", **options: Any) -> Program:
    """A Python program as one that can be kept."""
    base = Program(
        name=name,
        argv=(sys.executable, "-c", textwrap.dedent(code)),
        directory=Path("/"),
        environment=dict(os.environ),
    )
    return replace(base, **options)
