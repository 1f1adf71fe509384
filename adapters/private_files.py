"""Files that only we may read, and that are there whole or not at all."""

import contextlib
import os
import secrets
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Write a file of mode 0600 at once and for good: a crash leaves the old one or the new one.

    Raises:
        OSError: when it cannot be written; nothing is left of it then.
    """
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
