"""Steps of the webhook inbox: a provider signs and sends, a person looks at what came of it."""

import asyncio
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection
from operator import itemgetter
from typing import Any

import httpx
import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import Annals
from features.test_privacy import dump_postgres
from tests.support.platform import Platform
from tests.support.senders import GENERIC, Message, Sender, new_secret
from tests.support.target import Target

scenarios("webhooks.feature")

SAID = {"to": "ada", "text": "schöne Grüße \u2028 🙂", "amount": 12.5}
ENDED = ("webhook.processed", "webhook.parked")


@dataclass
class Inbox:
    """What one scenario knows: its source and sender, and how messages were answered."""

    name: str = ""
    sender: Sender = field(default_factory=lambda: Sender("github"))
    first_url: str = ""
    answers: list[httpx.Response] = field(default_factory=list)
    seen: int = 0

    @property
    def message(self) -> Message:
        return self.sender.sent[-1]

    @property
    def receipt(self) -> str:
        assert self.answers[-1].status_code == 202, self.answers[-1].text
        return str(self.answers[-1].json()["receipt"])


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def define(annals: Annals, inbox: Inbox, preset: str, target: dict[str, Any], **more: Any) -> None:
    if not inbox.name:
        inbox.name = annals.unique("provider")
        inbox.sender = Sender(preset)
    body = {"preset": preset, "secrets": [inbox.sender.secret], "target": target, **more}
    if preset == "generic":
        body |= GENERIC
    answer = annals.as_owner("PUT", f"/v1/webhooks/sources/{inbox.name}", body)
    assert answer.status_code in (200, 201), answer.text
    inbox.sender.url = answer.json()["url"]
    inbox.first_url = inbox.first_url or inbox.sender.url


def send(annals: Annals, inbox: Inbox, message: Message, headers: dict[str, str]) -> None:
    answer = annals.http.post(inbox.sender.url, content=message.body, headers=headers)
    inbox.answers.append(answer)


