"""What a worker makes of messages, on ports in memory: what causes a job, and what is parked."""

import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.wiring import webhooks as wiring
from application.context import Context
from application.effects import FIRST, Broken, Due, EffectHandler
from application.event_store import EffectId
from application.unit import Unit
from application.webhooks.processing import PROCESS, REACTION, Later, Line
from domain.recorded import Recorded
from domain.webhooks.receipts import RECEIPT
from tests.support.http_platform import Api, opened_api

SECRET = "It's a Secret to Everybody"
FORM = "application/x-www-form-urlencoded"
AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Inbox:
    """A source that runs an action, and the worker's part."""

    api: Api
    handler: EffectHandler[Any, Any]
    url: str = ""

    async def define(self, **change: Any) -> None:
        body = {
            "preset": "github",
            "secrets": [SECRET],
            "target": {"kind": "action", "name": "mail"},
            **change,
        }
        answer = await self.api.owner("PUT", "/v1/webhooks/sources/shop", body)
        assert answer.status_code in (200, 201), answer.text
        self.url = answer.json()["url"]

    async def action(self, **change: Any) -> None:
        body = {"executor": {"kind": "log"}, **change}
        answer = await self.api.owner("PUT", "/v1/actions/mail", body)
        assert answer.status_code in (200, 201), answer.text

    async def receive(self, body: bytes, media_type: str = "application/json") -> str:
        headers = {
            "x-hub-signature-256": f"sha256={hmac.digest(SECRET.encode(), body, 'sha256').hex()}",
            "x-github-event": "push",
            "content-type": media_type,
        }
        answer = await self.api.http.post(self.url, content=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["receipt"])

    async def events(self, receipt: str) -> list[Recorded[Any]]:
        platform = self.api.platform
        stored = await platform.store.read_stream(("default", RECEIPT.stream(receipt)))
        return await platform.codec.decode(stored)

    async def due(self, receipt: str) -> Due:
        """The effect that the reaction has asked for last."""
        wanted = [e for e in await self.events(receipt) if type(e.event) in REACTION.handles]
        _, effect = REACTION.follow(wanted[-1])
        assert effect is not None
        id_ = EffectId(tenant="default", reaction="webhooks", position=wanted[-1].position)
        return Due(effect=id_, kind=effect.kind, event=wanted[-1], attempt=1, previous=FIRST, at=AT)

    async def begin(self, receipt: str) -> Any:
        due = await self.due(receipt)

        async def decide(unit: Unit) -> Any:
            return await self.handler.begin(unit, due)

        context = Context(correlation_id=uuid4(), deadline=1e12)
        return (await self.api.platform.pipeline.run(decide, context)).result

    async def finish(self, receipt: str, payload: Any, result: Any) -> datetime | None:
        due = await self.due(receipt)

        async def decide(unit: Unit) -> datetime | None:
            return await self.handler.finish(unit, due, payload, result, AT, 0.5)

        context = Context(correlation_id=uuid4(), deadline=1e12)
        return (await self.api.platform.pipeline.run(decide, context)).result

    async def shown(self, receipt: str) -> dict[str, Any]:
        answer = await self.api.owner("GET", f"/v1/webhooks/receipts/{receipt}")
        return dict(answer.json())

    async def jobs(self) -> list[Any]:
        """The inputs of all jobs."""
        log = await self.api.platform.store.read_log(after=0, limit=1000)
        queued = [event for event in log if event.type == "job.queued"]
        return [each.event.input for each in await self.api.platform.codec.decode(queued)]

    async def parked(self, body: bytes, media_type: str = "application/json") -> dict[str, Any]:
        """How a message ends that must not cause anything."""
        receipt = await self.receive(body, media_type)
        assert await self.begin(receipt) is None
        shown = await self.shown(receipt)
        assert shown["state"] == "parked"
        assert await self.jobs() == []
        return dict(shown["caused"][-1])


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    async with opened_api() as api:
        effects = wiring.CAPABILITY.effects(api.platform.services)
        inbox = Inbox(api, effects[PROCESS])
        await inbox.action()
        await inbox.define()
        yield inbox


