"""What may enter the log: checks that keep a poisoned value away from every later reader.

Pure, and the same for a body over HTTP and for an event on its way into the store. What a parser
lets through and a reader would choke on is found by searching the bytes; only what looks
suspicious is walked.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec

from application.event_store import Append, NewEvent
from domain.rejections import Fault, Invalid

MAX_DEPTH = 64
MAX_EVENT = 256 * 1024  # bytes of data and meta together
MAX_NAME = 200  # bytes, in UTF-8
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1

_STREAM = re.compile(r"[a-z][a-z0-9-]*/[^\x00-\x1f\x7f]+")
_NUL = rb"\u0000"
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_INTEGER = b"0" * 19

_decode = msgspec.json.Decoder().decode


def check_json(data: bytes, *, pointer: str = "") -> None:
    """Make sure that JSON can be stored and read back by anybody.

    Refused are: what is not JSON in UTF-8, nesting deeper than 64, U+0000 in any spelling, lone
    surrogates, integers beyond 64 bits and numbers that are not finite. `pointer` says where in
    the whole request this JSON stands.

    Raises:
        Invalid: with the pointer of what is wrong.
    """
    _check_depth(data, pointer)
    try:
        value = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid(pointer, "json", "is not JSON that can be kept") from error
    if _is_suspicious(data):
        _check_value(value, pointer)


def check_decoded(data: bytes) -> None:
    """The same for JSON that msgspec has just decoded whole; it is seldom decoded again.

    Raises:
        Invalid: with the pointer of what is wrong.
    """
    if _is_suspicious(data):
        check_json(data)
    else:
        _check_depth(data, "")


def check_text(text: str, *, pointer: str = "") -> None:
    """Make sure that a text can be stored: no U+0000, no lone surrogates.

    Raises:
        Invalid: when it has one.
    """
    if "\x00" in text:
        raise _invalid(pointer, "nul", "contains U+0000")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _invalid(pointer, "surrogate", "contains a lone surrogate") from error


@lru_cache(maxsize=10_000)
def check_stream(name: str, *, pointer: str = "") -> None:
    """Make sure that a name is `<category>/<id>`, printable, and at most 200 bytes long.

    Raises:
        Invalid: when it is not.
    """
    check_text(name, pointer=pointer)
    if not _STREAM.fullmatch(name):
        raise _invalid(pointer, "stream", f"{name[:40]!r} is not <category>/<id>")
    _check_length(name, pointer)


def check_append(item: Append) -> None:
    """Make sure that an item can be stored; whether it is consistent is the log's to say.

    Raises:
        Invalid: when a name, a text or the JSON of an event breaks the rules above.
    """
    for write in item.writes:
        check_name(write.tenant)
        check_stream(write.stream)
        if not write.events:
            raise _invalid("", "empty", f"a write to {write.stream} has no events")
        for event in write.events:
            check_event(event)
    for guard in item.guards:
        check_name(guard.tenant)
        check_stream(guard.stream)
    if len(item.writes) + len(item.guards) > 1:
        streams = [(each.tenant, each.stream) for each in item.writes]
        streams += [(each.tenant, each.stream) for each in item.guards]
        if len(set(streams)) != len(streams):
            raise _invalid("", "twice", "an item names a stream twice")
    if item.key is not None:
        check_name(item.key.tenant)
    for mark in (item.claim, item.settlement):
        if mark is not None:
            check_name(mark.effect.tenant)
            check_name(mark.effect.reaction)


def check_event(event: NewEvent) -> None:
    """Make sure that an event can be stored.

    Raises:
        Invalid: when it is too large, or a name or its JSON breaks the rules above.
    """
    if len(event.data) + len(event.meta) > MAX_EVENT:
        raise _invalid("", "size", f"an event is larger than {MAX_EVENT} bytes")
    check_name(event.type)
    check_name(event.actor)
    check_json(event.data)
    if event.meta != b"{}":
        check_json(event.meta)


@lru_cache(maxsize=10_000)
def check_name(name: str) -> None:
    """Make sure that a name (a tenant, a type, an actor) is storable and at most 200 bytes.

    Raises:
        Invalid: when it is not.
    """
    check_text(name)
    _check_length(name, "")


def _check_length(name: str, pointer: str) -> None:
    if not name:
        raise _invalid(pointer, "empty", "a name is empty")
    if len(name) > MAX_NAME or len(name.encode()) > MAX_NAME:
        raise _invalid(pointer, "length", f"{name[:40]!r}... is longer than {MAX_NAME} bytes")


def _is_suspicious(data: bytes) -> bool:
    """Whether there may be U+0000 or an integer beyond 64 bits in it."""
    return _NUL in data or _LONG_INTEGER in data.translate(_DIGITS)


def _check_depth(data: bytes, pointer: str) -> None:
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise _invalid(pointer, "depth", f"is nested deeper than {MAX_DEPTH}")


def _depth(data: bytes) -> int:
    """How deep brackets are nested, outside strings."""
    deepest = depth = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:  # noqa: PLR2004 - a backslash
                escaped = True
            elif byte == 0x22:  # noqa: PLR2004 - a quotation mark
                in_string = False
        elif byte == 0x22:  # noqa: PLR2004 - a quotation mark
            in_string = True
        elif byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def _check_value(value: Any, pointer: str) -> None:
    """Walk a parsed value; its depth is already known to be bounded."""
    if isinstance(value, str):
        check_text(value, pointer=pointer)
    elif isinstance(value, int) and not MIN_INTEGER <= value <= MAX_INTEGER:
        raise _invalid(pointer, "integer", "is an integer beyond 64 bits")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _check_value(each, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for name, each in value.items():
            inner = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            check_text(name, pointer=inner.replace("\x00", "�"))
            _check_value(each, inner)


def _invalid(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(Fault(pointer=pointer, code=code, detail=detail))