def receipt(annals: Annals, id_: str) -> dict[str, Any]:
    answer = annals.as_owner("GET", f"/v1/webhooks/receipts/{id_}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ended(annals: Annals, id_: str, round_: int = 1) -> dict[str, Any]:
    """Follow the receipt's events until a round of it has ended."""
    for event in annals.live({"stream": f"webhook-receipt/{id_}", "after": "0"}):
        if event["type"] in ENDED and event["data"]["round"] == round_:
            return receipt(annals, id_)
    raise AssertionError("the stream has ended")


def listed(annals: Annals, inbox: Inbox, **query: str) -> list[dict[str, Any]]:
    """What the list shows, once it includes all that happened to the source's receipts."""
    mine = [f"webhook-source/{inbox.name}"]
    mine += {
        f"webhook-receipt/{answer.json()['receipt']}"
        for answer in inbox.answers
        if answer.status_code == 202
    }
    last = max((annals.events(stream=each)[-1] for each in mine), key=itemgetter("position"))
    path = httpx.URL("/v1/webhooks/receipts", params={"source": inbox.name, **query})
    answer = annals.as_owner("GET", str(path), headers={"annals-consistent-after": last["token"]})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


# sources


@given(parsers.parse('a source of the preset "{preset}" that runs an action'))
def _(annals: Annals, inbox: Inbox, world: World, target: Target, preset: str) -> None:
    world.action = annals.unique("hooked")
    annals.define_action(world.action, target.url(world.action))
    define(annals, inbox, preset, {"kind": "action", "name": world.action})


@given(parsers.parse('a source of the preset "{preset}" that writes to the log'))
def _(annals: Annals, inbox: Inbox, preset: str) -> None:
    define(annals, inbox, preset, {"kind": "log"})


@given(parsers.parse('a source of the preset "{preset}" that names a schema'))
def _(annals: Annals, inbox: Inbox, world: World, target: Target, preset: str) -> None:
    world.action = annals.unique("hooked")
    annals.define_action(world.action, target.url(world.action))
    publish(annals, world, {"amount": {"type": "integer"}})
    action = {"kind": "action", "name": world.action}
    define(annals, inbox, preset, action, schema=world.action)


def publish(annals: Annals, world: World, properties: dict[str, Any]) -> None:
    body = {"schema": {"type": "object", "properties": properties}, "compatibility": "none"}
    answer = annals.as_owner("PUT", f"/v1/schemas/{world.action}", body)
    assert answer.status_code in (200, 201), answer.text


@given(
    parsers.parse('a source of the preset "{preset}" that runs an action behind a flag that is off')
)
def _(annals: Annals, inbox: Inbox, world: World, target: Target, preset: str) -> None:
    world.action = annals.unique("hooked")
    annals.define_flag(world.action, enabled=False)
    annals.define_action(world.action, target.url(world.action), flag=world.action)
    define(annals, inbox, preset, {"kind": "action", "name": world.action})


@given(parsers.parse('a source of the preset "{preset}" that runs an action 1 time per second'))
def _(annals: Annals, inbox: Inbox, world: World, target: Target, preset: str) -> None:
    world.action = annals.unique("hooked")
    annals.define_limit(world.action, limit=1, window="1s")
    annals.define_action(world.action, target.url(world.action), limit=world.action)
    define(annals, inbox, preset, {"kind": "action", "name": world.action})


# messages


@given("the provider has sent a message")
@when("the provider sends a message")
def _(annals: Annals, inbox: Inbox) -> None:
    message = inbox.sender.message(SAID)
    send(annals, inbox, message, inbox.sender.headers(message))


@given("the provider has sent a message that the schema refuses")
@when("the provider sends a message that the schema refuses")
def _(annals: Annals, inbox: Inbox) -> None:
    message = inbox.sender.message(SAID)
    send(annals, inbox, message, inbox.sender.headers(message))
    assert ended(annals, inbox.receipt)["state"] == "parked"


@when("the provider sends a megabyte of bytes that are no text")
def _(annals: Annals, inbox: Inbox) -> None:
    message = Message("evt_large", os.urandom(1_048_576))
    inbox.sender.sent.append(message)
    send(annals, inbox, message, inbox.sender.headers(message))


@when(parsers.parse("the provider sends the same message {times:d} times"))
def _(annals: Annals, inbox: Inbox, times: int) -> None:
    message = inbox.sender.message(SAID)
    for back in range(times):  # signed anew each time, as a provider that retries does
        headers = inbox.sender.headers(message, late=timedelta(seconds=back))
        send(annals, inbox, message, headers)


@when(parsers.parse("the provider sends {copies:d} copies over {connections:d} connections"))
def _(annals: Annals, inbox: Inbox, copies: int, connections: int) -> None:
    message = inbox.sender.message(SAID)
    headers = inbox.sender.headers(message)
    started = threading.Barrier(connections)

    def client(count: int) -> list[httpx.Response]:
        with httpx.Client(base_url=annals.url, timeout=60, trust_env=False) as http:
            started.wait()
            return [
                http.post(inbox.sender.url, content=message.body, headers=headers)
                for _ in range(count)
            ]

    shares = [copies // connections + (n < copies % connections) for n in range(connections)]
    with ThreadPoolExecutor(connections) as threads:
        for answers in threads.map(client, shares):
            inbox.answers += answers
    assert len(inbox.answers) == copies


@when(parsers.parse("the provider sends {count:d} different messages"))
def _(annals: Annals, inbox: Inbox, count: int) -> None:
    for _ in range(count):
        message = inbox.sender.message(SAID)
        send(annals, inbox, message, inbox.sender.headers(message))


FAULTS = {
    "signed with another secret": {"secret": "0123456789abcdef"},
    "signed an hour ago": {"late": timedelta(hours=1)},
    "signed an hour ahead": {"late": timedelta(hours=-1)},
}


@when(parsers.re("the provider sends a message (?P<fault>signed .*|changed .*|without .*)"))
def _(annals: Annals, inbox: Inbox, fault: str) -> None:
    message = inbox.sender.message(SAID)
    headers = inbox.sender.headers(message, **FAULTS.get(fault, {}))  # type: ignore[arg-type]
    if fault == "changed on its way":
        message = Message(message.id, message.body.replace(b"ada", b"bob"))
    if fault == "without a signature":
        del headers["x-slack-signature"]
    send(annals, inbox, message, headers)


@when(parsers.parse("{count:d} forged messages are sent"))
def _(annals: Annals, inbox: Inbox, count: int) -> None:
    inbox.seen = annals.events(stream=f"webhook-source/{inbox.name}")[-1]["position"]
    for _ in range(count):
        message = inbox.sender.message(SAID)
        send(annals, inbox, message, inbox.sender.headers(message, secret="a guess at it"))


@when("somebody announces a message of more than a megabyte")
def _(annals: Annals, inbox: Inbox) -> None:
    url = httpx.URL(annals.url)
    connection = HTTPConnection(url.host, url.port, timeout=30)
    connection.putrequest("POST", inbox.sender.url)
    connection.putheader("content-length", str(1_048_577))
    connection.endheaders()
    answer = connection.getresponse()  # not a byte of the body was sent
    headers = dict(answer.getheaders())
    inbox.answers.append(httpx.Response(answer.status, headers=headers, content=answer.read()))
    connection.close()


@then("it is refused before any of it was sent")
def _(world: World, inbox: Inbox) -> None:
    world.answer = inbox.answers[-1]
    assert world.problem(413)["limit"] == 1_048_576


@when("somebody sends a message to an address that was never given")
def _(annals: Annals, inbox: Inbox) -> None:
    inbox.sender.url = "/hooks/" + "A" * 40
    message = inbox.sender.message(SAID)
    send(annals, inbox, message, inbox.sender.headers(message))


@when("the schema is mended and the message is replayed")
def _(annals: Annals, inbox: Inbox, world: World) -> None:
    publish(annals, world, {"amount": {"type": "number"}})
    replay(annals, inbox)


@when("it is replayed")
def _(annals: Annals, inbox: Inbox) -> None:
    assert ended(annals, inbox.receipt)["state"] == "processed"
    replay(annals, inbox)


def replay(annals: Annals, inbox: Inbox) -> None:
    answer = annals.as_owner("POST", f"/v1/webhooks/receipts/{inbox.receipt}/replay")
    assert (answer.status_code, answer.json()["round"]) == (202, 2), answer.text


@when("a second secret becomes active and then the first one is withdrawn")
def _(annals: Annals, inbox: Inbox) -> None:
    first, second = inbox.sender.secret, new_secret(inbox.sender.preset)
    for active in ([first], [first, second], [second]):
        define(annals, inbox, inbox.sender.preset, {"kind": "log"}, secrets=active)
        for secret in (first, second):
            message = inbox.sender.message(SAID)
            send(annals, inbox, message, inbox.sender.headers(message, secret=secret))


# outcomes


@then("the message is acknowledged")
def _(inbox: Inbox) -> None:
    assert inbox.answers[-1].json() == {"receipt": inbox.receipt}


@then("every copy is acknowledged with the same receipt")
def _(inbox: Inbox) -> None:
    assert {answer.status_code for answer in inbox.answers} == {202}
    assert {answer.content for answer in inbox.answers} == {inbox.answers[0].content}


@then("the action is run once on what the message says")
def _(annals: Annals, inbox: Inbox, world: World, target: Target) -> None:
    rounds = receipt(annals, inbox.receipt)["round"]
    shown = ended(annals, inbox.receipt, rounds)
    assert shown["state"] == "processed", shown
    job = shown["caused"][-1]["job"]
    assert annals.job_in(job, "succeeded", "dead")["state"] == "succeeded"
    [call] = target.calls_to(world.action)
    assert (call.key, call.body) == (job, json.loads(inbox.message.body))
    queued = [
        event
        for event in annals.events(type="job.queued")
        if event["data"]["action"] == world.action
    ]
    assert len(queued) == 1
    assert len(listed(annals, inbox)) == 1


@then("the receipt shows the message, its verdict and the job")
def _(annals: Annals, inbox: Inbox, world: World) -> None:
    shown = ended(annals, inbox.receipt)
    assert shown["body"].encode() == inbox.message.body
    assert shown["verdict"]["signature"] == "valid"
    assert (shown["verdict"]["signed_at"] is None) == (inbox.sender.preset == "github")
    assert shown["external_id"] == inbox.message.id
    [cause] = shown["caused"]
    assert (cause["kind"], cause["name"]) == ("action", world.action)
    queued = annals.events(stream=f"job/{cause['job']}")[0]
    received = annals.events(stream=f"webhook-receipt/{inbox.receipt}")[0]
    assert queued["meta"]["causation_id"] == received["meta"]["id"]
    assert queued["meta"]["correlation_id"] == received["meta"]["correlation_id"]
    assert received["meta"]["actor"] == f"webhook-source/{inbox.name}"


@then("the receipt says that it went to the log")
def _(annals: Annals, inbox: Inbox) -> None:
    [cause] = ended(annals, inbox.receipt)["caused"]
    assert (cause["kind"], cause["job"]) == ("log", None)


@then("the very same bytes can be fetched")
def _(annals: Annals, inbox: Inbox) -> None:
    answer = annals.as_owner("GET", f"/v1/webhooks/receipts/{inbox.receipt}/body")
    assert answer.content == inbox.message.body


@then("the message is found by the provider's own id")
def _(annals: Annals, inbox: Inbox) -> None:
    ended(annals, inbox.receipt)
    [found] = listed(annals, inbox, external_id=inbox.message.id)
    assert (found["id"], found["external_id"]) == (inbox.receipt, inbox.message.id)
    assert listed(annals, inbox, external_id="evt_never") == []


@then(parsers.parse('it is refused as "{problem}"'))
def _(world: World, inbox: Inbox, problem: str) -> None:
    world.answer = inbox.answers[-1]
    assert world.problem(401)["type"] == f"/problems/{problem}"


@then("nothing was received")
def _(annals: Annals, inbox: Inbox) -> None:
    assert listed(annals, inbox) == []


@then("all are refused and the log has grown by two events at most")
def _(annals: Annals, inbox: Inbox) -> None:
    assert {answer.status_code for answer in inbox.answers} == {401}
    grown = [event for event in annals.events() if event["position"] > inbox.seen]
    mine = [event for event in grown if inbox.name in event["stream"]]
    assert [event["type"] for event in mine] in (
        ["webhook_source.refused"],
        ["webhook_source.refused"] * 2,  # the minute has turned meanwhile
    )
    assert not any(event["type"].startswith("webhook.") for event in grown)


@then("nothing answers there")
def _(world: World, inbox: Inbox) -> None:
    world.answer = inbox.answers[-1]
    assert world.problem(404)["type"] == "/problems/no-such-hook"


@then("the receipt is parked and says what is wrong")
def _(annals: Annals, inbox: Inbox) -> None:
    [cause] = ended(annals, inbox.receipt)["caused"]
    assert (cause["kind"], cause["reason"], cause["job"]) == ("parked", "schema", None)
    assert [error["pointer"] for error in cause["errors"]] == ["/amount"]
    [item] = listed(annals, inbox, state="parked")
    assert (item["id"], item["reason"]) == (inbox.receipt, "schema")


@then(parsers.parse('the receipt is parked because of "{reason}"'))
def _(annals: Annals, inbox: Inbox, world: World, target: Target, reason: str) -> None:
    shown = ended(annals, inbox.receipt)
    assert (shown["state"], shown["caused"][0]["reason"]) == ("parked", reason)
    assert target.calls_to(world.action) == []


@then("the action is run on both")
def _(annals: Annals, inbox: Inbox, world: World, target: Target) -> None:
    jobs = {ended(annals, answer.json()["receipt"])["caused"][0]["job"] for answer in inbox.answers}
    target.wait_for(world.action, 2)
    assert target.keys(world.action).keys() == jobs


@then("the action is run twice, by two jobs that the receipt shows")
def _(annals: Annals, inbox: Inbox, world: World, target: Target) -> None:
    shown = ended(annals, inbox.receipt, 2)
    jobs = [cause["job"] for cause in shown["caused"]]
    target.wait_for(world.action, 2)
    assert target.keys(world.action) == dict.fromkeys(jobs, 1)
    assert len(set(jobs)) == 2


@then("messages by the second are taken all the time and by the first until the end")
def _(inbox: Inbox) -> None:
    statuses = [answer.status_code for answer in inbox.answers]
    assert statuses == [202, 401, 202, 202, 401, 202]


@then("the list of sources shows it")
def _(annals: Annals, inbox: Inbox) -> None:
    last = annals.events(stream=f"webhook-source/{inbox.name}")[-1]["token"]
    headers = {"annals-consistent-after": last}
    answer = annals.as_owner("GET", "/v1/webhooks/sources?limit=1000", headers=headers)
    [mine] = [each for each in answer.json()["items"] if each["name"] == inbox.name]
    assert (mine["url"], mine["enabled"], mine["version"]) == (inbox.first_url, True, 3)


@then("a dump of Postgres shows nothing of the message or the secret")
def _(platform: Platform, inbox: Inbox) -> None:
    dump = asyncio.run(dump_postgres(platform.env["DATABASE_URL"])).lower()
    assert inbox.receipt in dump
    for hidden in (inbox.message.id, inbox.sender.secret, "schöne grüße", "stripe-signature"):
        assert hidden.lower() not in dump
        assert hidden.lower().encode().hex() not in dump


@then("the address has stayed the same")
def _(inbox: Inbox) -> None:
    assert inbox.sender.url == inbox.first_url
