"""Versions of things on the wire: strong entity tags, and the headers that name one."""

import re

from adapters.http.answers import Header
from domain.rejections import Fault, Invalid

TAG_PATTERN = '^"[^"]*"$'
_TAG = re.compile(TAG_PATTERN.encode())
_OURS = re.compile(rb'"v([0-9]{1,18})"')
NEVER = -1
"""The version of a thing that does not exist: matches no thing at all."""


def etag(version: int) -> Header:
    """The `ETag` of a thing at a version of its stream."""
    return b"etag", b'"v%d"' % version


def if_match(headers: dict[bytes, bytes], *, taken: bool) -> int | None:
    """The version that the caller has seen, where it says so.

    `*` is not taken: a command on what does not exist is refused by its own rule. An entity tag
    that we never gave matches nothing. Where no one thing is addressed, none is `taken`: its
    version would be that of whatever is looked at first, and would tell of things that the
    caller may not know.

    Raises:
        Invalid: when the header is not one entity tag, or none is taken.
    """
    given = headers.get(b"if-match")
    if given is None:
        return None
    if not taken:
        detail = "this operation takes no If-Match"
        raise Invalid(Fault(pointer="", code="if-match", detail=detail))
    tag = _OURS.fullmatch(given.strip())
    if tag is not None:
        return int(tag[1])
    if _TAG.fullmatch(given.strip()):
        return NEVER
    detail = 'If-Match must be one entity tag as an ETag header gave it, such as "v3"'
    raise Invalid(Fault(pointer="", code="if-match", detail=detail))


def is_known(if_none_match: bytes | None, tag: bytes) -> bool:
    """Whether a client says that it has this version (RFC 9110, 13.1.2: weak comparison)."""
    if if_none_match is None:
        return False
    given = (each.strip().removeprefix(b"W/") for each in if_none_match.split(b","))
    return any(each in {b"*", tag} for each in given)
