"""Generated passwords, each in a file that only we may read."""

import secrets
from pathlib import Path

from adapters.private_files import write_private
from adapters.startup import CannotStart


def password(file: Path, *, create: bool) -> str:
    """The password in a file; `create` makes one where the file is missing.

    The file appears at once and whole, so that a start that is killed leaves none or a good one.

    Raises:
        CannotStart: when it is missing and must not be made, or cannot be read.
    """
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        if not create:
            raise CannotStart(
                f"{file} is missing, but the data that it opens is there: restore the file"
            ) from None
    except OSError as error:
        raise CannotStart(f"{file} cannot be read: {error.strerror}") from None
    made = secrets.token_hex(24)
    write_private(file, made + "\n")
    return made
