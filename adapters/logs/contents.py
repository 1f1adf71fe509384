"""What is in a file, by position: as it lies there, or unpacked.

Read by `pread`, not through a mapping: a mapped file that is cut meanwhile (copytruncate) ends
the process with SIGBUS, and its pages would count as our memory. A compressed file has no
positions, so it is unpacked once into a file without a name, which the kernel removes with the
process whatever happens; then all that works on plain files works on it, too.
"""

import gzip
import os
import zlib
from collections import OrderedDict
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import IO, Final, Protocol

import zstandard

from adapters.logs.finding import OpenFile
from application.log_reader import ArchiveTooLarge

_PIECE: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_DAMAGED: Final = (EOFError, OSError, zlib.error, zstandard.ZstdError)
SPOOL_LIMIT: Final = 4 << 30


class Content(Protocol):
    """Bytes by position. `size` is what there was when it was opened; a read may give less.

    `fd` is the descriptor behind it.
    """

    fd: int
    size: int

    def read(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset` on; fewer only at the end."""
        ...


class PlainContent:
    """A file's own bytes."""

    def __init__(self, fd: int, size: int) -> None:
        """Read from `fd`, which stays the caller's."""
        self.fd = fd
        self.size = size

    def read(self, offset: int, count: int) -> bytes:
        """See `Content.read`."""
        data = os.pread(self.fd, count, offset)
        while 0 < len(data) < count:  # a signal, or a file system that gives less at once
            more = os.pread(self.fd, count - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data


def compression_of(file: OpenFile) -> str | None:
    """gzip, zstd or None, by the file's first bytes: names are changed by hand."""
    start = os.pread(file.fd, 4, 0)
    if start.startswith(_GZIP):
        return "gzip"
    return "zstd" if start == _ZSTD else None


def unpacked_head(file: OpenFile, count: int) -> bytes:
    """The first bytes of a compressed file's content; what is damaged ends there."""
    pieces: list[bytes] = []
    _unpack(file, pieces.append, count)
    return b"".join(pieces)[:count]


class Spool:
    """Unpacked files, the last used ones kept, on disk and without names."""

    def __init__(self, directory: Path, limit: int = SPOOL_LIMIT) -> None:
        """Hold at most `limit` bytes in files of `directory`."""
        self._directory = directory
        self._limit = limit
        self._held: OrderedDict[tuple[int, ...], tuple[IO[bytes], int]] = OrderedDict()

    def content(self, file: OpenFile) -> Content:
        """A compressed file's content.

        Raises:
            ArchiveTooLarge: it does not fit, even alone.
        """
        key = (file.device, file.inode, file.size, file.modified_ns)
        if key not in self._held:
            self._held[key] = self._unpacked(file)
        self._held.move_to_end(key)
        held, size = self._held[key]
        return PlainContent(held.fileno(), size)

    def close(self) -> None:
        """Give the space back."""
        while self._held:
            self._forget_oldest()

    def _unpacked(self, file: OpenFile) -> tuple[IO[bytes], int]:
        held = _nameless(self._directory)
        size = 0

        def write(piece: bytes) -> None:
            nonlocal size
            size += len(piece)
            while size + self._total() > self._limit and self._held:
                self._forget_oldest()
            if size > self._limit:
                raise ArchiveTooLarge(file=file.path, limit=self._limit)
            held.write(piece)

        try:
            _unpack(file, write)
            held.flush()
        except BaseException:
            held.close()
            raise
        return held, size

    def _total(self) -> int:
        return sum(size for _, size in self._held.values())

    def _forget_oldest(self) -> None:
        _, (held, _) = self._held.popitem(last=False)
        held.close()


def _unpack(file: OpenFile, write: Callable[[bytes], object], count: int | None = None) -> None:
    """Hand out a compressed file's content; what is damaged or cut short ends there."""
    with os.fdopen(os.dup(file.fd), "rb") as packed:
        packed.seek(0)
        unpacked = _reader(packed, compression_of(file))
        left = count if count is not None else -1
        while left:
            try:
                piece = unpacked.read1(_PIECE if left < 0 else min(left, _PIECE))
            except _DAMAGED:
                return
            if not piece:
                return
            write(piece)
            left -= len(piece) if left > 0 else 0


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def _reader(packed: BufferedReader, compression: str | None) -> _Readable:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=packed)
    decompressor = zstandard.ZstdDecompressor()
    return decompressor.stream_reader(packed, read_across_frames=True)


def _nameless(directory: Path) -> IO[bytes]:
    """A file that nobody else can open and that is gone with its last descriptor."""
    import tempfile  # noqa: PLC0415 - searchers that meet no archive start faster without it

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=directory, buffering=0)
