"""Work beside requests gives way to requests when there is not processor time for both.

A process's niceness alone does not do that. Linux shares time between sessions first
(`sched_autogroup`, see sched(7)), and each of our processes leads a session of its own: within it,
niceness has nobody to give way to. So the session's own niceness is set as well, but only where the
session is ours, not that of a shell.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

READ_SOON = 2
"""Niceness of what feeds read models, which a request may come to wait for."""

IN_ITS_TIME = 4
"""Niceness of work that nobody waits for."""

_OF_SESSION = Path("/proc/self/autogroup")
_TRIES = 20


def give_way_to_requests(niceness: int) -> None:
    """Have less of the processors than a process of niceness 0 when both could use them."""
    os.nice(niceness)
    if sys.platform == "linux" and os.getsid(0) == os.getpid():
        with suppress(OSError):  # a kernel without such groups
            _set_of_session(niceness)


def _set_of_session(niceness: int) -> None:
    """Try again when another process just did: of the unprivileged, Linux takes one in 0.1 s."""
    for _ in range(_TRIES):
        try:
            _OF_SESSION.write_text(str(niceness), encoding="ascii")
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return
