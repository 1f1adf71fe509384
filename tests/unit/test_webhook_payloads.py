"""How a message is taken apart: its bytes, its id, its headers, its value."""

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from application.boundary import MAX_EVENT
from application.webhooks.payloads import (
    LONGEST_ID,
    Unreadable,
    bytes_of,
    external_id,
    kept_headers,
    mark_of,
    payload_of,
    written,
)
from domain.webhooks.sources import Dedup, Source, ToLog


def source(preset: Any = "generic", **dedup: Any) -> Source:
    return Source(
        hook="h",
        subject="s",
        preset=preset,
        secrets=("secret",),
        tolerance=300.0,
        dedup=Dedup(**dedup),
        scheme=None,
        target=ToLog(),
        schema=None,
    )


@for_all(st.binary(max_size=2000), st.sampled_from([1, 100, 500]))
def test_a_body_is_read_as_it_was_written(body: bytes, times: int) -> None:
    encoding, parts = written(body * times)
    assert bytes_of(encoding, list(parts)) == body * times


@for_all(st.text(max_size=2000))
def test_a_small_text_stays_readable(text: str) -> None:
    body = text.encode("utf-8", "ignore")
    encoding, parts = written(body)
    assert encoding == "base64" or parts == (body.decode(),)


def sealed(value: Any) -> int:
    """How many bytes a value takes in an event: nonce, tag, and base64 around its JSON."""
    return len(base64.b64encode(msgspec.json.encode(value))) + 50


@pytest.mark.parametrize("byte", [b"a", b'"', b"\x01", b"\xff", b"\xc3\xa9"])
@pytest.mark.parametrize("size", [96 * 1024, 96 * 1024 + 1, 1024 * 1024])
def test_every_part_fits_into_an_event_beside_the_largest_headers(byte: bytes, size: int) -> None:
    body = (byte * size)[:size]
    headers = {b"h%d" % n: b'"\\\xe9' * 30 for n in range(200)}
    encoding, parts = written(body)
    assert bytes_of(encoding, list(parts)) == body
    largest = max(sealed(part) for part in parts)
    assert largest + sealed(kept_headers(headers)) + sealed("\x00" * LONGEST_ID) + 1000 < MAX_EVENT


def test_headers_of_the_connection_and_credentials_are_not_kept() -> None:
    headers = {
        b"host": b"annals",
        b"authorization": b"Bearer hush",
        b"cookie": b"hush",
        b"x-forwarded-for": b"10.0.0.1",
        b"content-type": b"application/json",
        b"x-github-event": b"push",
    }
    assert kept_headers(headers) == {"content-type": "application/json", "x-github-event": "push"}


STRIPE, SLACK = b'{"id": "evt_1", "object": "event"}', b'{"event_id": "Ev1", "id": "other"}'


@pytest.mark.parametrize(
    ("from_", "headers", "body", "id_"),
    [
        (source("standard-webhooks"), {b"webhook-id": b"msg_1"}, b"{}", "msg_1"),
        (source("standard-webhooks"), {b"svix-id": b"msg_1"}, b"{}", "msg_1"),
        (source("github"), {b"x-github-delivery": b"72d3"}, b"{}", "72d3"),
        (source("stripe"), {}, STRIPE, "evt_1"),
        (source("slack"), {}, SLACK, "Ev1"),
        (source("generic"), {b"x-id": b"1"}, STRIPE, None),
        (source("stripe", by="body"), {}, STRIPE, None),
        (source("stripe"), {}, b"{", None),
        (source("stripe"), {}, b"[1]", None),
        (source("stripe"), {}, b"\xff", None),
        (source("stripe"), {}, b"[" * 100_000, None),
        (source("stripe"), {}, b'{"id": {"a": 1}}', None),
        (source("stripe"), {}, b'{"id": true}', None),
        (source("stripe"), {}, b'{"id": ""}', None),
        (source("stripe"), {}, b'{"id": "%s"}' % (b"x" * 501), None),
        (source(by="header", name="x-id"), {b"x-id": b" 7 "}, b"", "7"),
        (source(by="header", name="x-id"), {}, b"", None),
        (source(by="pointer", name="/a/0/b~1c~0"), {}, b'{"a": [{"b/c~": 12}]}', "12"),
        (source(by="pointer", name="/a/1"), {}, b'{"a": ["x"]}', None),
        (source(by="pointer", name="/a/01"), {}, b'{"a": ["x", "y"]}', None),
        (source(by="pointer", name="/a/-1"), {}, b'{"a": ["x"]}', None),
        (source(by="pointer", name="/a/b"), {}, b'{"a": "x"}', None),
        (source(by="pointer", name="/a"), {}, b"\x00", None),
    ],
)
def test_the_providers_own_id_is_where_it_puts_it(
    from_: Source, headers: dict[bytes, bytes], body: bytes, id_: str | None
) -> None:
    assert external_id(from_, headers, body) == id_


@for_all(st.binary(max_size=200), st.sampled_from(["stripe", "slack", "generic"]))
def test_an_id_is_looked_for_in_anything(body: bytes, preset: str) -> None:
    for dedup in ({}, {"by": "pointer", "name": "/0"}):
        found = external_id(source(preset, **dedup), {}, body)
        assert found is None or 1 <= len(found) <= LONGEST_ID


@for_all(st.text(max_size=50), st.text(max_size=50), st.binary(max_size=50), st.binary(max_size=50))
def test_marks_are_the_same_for_the_same_id_or_else_body(
    one: str, two: str, body: bytes, other: bytes
) -> None:
    assert (mark_of(None, body) == mark_of(None, other)) == (body == other)
    assert mark_of(None, body) != mark_of("x", body)
    ids = [each.encode("utf-8", "ignore").decode() for each in (one, two)]
    assert (mark_of(ids[0], body) == mark_of(ids[1], other)) == (ids[0] == ids[1])


TYPES = ["application/json", "application/x-www-form-urlencoded", "text/plain", ""]


@for_all(st.binary(max_size=300), st.sampled_from(TYPES))
def test_whatever_comes_is_a_value_or_unreadable(body: bytes, media_type: str) -> None:
    try:
        value = payload_of({"content-type": media_type}, body)
    except Unreadable:
        return
    assert msgspec.json.decode(msgspec.json.encode(value)) == value
