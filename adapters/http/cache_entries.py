"""One cache entry on the wire: its key, how it is to be kept, and what its answer may say."""

import math
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

import msgspec
import xxhash
from typing_extensions import override

from adapters.http.answers import Answer, Header
from adapters.http.bodies import RawBody
from adapters.http.calls import Call
from adapters.http.conditions import is_known
from application.cache import Entry
from domain.cache import LONGEST_KEY, LONGEST_TTL, tag_faults
from domain.durations import parse_duration
from domain.rejections import Fault, Invalid

LONGEST_TYPE = 255
"""Bytes of a Content-Type."""

_PATH = b"/v1/cache"
_HARMLESS = (b"content-security-policy", b"default-src 'none'; sandbox")
"""A value is whatever somebody has put; in a browser it must not act for whoever looks at it."""

Ttl = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9]{1,9}(ms|s|m|h|d)?$",
        description="How long it may be used: seconds, or a number and a unit; without, no limit.",
    ),
]
Tags = Annotated[
    str,
    msgspec.Meta(
        max_length=8000,
        description="What it was made of, separated by commas; `flag:checkout` is a flag of ours.",
    ),
]
Ticket = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9]{1,19}$",
        description="From the 404 that this makes up for: what was invalidated since is not kept.",
    ),
]


class PutQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an entry is to be kept."""

    ttl: Ttl | None = None
    tags: Tags = ""
    ticket: Ticket | None = None


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """An entry without its value."""

    key: str
    media_type: str
    bytes: int
    tags: tuple[str, ...]
    expires_at: datetime | None


class LateBody(RawBody):
    """A body that the handler reads itself, once it has noted when the request began."""

    @override
    async def read(self, headers: dict[bytes, bytes], receive: Any) -> bytes:
        """Nothing yet."""
        del headers, receive
        return b""


def raw_key(call: Call) -> bytes:
    """What follows `/v1/cache/`, as it was sent: the router would lose slashes."""
    scope = call.scope
    path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    return path.partition(b"?")[0].removeprefix(_PATH)[1:]


def key_of(call: Call) -> str:
    """The key.

    Raises:
        Invalid: when it is not 1 to 512 bytes of UTF-8.
    """
    key = unquote_to_bytes(raw_key(call))
    try:
        text = key.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or len(key) > LONGEST_KEY:
        detail = f"the key must be 1 to {LONGEST_KEY} bytes of UTF-8"
        raise Invalid(Fault(pointer="", code="key", detail=detail))
    return text


def entry_of(call: Call, query: PutQuery, value: bytes) -> Entry:
    """The entry that is to be kept from now on.

    Raises:
        Invalid: with what is wrong.
    """
    at = call.platform.now().timestamp()
    ttl = _ttl(query.ttl)
    return Entry(
        value=value,
        media_type=_media_type(call),
        tags=_tags(query.tags),
        written_at=at,
        expires_at=math.inf if ttl is None else at + ttl.total_seconds(),
    )


def ticket_of(query: PutQuery, current: int) -> int:
    """The caller's ticket, else the current one.

    Raises:
        Invalid: when the cache has never given it.
    """
    if query.ticket is None:
        return current
    if int(query.ticket) > current:
        detail = "is no ticket that this cache has given"
        raise Invalid(Fault(pointer="/ticket", code="ticket", detail=detail))
    return int(query.ticket)


def etag_of(entry: Entry) -> Header:
    """The same for the same bytes of the same type, whenever they were put."""
    digest = xxhash.xxh3_128(entry.media_type.encode())
    digest.update(b"\0")
    digest.update(entry.value)
    return b"etag", b'"%b"' % digest.hexdigest().encode()


def shown(call: Call, entry: Entry) -> Answer:
    """The value, or that the caller has it already."""
    tag, caching = etag_of(entry), _caching(entry)
    age = max(0, int(call.platform.now().timestamp() - entry.written_at))
    headers = (tag, (b"age", b"%d" % age))
    if is_known(call.headers.get(b"if-none-match"), tag[1]):
        return Answer(304, headers=headers, caching=caching)
    return Answer(
        200,
        entry.value,
        (*headers, _HARMLESS),
        media_type=entry.media_type.encode("latin-1") or b"application/octet-stream",
        caching=caching,
    )


def _caching(entry: Entry) -> Header:
    """May be kept until it expires, but not used unasked: no invalidation reaches a client."""
    if entry.expires_at == math.inf:
        return b"cache-control", b"private, no-cache"
    lifetime = entry.expires_at - entry.written_at
    return b"cache-control", b"private, max-age=%d, no-cache" % round(lifetime)


def _tags(text: str) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(text.split(","))) if text else ()
    faults = tuple(tag_faults(tags, "/tags"))
    if faults:
        raise Invalid(*faults)
    return tags


def _ttl(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        ttl = parse_duration(f"{text}s" if text.isdigit() else text)
    except OverflowError:
        ttl = timedelta.max
    if not timedelta(0) < ttl <= LONGEST_TTL:
        detail = f"must be more than nothing and at most {LONGEST_TTL.days}d"
        raise Invalid(Fault(pointer="/ttl", code="range", detail=detail))
    return ttl


def _media_type(call: Call) -> str:
    given = call.headers.get(b"content-type", b"")
    if len(given) > LONGEST_TYPE:
        detail = f"Content-Type must be at most {LONGEST_TYPE} bytes"
        raise Invalid(Fault(pointer="", code="content-type", detail=detail))
    return given.decode("latin-1")
