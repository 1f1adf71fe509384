"""Being alone at something among all processes, for as long as one may take.

The right is a lock on a file, which the kernel takes from whoever dies. Who lives but takes longer
than the lease loses it to one other, who puts a new file in its place: so the one that hangs holds
nobody up, and what it finds out in the end is one load too many.
"""

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.05  # seconds between looks


@asynccontextmanager
async def alone(file: Path, lease: float) -> AsyncIterator[None]:
    """Hold the right that a file stands for; `lease` in seconds.

    Raises:
        OSError: when there can be no such file.
    """
    pause = _FIRST_PAUSE
    while (descriptor := _take(file, lease)) is None:
        await asyncio.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE)
    try:
        yield
    finally:
        _leave(file, descriptor)


def _leave(file: Path, descriptor: int) -> None:
    if _is_at(file, descriptor):
        file.unlink(missing_ok=True)
    os.close(descriptor)


def _take(file: Path, lease: float) -> int | None:
    """The locked file, or None when another has it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(file, descriptor):
            os.utime(descriptor)  # the lease begins
            return descriptor
    except BlockingIOError:
        held_since = os.fstat(descriptor).st_mtime
        if time.time() - held_since > lease and _is_at(file, descriptor):
            file.unlink(missing_ok=True)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_at(file: Path, descriptor: int) -> bool:
    """Whether the open file still is the one of this name; its last holder may have removed it."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    return False
