"""An entry as the bytes of a file: a header, what the entry is called, and the value.

magic 4, checksum 8      of everything behind it (XXH3), so that damage anywhere shows
home 8                   which directory this was written for: a copied file is none of ours
ticket 8                 the moment in the order of invalidations
written, expires, stale  seconds since 1970, as doubles
lengths                  of identity, media type, tags (2 bytes each) and value (4)
count 2                  of marks
marks 8 each             the numbers of the tenant and of each tag
identity, media type, tags (separated by NUL), value
"""

import struct
from typing import NamedTuple

import xxhash

from application.cache import Entry

_HEADER = struct.Struct("<4sQQQdddHHHIH")
_MAGIC = b"ANC1"
_SUMMED = 12  # where the checksum begins to count
_unpack = _HEADER.unpack_from
_digest = xxhash.xxh3_64_intdigest

ENOUGH = 4096
"""Bytes of a file that hold at least what `read_header` needs."""


class Header(NamedTuple):
    """What decides whether an entry is alive."""

    magic: bytes
    checksum: int
    home: int
    ticket: int
    written: float
    expires: float
    stale: float
    identity_length: int
    type_length: int
    tags_length: int
    value_length: int
    mark_count: int

    @property
    def identity_start(self) -> int:
        """Where the identity begins."""
        return _HEADER.size + 8 * self.mark_count


class Damaged(Exception):  # noqa: N818 - a fact about a file
    """These bytes are not the entry that was looked for."""


def pack(
    entry: Entry, *, identity: bytes, home: int, ticket: int, numbers: tuple[int, ...]
) -> bytes:
    """The file of an entry; `numbers` are those of its tenant and tags."""
    media_type = entry.media_type.encode()
    tags = "\0".join(entry.tags).encode()
    header = _HEADER.pack(
        _MAGIC, 0, home, ticket, entry.written_at, entry.expires_at, entry.stale_until,
        len(identity), len(media_type), len(tags), len(entry.value), len(numbers),
    )  # fmt: skip
    rest = b"".join(
        (header[_SUMMED:], struct.pack(f"<{len(numbers)}Q", *numbers), identity, media_type, tags,
         entry.value)
    )  # fmt: skip
    return b"".join((_MAGIC, _digest(rest).to_bytes(8, "little"), rest))


def read_header(data: bytes) -> tuple[Header, tuple[int, ...]]:
    """The header and the numbers of the marks, of the first bytes of a file; nothing is proven.

    Raises:
        Damaged: when it is too short, or no entry.
    """
    try:
        header = Header._make(_unpack(data))
        numbers = struct.unpack_from(f"<{header.mark_count}Q", data, _HEADER.size)
    except struct.error:
        raise Damaged from None
    if header.magic != _MAGIC:
        raise Damaged
    return header, numbers


def read_entry(data: bytes, header: Header, identity: bytes) -> Entry:
    """The entry in a whole file.

    Raises:
        Damaged: when a byte is not as it was written, or it is another entry.
    """
    start = header.identity_start
    types = start + header.identity_length
    tags = types + header.type_length
    value = tags + header.tags_length
    if (
        len(data) != value + header.value_length
        or data[start:types] != identity
        or _digest(data[_SUMMED:]) != header.checksum
    ):
        raise Damaged
    return Entry(
        value=data[value:],
        media_type=data[types:tags].decode() if tags > types else "",
        tags=tuple(data[tags:value].decode().split("\0")) if value > tags else (),
        written_at=header.written,
        expires_at=header.expires,
        stale_until=header.stale,
    )
