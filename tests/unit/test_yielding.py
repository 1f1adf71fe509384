"""Giving way to requests: by a process's niceness, and its session's where that is its own."""

import subprocess
import sys

PROGRAM = """
import os
from pathlib import Path
from adapters.processes.yielding import give_way_to_requests

def of_session():
    group = Path("/proc/self/autogroup")
    said = group.read_text().split() if group.exists() else []
    return said[-1] if said else "-"

print(os.nice(0), of_session())
give_way_to_requests(3)
print(os.nice(0), of_session())
"""
WITHIN = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
"""Runs a program as somebody else than the leader of its session."""


def niceness(*command: str) -> list[tuple[int, str]]:
    """Of a process and of its session, before and after it gives way."""
    said = subprocess.run(
        [sys.executable, "-c", *command],
        capture_output=True,
        check=True,
        text=True,
        start_new_session=True,
    ).stdout
    lines = [line.split() for line in said.splitlines()]
    return [(int(process), session) for process, session in lines]


def test_a_process_that_leads_a_session_gives_way_with_it() -> None:
    (before, of_session), (after, session) = niceness(PROGRAM)
    assert after == before + 3
    assert session == ("-" if of_session == "-" else "3")


def test_a_session_of_somebody_else_is_left_as_it_is() -> None:
    (nice, before), (nicer, after) = niceness(WITHIN, PROGRAM)
    assert nicer == nice + 3
    assert after == before