async def test_a_message_queues_one_job_however_often_it_is_begun(inbox: Inbox) -> None:
    receipt = await inbox.receive(b'{"to": "ada", "n": 1.5}')
    due = await inbox.due(receipt)
    for _ in range(3):
        assert await inbox.begin(receipt) is None
    assert await inbox.jobs() == [{"to": "ada", "n": 1.5}]
    shown = await inbox.shown(receipt)
    [cause] = shown["caused"]
    assert (shown["state"], cause["kind"], cause["name"]) == ("processed", "action", "mail")
    job = await inbox.api.owner("GET", f"/v1/jobs/{cause['job']}")
    assert job.json()["state"] == "queued"
    assert due.event.event.source == "shop"


async def test_an_envelope_tells_what_the_body_does_not(inbox: Inbox) -> None:
    await inbox.define(target={"kind": "action", "name": "mail", "input": "envelope"})
    receipt = await inbox.receive(b"[1]")
    await inbox.begin(receipt)
    [envelope] = await inbox.jobs()
    assert envelope["headers"]["x-github-event"] == "push"
    assert (envelope["payload"], envelope["receipt"], envelope["source"]) == ([1], receipt, "shop")


@pytest.mark.parametrize(
    ("body", "media_type", "payload"),
    [
        (b'{"a": [1, null, "\xc3\xa9"]}', "application/json", {"a": [1, None, "é"]}),
        (b'"json"', "text/plain", "json"),
        (b"just text", "text/plain; charset=utf-8", "just text"),
        (b"", "text/plain", ""),
        (
            b"a=1&b=x+y&a=2&c=",
            FORM,
            {"a": ["1", "2"], "b": "x y", "c": ""},
        ),
        (b"payload=%7B%22a%22%3A1%7D", FORM, {"a": 1}),
    ],
)
async def test_a_body_is_json_or_a_form_or_a_text(
    inbox: Inbox, body: bytes, media_type: str, payload: Any
) -> None:
    await inbox.begin(await inbox.receive(body, media_type))
    assert await inbox.jobs() == [payload]


@pytest.mark.parametrize(
    ("body", "media_type", "reason"),
    [
        (b"{", "application/json", "not-json"),
        (b"", "application/vnd.github+json", "not-json"),
        (b"\xff\xfe", "text/plain", "not-text"),
        (b"\xff=1", FORM, "not-a-form"),
        (b"payload=%7B", FORM, "not-json"),
        (b'{"a": "\\u0000"}', "application/json", "not-storable"),
        (b"[" * 65 + b"]" * 65, "application/json", "not-storable"),
        (b"[" * 100_000, "application/json", "not-json"),
        (b'{"a": 9223372036854775808}', "application/json", "not-storable"),
        (b"nul\x00", "text/plain", "not-storable"),
        (json.dumps("x" * 250_000).encode(), "application/json", "too-large"),
    ],
)
async def test_what_no_action_can_take_is_parked(
    inbox: Inbox, body: bytes, media_type: str, reason: str
) -> None:
    cause = await inbox.parked(body, media_type)
    assert cause["reason"] == reason
    assert [error["detail"] != "" for error in cause["errors"]] == [True]


async def test_the_largest_body_that_an_action_takes_can_be_recorded(inbox: Inbox) -> None:
    largest = json.dumps("x" * 192_510).encode()
    await inbox.begin(await inbox.receive(largest))
    assert len(await inbox.jobs()) == 1


async def test_a_message_that_the_actions_own_schema_refuses_is_parked(inbox: Inbox) -> None:
    await inbox.action(input_schema={"type": "object", "required": ["to"]})
    cause = await inbox.parked(b"{}")
    assert cause["reason"] == "invalid"
    assert [error["pointer"] for error in cause["errors"]] == ["/input/to"]


