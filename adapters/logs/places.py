"""Places between entries, as cursors hold them: right while files grow, move and are packed.

A name says little about a file that rotates. So a place names its file by device and inode, and by
fingerprints of its first bytes and of those before the place. A renamed file is found by all of
them, a copied or compressed one by the fingerprints, and a file that took over an inode by none.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Literal

import msgspec

from adapters.logs.members import HEAD, Member, anchor_of, digest, head_of
from application.log_reader import LinesGone
from domain.rejections import Fault, Invalid

Way = Literal["next", "previous"]


class Place(msgspec.Struct, frozen=True, array_like=True):
    """An offset of one stream's file."""

    stream: str
    device: int
    inode: int
    length: int  # of the head that `head` is the fingerprint of
    head: bytes
    offset: int
    anchor: bytes


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """One place per stream, and whether it was a page's `next` or `previous`."""

    way: Way
    places: tuple[Place, ...]

    @property
    def text(self) -> str:
        """As clients hold it."""
        packed = msgspec.msgpack.encode(self)
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


_decoder = msgspec.msgpack.Decoder(Cursor)


def read_cursor(text: str) -> Cursor:
    """What a client gave back.

    Raises:
        Invalid: it is no cursor of ours.
    """
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return _decoder.decode(packed)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        fault = Fault(pointer="/cursor", code="bad-cursor", detail="this is no cursor of this list")
        raise Invalid(fault) from None


def place_of(stream: str, member: Member, offset: int) -> Place:
    """Note where we are."""
    length = min(HEAD, len(member.sample))
    return Place(
        stream=stream,
        device=member.file.device,
        inode=member.file.inode,
        length=length,
        head=head_of(member, length),
        offset=offset,
        anchor=_anchor(member, offset),
    )


def found_again(place: Place, members: Sequence[Member]) -> tuple[int, int]:
    """The index and offset of a place among a stream's members, wherever it went.

    Raises:
        LinesGone: the file was removed, or what was before the place was replaced.
    """
    same = [member for member in members if _has_head(member, place)]
    same.sort(key=lambda each: (each.file.device, each.file.inode) != (place.device, place.inode))
    for member in same:
        if not place.offset or (
            place.offset <= member.content.size and _anchor(member, place.offset) == place.anchor
        ):
            return members.index(member), place.offset
    raise LinesGone(stream=place.stream)


def _anchor(member: Member, offset: int) -> bytes:
    return anchor_of(member.content, offset) if offset else b""


def _has_head(member: Member, place: Place) -> bool:
    if not 0 <= place.length <= HEAD or place.offset < 0:
        return False
    if not place.length:  # it was empty, so nothing but the inode tells
        return (member.file.device, member.file.inode) == (place.device, place.inode)
    sample = member.sample
    return len(sample) >= place.length and digest(sample[: place.length]) == place.head
