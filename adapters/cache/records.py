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
from domain.cache import MOST_TAGS

_HEADER = struct.Struct("<4sQQQdddHHHIH")
_MARKS = tuple(struct.Struct(f"<{count}Q") for count in range(MOST_TAGS + 2))
_MAGIC = b"ANC1"
_SUMMED = 12  # where the checksum begins to count
_SIZE = _HEADER.size
_unpack = _HEADER.unpack_from
_digest = xxhash.xxh3_64_intdigest

ENOUGH = 4096
"""Bytes of a file that hold at least what `read_life` needs."""


class Life(NamedTuple):
    """What decides whether an entry is alive, beside the time."""

    home: int
    ticket: int
    written: float
    expires: float
    stale: float
    marks: tuple[int, ...]


class Damaged(Exception):  # noqa: N818 - a fact about a file
    """These bytes are not the entry that was looked for."""


def pack(entry: Entry, *, identity: bytes, home: int, ticket: int, marks: tuple[int, ...]) -> bytes:
    """The file of an entry; `marks` are the numbers of its tenant and tags."""
    media_type = entry.media_type.encode()
    tags = "\0".join(entry.tags).encode()
    header = _HEADER.pack(
        _MAGIC, 0, home, ticket, entry.written_at, entry.expires_at, entry.stale_until,
        len(identity), len(media_type), len(tags), len(entry.value), len(marks),
    )  # fmt: skip
    parts = (header[_SUMMED:], _MARKS[len(marks)].pack(*marks), identity, media_type, tags)
    rest = b"".join((*parts, entry.value))
    return b"".join((_MAGIC, _digest(rest).to_bytes(8, "little"), rest))


def read_life(data: bytes) -> Life:
    """What the first bytes of a file say; nothing is proven.

    Raises:
        Damaged: when they are no entry's.
    """
    try:
        magic, _, home, ticket, written, expires, stale, _, _, _, _, count = _unpack(data)
        marks = _MARKS[count].unpack_from(data, _SIZE)
    except (struct.error, IndexError):
        raise Damaged from None
    if magic != _MAGIC:
        raise Damaged
    return Life(home, ticket, written, expires, stale, marks)


def read_entry(data: memoryview, identity: bytes) -> tuple[Entry, int, int, tuple[int, ...]]:
    """A whole file: the entry, its home, its ticket and its marks.

    Raises:
        Damaged: when a byte is not as it was written, or it is another entry.
    """
    try:
        (
            magic, checksum, home, ticket, written, expires, stale,
            identity_length, type_length, tags_length, value_length, count,
        ) = _unpack(data)  # fmt: skip
        marks = _MARKS[count].unpack_from(data, _SIZE)
    except (struct.error, IndexError):
        raise Damaged from None
    start = _SIZE + 8 * count
    types = start + identity_length
    tags = types + type_length
    value = tags + tags_length
    if (
        magic != _MAGIC
        or len(data) != value + value_length
        or data[start:types] != identity
        or _digest(data[_SUMMED:]) != checksum
    ):
        raise Damaged
    entry = Entry(
        value=data[value:].tobytes(),
        media_type=str(data[types:tags], "utf-8") if type_length else "",
        tags=tuple(str(data[tags:value], "utf-8").split("\0")) if tags_length else (),
        written_at=written,
        expires_at=expires,
        stale_until=stale,
    )
    return entry, home, ticket, marks
