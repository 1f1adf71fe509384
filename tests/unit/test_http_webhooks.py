"""The webhook inbox over HTTP, on ports in memory: who is let in, and what is told to whom."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from application.bus import Run
from application.context import Context
from application.event_store import Outage
from application.webhooks.ports import Tally
from application.webhooks.receiving import BadSignature, Receive, ReceiveHandler
from domain.webhooks.receipts import RECEIPT
from domain.webhooks.refusals import REFUSALS
from tests.support.hooks import define, receipt_of, send, signed
from tests.support.http_platform import Api


async def test_a_genuine_message_is_kept_exactly(api: Api) -> None:
    url = await define(api)
    body = '{"zen": "Keep it logically awesome.",\r\n "é": "\u2028"}'.encode()
    delivery = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    headers = signed(body, **{"x-github-delivery": delivery, "x-github-event": "ping"})
    receipt = await receipt_of(api, await send(api, url, body, headers))
    assert receipt["source"] == "github"
    assert receipt["external_id"] == delivery
    assert receipt["state"] == "received"
    assert receipt["body"].encode() == body
    assert receipt["headers"]["x-github-event"] == "ping"
    assert receipt["verdict"] == {"signature": "valid", "secret": 1, "signed_at": None}
    raw = await api.owner("GET", f"/v1/webhooks/receipts/{receipt['id']}/body")
    assert raw.content == body
    assert raw.headers["content-type"] == "application/octet-stream"
    assert raw.headers["content-disposition"] == "attachment"


@pytest.mark.parametrize("size", [0, 1, 98_304, 98_305, 1_048_576])
async def test_bytes_of_any_kind_and_size_are_kept_exactly(api: Api, size: int) -> None:
    url = await define(api)
    blocks = (hashlib.sha256(b"%d" % n).digest() for n in range(size // 32 + 1))
    for body in (b"".join(blocks)[:size], b'"' * size, b"\x01" * size):
        receipt = await receipt_of(api, await send(api, url, body))
        assert receipt["size"] == size
        raw = await api.owner("GET", f"/v1/webhooks/receipts/{receipt['id']}/body")
        assert raw.content == body


async def test_more_than_a_megabyte_is_refused_before_it_is_read(api: Api) -> None:
    url = await define(api)
    asked = False

    async def never() -> AsyncIterator[bytes]:
        nonlocal asked
        asked = True
        yield b""

    headers = {"content-length": "1048577", "x-hub-signature-256": "sha256=0"}
    answer = await api.http.post(url, content=never(), headers=headers)
    assert answer.status_code == 413
    assert not asked
    assert answer.json()["limit"] == 1_048_576


async def test_more_than_a_megabyte_is_refused_while_it_is_read(api: Api) -> None:
    url = await define(api)
    before = (await api.platform.store.tail()).position
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(64):
            read += 65_536
            yield b"x" * 65_536

    answer = await api.http.post(url, content=endless())
    assert answer.status_code == 413
    assert read <= 1_048_576 + 65_536
    assert (await api.platform.store.tail()).position == before


async def test_a_copy_is_answered_the_same_and_leaves_no_trace(api: Api) -> None:
    url = await define(api)
    first = await send(api, url, b"{}", signed(b"{}", **{"x-github-delivery": "d1"}))
    tail = (await api.platform.store.tail()).position
    for body in (b"{}", b'{"sent": "again"}'):
        copy = await send(api, url, body, signed(body, **{"x-github-delivery": "d1"}))
        assert (copy.status_code, copy.json()) == (202, first.json())
    other = await send(api, url, b"{}", signed(b"{}", **{"x-github-delivery": "d2"}))
    assert other.json() != first.json()
    assert (await api.platform.store.tail()).position == tail + 1


async def test_copies_at_once_have_one_receipt(api: Api) -> None:
    url = await define(api)
    before = (await api.platform.store.tail()).position
    answers = await asyncio.gather(*(send(api, url, b'{"n":1}') for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    assert (await api.platform.store.tail()).position == before + 1


@pytest.mark.parametrize(
    ("dedup", "same"),
    [
        ("auto", {("d1", "a"), ("d1", "b")}),
        ("body", {("d1", "a"), ("d2", "a")}),
        ({"header": "X-Mine"}, {("d1", "a"), ("d2", "a"), ("d1", "b")}),
        ({"pointer": "/event/id"}, {("d1", "a"), ("d2", "a")}),
    ],
)
async def test_a_source_says_what_tells_messages_apart(
    api: Api, dedup: Any, same: set[tuple[str, str]]
) -> None:
    url = await define(api, dedup=dedup)
    receipts = set()
    for delivery, id_ in sorted(same):
        body = json.dumps({"event": {"id": id_}}).encode()
        headers = signed(body, **{"x-github-delivery": delivery, "x-mine": "m"})
        receipts.add((await send(api, url, body, headers)).json()["receipt"])
    assert len(receipts) == 1


async def test_bad_ones_are_refused_and_the_log_hears_of_it_once_a_minute(api: Api) -> None:
    url = await define(api)
    before = (await api.platform.store.tail()).position
    for number in range(100):
        body = b"%d" % number
        answer = await send(api, url, body, signed(body, "wrong secret"))
        assert answer.status_code == 401
        assert answer.json()["type"] == "/problems/bad-signature"
    assert (await api.platform.store.tail()).position <= before + 2  # a minute may have turned
    shown = await api.owner("GET", "/v1/webhooks/sources/github/refusals")
    assert shown.json()["items"][0]["data"]["reason"] == "signature"
    assert shown.json()["items"][0]["stream"] == REFUSALS.stream("github")


class AwayCounter:
    async def count(self, hook: str) -> Tally | None:
        raise Outage(f"Redis does not answer about {hook}")


async def test_bad_ones_are_refused_while_nobody_can_count_them(api: Api) -> None:
    url = await define(api)
    before = (await api.platform.store.tail()).position
    ports = api.platform.services.webhooks
    receive = ReceiveHandler(
        current=api.platform.current,
        names=ports.names,
        verify=ports.verify,
        refusals=AwayCounter(),
        now=api.platform.now,
    )
    run = Run(api.platform.pipeline, Context(correlation_id=uuid4(), deadline=1e12))
    with pytest.raises(BadSignature):
        await receive(Receive(hook=url.removeprefix("/hooks/"), headers={}, body=b""), run)
    assert (await api.platform.store.tail()).position == before


async def test_a_key_of_the_senders_own_keeps_nothing_of_a_bad_message(api: Api) -> None:
    url = await define(api)
    headers = {"idempotency-key": "mine", "if-match": '"v9"'}
    refused = await send(api, url, b"{}", {**headers, "x-hub-signature-256": "sha256=0"})
    assert refused.status_code == 401
    answer = await send(api, url, b"{}", signed(b"{}", **headers))
    assert answer.status_code == 202
    unknown = await send(api, "/hooks/nobody", b"{}", headers)
    assert unknown.status_code == 404
    assert not api.platform.store._keys


async def test_nothing_answers_at_an_address_that_was_never_given(api: Api) -> None:
    url = await define(api)
    made_up = url[:-1] + ("A" if url[-1] != "A" else "B")
    for unknown in (made_up, "/hooks/x", "/hooks/" + "A" * 40, "/hooks/%00", "/hooks/é"):
        answer = await send(api, unknown, b"{}")
        assert answer.status_code == 404, unknown
        assert answer.headers["content-type"] == "application/problem+json"


async def test_slack_is_answered_what_it_asks_for_and_nothing_is_kept(api: Api) -> None:
    secret = "8f742231b10e8888abcd99yyyzzz85a5"
    url = await define(api, "slack", preset="slack", secrets=[secret])
    body = b'{"token":"t","challenge":"3eZbrw1aB","type":"url_verification"}'
    stamp = b"%d" % api.platform.now().timestamp()
    digest = hmac.digest(secret.encode(), b"v0:" + stamp + b":" + body, "sha256").hex()
    headers = {"x-slack-request-timestamp": stamp.decode(), "x-slack-signature": f"v0={digest}"}
    before = (await api.platform.store.tail()).position
    answer = await send(api, url, body, headers)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aB"})
    assert (await api.platform.store.tail()).position == before
    forged = await send(api, url, body, {**headers, "x-slack-signature": "v0=0"})
    assert forged.status_code == 401


async def test_a_kept_state_holds_no_body(api: Api) -> None:
    url = await define(api)
    answer = await send(api, url, b"x" * 50_000)
    stream = ("default", RECEIPT.stream(answer.json()["receipt"]))
    kept = api.platform.pipeline.cache.get(stream)
    assert kept is not None
    assert len(msgspec.json.encode(kept.state)) < 1000
