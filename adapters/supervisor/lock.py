"""One supervisor per data directory.

The lock is the kernel's (`flock`), so it ends with its process whatever that dies of; the text
in the file only tells people who holds it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from adapters.startup import CannotStart


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Hold a data directory.

    Raises:
        CannotStart: naming the process that holds it already.
    """
    file = data_dir / "lock"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            raise CannotStart(f"{data_dir} is in use by {holder or 'another process'}") from None
        os.ftruncate(descriptor, 0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        os.pwrite(descriptor, f"process {os.getpid()} since {since}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
