"""Request bodies: read within bounds, decoded whole, and refused with every fault at once.

A body is JSON in UTF-8. What is not JSON is 400; what is JSON but not as asked for is 422 with a
pointer for each fault. msgspec stops at the first fault, so a refused body is gone through a
second time, field by field. Of an object's members with the same name the last one counts.
"""

import asyncio
import json
import re
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar, cast

import msgspec

from adapters.http.faults import escaped, find_faults
from adapters.http.problems import BadRequest, BodyTooLarge, MalformedJson, NotJson
from application.boundary import MAX_DEPTH, check_decoded
from domain.rejections import Fault, Invalid

T = TypeVar("T")

LARGEST_BODY = 1_048_576
"""Bytes."""

SLOWEST_BODY = 30.0
"""Seconds in which a body must arrive; as long as the server waits for a request's head."""


async def read_body(
    headers: dict[bytes, bytes], receive: Any, *, largest: int = LARGEST_BODY
) -> bytes:
    """The whole body.

    Raises:
        BodyTooLarge: before reading where `Content-Length` tells, else once it is too much.
        BadRequest: when the client went away or is too slow, or its Content-Length is no number.
    """
    _check_length(headers.get(b"content-length"), largest)
    body = await _in_time(_received(receive, largest))
    if len(body) > largest:
        raise _too_large(largest)
    return body


async def read_nothing(headers: dict[bytes, bytes], receive: Any) -> None:
    """Read the body of an operation that takes none: it is empty, or an empty object.

    Raises:
        Invalid: something is said that nobody would hear; beside what `read_body` raises.
    """
    raw = await read_body(headers, receive)
    if raw.strip() not in _NOTHING:
        raise Invalid(_UNHEARD)


async def _in_time(reading: Coroutine[Any, Any, bytes]) -> bytes:
    """What is read. `asyncio.timeout` would take as long as all else about a small body."""
    reader, late = cast("asyncio.Task[Any]", asyncio.current_task()), False

    def end() -> None:
        nonlocal late
        late = True
        reader.cancel()

    alarm = asyncio.get_running_loop().call_later(SLOWEST_BODY, end)
    try:
        return await reading
    except asyncio.CancelledError:
        if not late or reader.uncancel():
            raise
        detail = f"The body did not arrive within {SLOWEST_BODY:g} s."
        raise BadRequest(detail) from None
    finally:
        alarm.cancel()


async def _received(receive: Any, largest: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        chunks, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > largest:
                raise _too_large(largest)
        body = b"".join(chunks)
    if message["type"] == "http.disconnect":
        raise BadRequest("The body ended early.")
    return body


def _check_length(length: bytes | None, largest: int) -> None:
    if length is None:
        return
    if not length.isdigit():
        raise BadRequest("Content-Length must be a number.")
    if len(length) > 9 or int(length) > largest:  # noqa: PLR2004 - a longer one is too much
        raise _too_large(largest)


def _too_large(largest: int) -> BodyTooLarge:
    return BodyTooLarge(f"At most {largest} bytes.", limit=largest)


def check_media_type(given: bytes) -> None:
    """Make sure that a body is said to be JSON.

    Raises:
        NotJson: when it is of another media type.
    """
    if given == b"application/json":
        return
    media_type, _, parameters = given.decode("latin-1").lower().partition(";")
    charset = parameters.strip().removeprefix("charset=").strip('"')
    if media_type.strip() != "application/json" or charset not in {"", "utf-8"}:
        raise NotJson("Send Content-Type: application/json, in UTF-8.")


@dataclass(frozen=True, kw_only=True)
class RawBody:
    """A body that the handler takes as it came: at most so many bytes, of any media type.

    `media_type` is what the OpenAPI document says of it; of JSON that the handler reads itself,
    `shape` is the struct that it has, and with `lines` it may also come line by line.
    """

    largest: int = LARGEST_BODY
    media_type: str = "application/octet-stream"
    shape: type[msgspec.Struct] | None = None
    lines: bool = False

    async def read(self, headers: dict[bytes, bytes], receive: Any) -> bytes:
        """The bytes; raises what `read_body` raises."""
        return await read_body(headers, receive, largest=self.largest)

    def decode(self, raw: bytes) -> bytes:
        """The bytes as they are."""
        return raw


class Body(Generic[T]):
    """Decodes bodies of one struct type, which should forbid unknown fields."""

    def __init__(self, type_: type[T]) -> None:
        """Prepare once, at start."""
        self.type = type_
        self._decode = msgspec.json.Decoder(type_).decode

    async def read(self, headers: dict[bytes, bytes], receive: Any) -> bytes:
        """The bytes, of which the client says that they are JSON.

        Raises:
            NotJson: when it says otherwise; beside what `read_body` raises.
        """
        raw = await read_body(headers, receive)
        check_media_type(headers.get(b"content-type", b""))
        return raw

    def decode(self, raw: bytes) -> T:
        """The value.

        Raises:
            MalformedJson: when it is not JSON.
            Invalid: with all that is wrong.
        """
        try:
            value = self._decode(raw)
        except msgspec.ValidationError:
            raise self._invalid(raw) from None
        except RecursionError:
            raise Invalid(_TOO_DEEP) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _malformed(raw, error) from None
        check_decoded(raw)
        return value

    def _invalid(self, raw: bytes) -> Exception:
        try:
            value = msgspec.json.decode(raw)
        except msgspec.ValidationError:
            return Invalid(_OUT_OF_RANGE)
        except RecursionError:
            return Invalid(_TOO_DEEP)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _malformed(raw, error)
        return Invalid(*(tuple(find_faults(value, self.type, "")) or (_OUT_OF_RANGE,)))


_NOTHING = frozenset({b"", b"{}"})
_UNHEARD = Fault(pointer="", code="unexpected", detail="this operation takes no body")
_SURROGATE = re.compile("[\\ud800-\\udfff]")
_MOST_SURROGATES = 50  # faults told, so that an answer is no larger than what it is about
_TOO_DEEP = Fault(pointer="", code="depth", detail=f"is nested deeper than {MAX_DEPTH}")
_OUT_OF_RANGE = Fault(pointer="", code="range", detail="has a number that is out of range")


def _malformed(raw: bytes, error: Exception) -> Exception:
    if not raw:
        return MalformedJson("The body is empty, and must be JSON.")
    if isinstance(error, UnicodeDecodeError):
        return MalformedJson("The body is not UTF-8.")
    try:
        found = _lone_surrogates(json.loads(raw), "") if b"\\u" in raw else iter(())
        faults = tuple(islice(found, _MOST_SURROGATES))
    except RecursionError:
        return Invalid(_TOO_DEEP)
    except ValueError:
        faults = ()
    if faults:
        return MalformedJson("A text in the body has a lone surrogate.", faults=faults)
    return MalformedJson(f"{error}.")


def _lone_surrogates(value: Any, pointer: str) -> Iterator[Fault]:
    """Texts that are JSON but no Unicode, which msgspec takes for the end of the body."""
    if isinstance(value, str):
        if not value.isascii() and _SURROGATE.search(value):
            yield Fault(pointer=pointer, code="surrogate", detail="contains a lone surrogate")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _lone_surrogates(each, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for name, each in value.items():
            readable = _SURROGATE.sub("\ufffd", name)
            inner = f"{pointer}/{escaped(readable)}"
            if readable != name:
                yield Fault(
                    pointer=inner, code="surrogate", detail="is a name with a lone surrogate"
                )
            yield from _lone_surrogates(each, inner)
