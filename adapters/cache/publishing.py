"""What file systems can do with files beyond POSIX, where they can."""

import contextlib
import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_AT_CWD = -100
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_COULD_NOT = {errno.ENOENT, errno.EEXIST, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
_FLAGS = struct.Struct("l")
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602
_TOP = 0x00020000  # FS_TOPDIR_FL, chattr's T

Move = Callable[[str, str], bool]


class Moves(NamedTuple):
    """Renames that do one thing or nothing; each tells whether it could."""

    exchange: Move
    """Swap two files. It could not where there is no second one."""
    settle: Move
    """Take a place where there is nothing. It could not where there is something."""


def moves() -> Moves:
    """Where the system or the file system has no renameat2(2), neither ever can.

    Renaming over a file is all that POSIX has, but ext4 then begins to write the new file to the
    disk before it returns: five times as slow as swapping the two.
    """
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return Moves(lambda _draft, _place: False, lambda _draft, _place: False)
    renameat2.argtypes = (
        ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint,
    )  # fmt: skip

    def move(how: int) -> Move:
        def moved(draft: str, place: str) -> bool:
            names = (_AT_CWD, os.fsencode(draft), _AT_CWD, os.fsencode(place))
            if renameat2(*names, how) == 0:
                return True
            code = ctypes.get_errno()
            if code in _COULD_NOT:
                return False
            raise OSError(code, os.strerror(code), draft)

        return moved

    return Moves(move(_RENAME_EXCHANGE), move(_RENAME_NOREPLACE))


def spread(directory: Path) -> None:
    """Ask for the directories in this one to lie apart, with their files, where ext4 can do so.

    In a part of the disk where files are removed all the time, making one takes ten times as long.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            data = fcntl.ioctl(descriptor, _GET_FLAGS, bytes(_FLAGS.size))
            [flags] = _FLAGS.unpack(data)
            if not flags & _TOP:
                fcntl.ioctl(descriptor, _SET_FLAGS, _FLAGS.pack(flags | _TOP))
        finally:
            os.close(descriptor)