async def test_a_message_that_the_sources_schema_refuses_is_parked(inbox: Inbox) -> None:
    schema = {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    assert (await inbox.api.owner("PUT", "/v1/schemas/order", schema)).status_code == 201
    await inbox.define(schema="order")
    cause = await inbox.parked(b'{"n": "seven"}')
    assert cause["reason"] == "schema"
    assert [error["pointer"] for error in cause["errors"]] == ["/n"]


async def test_a_message_behind_a_flag_that_is_off_is_parked(inbox: Inbox) -> None:
    await inbox.api.owner("PUT", "/v1/flags/beta", {"enabled": False, "rollout": 100})
    await inbox.action(flag="beta")
    assert (await inbox.parked(b"{}"))["reason"] == "flag-off"


async def test_a_message_of_a_source_that_is_gone_is_parked(inbox: Inbox) -> None:
    receipt = await inbox.receive(b"{}")
    await inbox.api.owner("DELETE", "/v1/webhooks/sources/shop")
    assert await inbox.begin(receipt) is None
    assert (await inbox.shown(receipt))["caused"][0]["reason"] == "source-gone"
    await inbox.define()  # one of the same name is another one
    assert (await inbox.api.owner("POST", f"/v1/webhooks/receipts/{receipt}/replay")).is_success
    assert await inbox.begin(receipt) is None
    assert (await inbox.shown(receipt))["caused"][1]["reason"] == "source-gone"
    assert await inbox.jobs() == []


async def test_a_limit_that_is_used_up_only_delays(inbox: Inbox) -> None:
    limit = {"algorithm": "fixed_window", "limit": 1, "window": "30s", "scope": "account"}
    await inbox.api.owner("PUT", "/v1/limits/slow", limit)
    await inbox.action(limit="slow")
    first, second = await inbox.receive(b"1"), await inbox.receive(b"2")
    assert await inbox.begin(first) is None
    later = await inbox.begin(second)
    assert later == Later(seconds=30.0)
    assert await inbox.finish(second, later, later) == AT + timedelta(seconds=30.5)
    assert (await inbox.shown(second))["state"] == "received"
    inbox.api.platform.counter.used.clear()
    assert await inbox.begin(second) is None
    assert await inbox.jobs() == [1, 2]


async def test_a_line_is_written_before_it_is_said_to_be(inbox: Inbox) -> None:
    await inbox.define(target={"kind": "log", "name": "audit"})
    receipt = await inbox.receive(b"\xff\x00 no text")
    line = await inbox.begin(receipt)
    assert isinstance(line, Line)
    assert (line.name, line.source, line.receipt, line.size) == ("audit", "shop", receipt, 10)
    assert (await inbox.shown(receipt))["state"] == "received"
    due = await inbox.due(receipt)
    assert await inbox.handler.carry_out(line, due) == line
    assert await inbox.finish(receipt, line, line) is None
    shown = await inbox.shown(receipt)
    assert (shown["state"], shown["caused"][0]["kind"]) == ("processed", "log")


async def test_a_line_that_could_not_be_written_is_tried_again(inbox: Inbox) -> None:
    await inbox.define(target={"kind": "log"})
    receipt = await inbox.receive(b"{}")
    line = await inbox.begin(receipt)
    again = await inbox.finish(receipt, line, Broken(error="OSError"))
    assert again == AT + timedelta(seconds=1.5)
    assert (await inbox.shown(receipt))["state"] == "received"


async def test_what_is_decided_about_a_message_follows_the_source_as_it_is_then(
    inbox: Inbox,
) -> None:
    receipt = await inbox.receive(b"{}")
    await inbox.define(target={"kind": "log"})
    assert isinstance(await inbox.begin(receipt), Line)
    assert await inbox.jobs() == []
