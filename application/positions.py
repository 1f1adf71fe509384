"""Places in the log as clients see them: opaque tokens that know which log they belong to."""

import base64
import binascii
import re
from uuid import UUID

import msgspec

from domain.rejections import Fault, Invalid

_TOKEN_BYTES = 24
_DIGITS = re.compile(r"[0-9]{1,18}")


class Position(msgspec.Struct, frozen=True, order=True):
    """A place in one incarnation of the log; 0 lies before the first event."""

    incarnation: UUID
    number: int

    @property
    def token(self) -> str:
        """The opaque form for headers, cursors and SSE ids: 32 characters of base64url."""
        raw = self.incarnation.bytes + self.number.to_bytes(8, "big")
        return base64.urlsafe_b64encode(raw).decode()


def parse_position(text: str, incarnation: UUID, *, pointer: str) -> Position:
    """A place from what a client sent: a token, or a bare number in the current incarnation.

    Raises:
        Invalid: when it is neither. A token of another incarnation parses; comparing is up to
            the caller, who answers 410.
    """
    if _DIGITS.fullmatch(text):
        return Position(incarnation, int(text))
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raw = b""
    if len(raw) != _TOKEN_BYTES:
        detail = "is neither a position nor a token that this platform has given"
        raise Invalid(Fault(pointer=pointer, code="position", detail=f"{text[:40]!r} {detail}"))
    return Position(UUID(bytes=raw[:16]), int.from_bytes(raw[16:], "big"))
