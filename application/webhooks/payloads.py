"""What a message says: its event id, the headers worth keeping, and its body as a value.

Providers send JSON, but for some that send a form, whose one field `payload` then is the JSON.
Nothing here is a reason to refuse a message: what cannot be read is parked, for a person to see.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from application.boundary import check_json
from application.webhooks.ports import Headers
from domain.rejections import Fault, Invalid
from domain.webhooks.sources import Dedup, Source

LONGEST_ID = 500
_MOST_FIELDS = 1000
_KEPT_HEADERS = 8_000
"""Bytes of names and values together."""

_ONE_EVENT = 96 * 1024
"""Bytes of a body in one event: sealed, twice in base64, they are below the largest event."""

_NOT_KEPT = frozenset(
    {
        b"accept", b"accept-encoding", b"authorization", b"connection", b"content-length",
        b"cookie", b"forwarded", b"host", b"keep-alive", b"proxy-authorization", b"te", b"trailer",
        b"transfer-encoding", b"upgrade", b"via",
    }
)  # fmt: skip
"""Credentials, and what concerns the connection rather than the message."""

_INDEX = re.compile("0|[1-9][0-9]{0,8}")

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


class Unreadable(Exception):  # noqa: N818 - a fact about a payload
    """A payload is not what its media type or its use wants; `reason` is a code."""

    def __init__(self, reason: str, *faults: Fault) -> None:
        """Point at what is wrong, where that can be told."""
        super().__init__(reason)
        self.reason = reason
        self.faults = faults


def _unreadable(reason: str, detail: str) -> Unreadable:
    return Unreadable(reason, Fault(pointer="", code=reason, detail=detail))


def external_id(source: Source, headers: Headers, body: bytes) -> str | None:
    """The provider's own id of an event, where it has one that can serve as a name."""
    find = _FINDERS[source.preset] if source.dedup.by == "auto" else _named(source.dedup)
    found = find(headers, body)
    return found if found and len(found) <= LONGEST_ID else None


def mark_of(id_: str | None, body: bytes) -> bytes:
    """What tells a message apart: its id, else a hash of its body."""
    return b"body\0" + hashlib.sha256(body).digest() if id_ is None else b"id\0" + id_.encode()


def kept_headers(headers: Headers) -> dict[str, str]:
    """The headers that say something about a message, in order, as far as there is room."""
    kept: dict[str, str] = {}
    room = _KEPT_HEADERS
    for name, value in headers.items():
        room -= len(name) + len(value)
        if name not in _NOT_KEPT and not name.startswith(b"x-forwarded-") and room >= 0:
            kept[name.decode("latin-1")] = value.decode("latin-1")
    return kept


def written(body: bytes) -> tuple[str, tuple[str, ...]]:
    """A body as texts that fit into one event each, and their encoding; `bytes_of` reads them."""
    if len(body) <= _ONE_EVENT:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            pass
        else:
            if len(msgspec.json.encode(text)) <= _ONE_EVENT * 3 // 2:
                return "utf-8", (text,)
    parts = range(0, len(body), _ONE_EVENT)
    return "base64", tuple(base64.b64encode(body[at : at + _ONE_EVENT]).decode() for at in parts)


def bytes_of(encoding: str, parts: list[str]) -> bytes:
    """The exact bytes that `written` was given."""
    if encoding == "utf-8":
        return "".join(parts).encode()
    return b"".join(base64.b64decode(part) for part in parts)


def payload_of(headers: Mapping[str, str], body: bytes) -> Any:
    """A body as a value: JSON, the fields of a form, or else a text.

    Raises:
        Unreadable: it is none of these, or JSON that could not be kept.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == _FORM:
        return _form(body)
    try:
        return _json(body)
    except Unreadable as fault:
        if fault.reason != "not-json" or media_type == _JSON or media_type.endswith("+json"):
            raise
    return _text(body)


def _form(body: bytes) -> Any:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except (UnicodeDecodeError, ValueError):
        detail = f"is no form in UTF-8 of at most {_MOST_FIELDS} fields"
        raise _unreadable("not-a-form", detail) from None
    if len(pairs) == 1 and pairs[0][0] == "payload":
        return _json(pairs[0][1].encode())
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return _checked(msgspec.json.encode(fields))


def _text(body: bytes) -> Any:
    try:
        return _checked(msgspec.json.encode(body.decode()))
    except UnicodeDecodeError:
        raise _unreadable("not-text", "is neither JSON nor UTF-8") from None


def _json(body: bytes) -> Any:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable("not-json", f"is not JSON: {error}") from None
    return _checked(body)


def _checked(encoded: bytes) -> Any:
    try:
        check_json(encoded)
    except Invalid as invalid:
        raise Unreadable("not-storable", *invalid.faults) from None
    return msgspec.json.decode(encoded)


class _Ids(msgspec.Struct):
    """Where providers put their ids in JSON: Stripe's `id`, Slack's `event_id`."""

    id: Any = None
    event_id: Any = None


_Finder = Callable[[Headers, bytes], str | None]
_decode_ids = msgspec.json.Decoder(_Ids).decode


def _ids(body: bytes) -> _Ids:
    try:
        return _decode_ids(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Ids()


def _in_header(*names: bytes) -> _Finder:
    def find(headers: Headers, _body: bytes) -> str | None:
        found = next((headers[name] for name in names if name in headers), None)
        return None if found is None else found.decode("latin-1").strip()

    return find


def _as_id(found: Any) -> str | None:
    if isinstance(found, str) or (isinstance(found, int) and not isinstance(found, bool)):
        return str(found)
    return None


_FINDERS: Mapping[str, _Finder] = {
    "standard-webhooks": _in_header(b"webhook-id", b"svix-id"),
    "github": _in_header(b"x-github-delivery"),
    "stripe": lambda _headers, body: _as_id(_ids(body).id),
    "slack": lambda _headers, body: _as_id(_ids(body).event_id),
    "generic": lambda _headers, _body: None,
}


def _named(dedup: Dedup) -> _Finder:
    match dedup.by:
        case "header":
            return _in_header(dedup.name.lower().encode())
        case "pointer":
            return lambda _headers, body: _as_id(_at(body, dedup.name))
        case _:
            return lambda _headers, _body: None


def _at(body: bytes, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901), None where there is none."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    for word in pointer.split("/")[1:]:
        value = _member(value, word.replace("~1", "/").replace("~0", "~"))
    return value


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
        return value[int(name)]
    return None
