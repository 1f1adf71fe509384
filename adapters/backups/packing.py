"""Streams on their way into and out of a part: zstd, sizes and checksums, a chunk at a time.

zstd compresses on a thread of its own and, as SHA-256 and reading do, without the interpreter's
lock. So what packs a dump leaves the event loop of its process alone.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator

import zstandard

from application.backup_repository import Chunk, Part, PartWriter

LEVEL = 1
CHUNK = 4 << 20
"""Stored bytes under one checksum; damage is found, and named, as finely as this."""

Read = Callable[[int], bytes]
"""Gives up to so many bytes, none at the end."""


class Packer:
    """Compresses what it is given into one part."""

    def __init__(self, name: str, writer: PartWriter) -> None:
        """Begin a part."""
        self._name = name
        self._writer = writer
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, threads=1).compressobj()
        self._plain, self._plain_bytes = hashlib.sha256(), 0
        self._whole, self._bytes = hashlib.sha256(), 0
        self._buffer = bytearray()
        self._chunks: list[Chunk] = []

    def feed(self, data: bytes) -> None:
        """Take the next plain bytes. Raises `RepositoryFailed`."""
        self._plain.update(data)
        self._plain_bytes += len(data)
        self._store(self._compressor.compress(data))

    def finish(self) -> Part:
        """Let the part be whole; what the manifest says of it. Raises `RepositoryFailed`."""
        self._store(self._compressor.flush())
        if self._buffer:
            self._write(bytes(self._buffer))
        self._writer.close()
        return Part(
            name=self._name,
            bytes=self._bytes,
            sha256=self._whole.hexdigest(),
            chunks=tuple(self._chunks),
            plain_bytes=self._plain_bytes,
            plain_sha256=self._plain.hexdigest(),
        )

    def _store(self, packed: bytes) -> None:
        self._buffer += packed
        while len(self._buffer) >= CHUNK:
            self._write(bytes(self._buffer[:CHUNK]))
            del self._buffer[:CHUNK]

    def _write(self, chunk: bytes) -> None:
        self._writer.write(chunk)
        self._whole.update(chunk)
        self._bytes += len(chunk)
        self._chunks.append(Chunk(len(chunk), hashlib.sha256(chunk).hexdigest()))


def unpacked(stored: Iterable[bytes]) -> Iterator[bytes]:
    """The plain bytes of a part that was checked.

    Raises:
        zstandard.ZstdError: when it is no whole zstd frame.
    """
    unpacker = zstandard.ZstdDecompressor().decompressobj()
    for data in stored:
        if plain := unpacker.decompress(data):
            yield plain
    if not unpacker.eof:
        raise zstandard.ZstdError("the frame is cut short")
