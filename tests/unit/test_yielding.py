"""Giving way to requests: by a process's niceness, and its session's where that is its own."""

import subprocess
import sys
from pathlib import Path

import pytest

GROUP = Path("/proc/self/autogroup")
PROGRAM = """
import os
from pathlib import Path
from adapters.processes.yielding import give_way_to_requests
group = Path("/proc/self/autogroup")
print(os.nice(0), group.read_text().split()[-1] if group.exists() else "-")
give_way_to_requests(3)
print(os.nice(0), group.read_text().split()[-1] if group.exists() else "-")
"""


def niceness(*, leads_session: bool) -> list[tuple[int, str]]:
    """Of a process and of its session, before and after it gives way."""
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        check=True,
        text=True,
        start_new_session=leads_session,
    ).stdout
    lines = [line.split() for line in said.splitlines()]
    return [(int(process), session) for process, session in lines]


def test_a_process_that_leads_a_session_gives_way_with_it() -> None:
    (before, _), (after, session) = niceness(leads_session=True)
    assert after == before + 3
    assert session == ("3" if GROUP.exists() else "-")


@pytest.mark.skipif(not GROUP.exists(), reason="a kernel that does not schedule by session")
def test_a_session_of_somebody_else_is_left_as_it_is() -> None:
    (_, before), (_, after) = niceness(leads_session=False)
    assert after == before
