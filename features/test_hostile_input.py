"""Steps of the hostile input."""

import json
from typing import Any

import httpx
from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import Annals
from tests.support.target import Target

scenarios("hostile_input.feature")


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


REFUSED: dict[str, tuple[bytes, int]] = {
    "a null character": (b'{"input":"\\u0000"}', 422),
    "half a surrogate pair": (b'{"input":"\\ud800"}', 400),
    "more than a megabyte": (b'{"input":"' + b"x" * 1_100_000 + b'"}', 413),
    "a million nested arrays": (b'{"input":' + nested(400_000) + b"}", 422),
    "a number that is not one": (b'{"input":NaN}', 400),
    "broken UTF-8": (b'{"input":"\xff"}', 400),
    "half a document": (b'{"input":{"to":', 400),
    "a field that nobody knows": (b'{"input":{},"admin":true}', 422),
}
PASSED: dict[str, Any] = {
    "a long text": "x" * 100_000,
    "text in many scripts": "Zażółć 東京 🦄 עברית \u202e \u2028 e\u0301",
    "text that looks like SQL": "'); DROP TABLE annals.events; --",
    "60 nested arrays": json.loads(nested(60)),
    "integers of 53 bits": [2**53 - 1, -(2**53 - 1), 0.1, 1e300],
    "every printable character": "".join(map(chr, range(32, 0x2000))),
}


@given("an action that takes any input")
def _(annals: Annals, world: World, target: Target) -> None:
    world.action = annals.unique("any")
    annals.define_action(world.action, target.url(world.action), input_schema=None)
    world.user = annals.signed_in()


@when(parsers.parse("a user sends {kind}"), target_fixture="kind")
def kind(annals: Annals, world: World, kind: str) -> str:
    body, _ = REFUSED.get(kind) or (json.dumps({"input": PASSED.get(kind)}).encode(), 202)
    world.answer = send(annals, world, body)
    return kind


def send(annals: Annals, world: World, body: bytes) -> httpx.Response:
    return annals.http.post(
        f"/v1/actions/{world.action}/runs",
        content=body,
        headers={
            "authorization": f"Bearer {world.token}",
            "content-type": "application/json",
        },
    )


@then("it is refused and the answer says what is wrong")
def _(annals: Annals, world: World, kind: str) -> None:
    _, status = REFUSED[kind]
    assert world.problem(status)["detail"]
    assert annals.as_owner("GET", f"/v1/jobs?action={world.action}").json()["items"] == []


@then("the target gets it unchanged")
def _(annals: Annals, world: World, target: Target, kind: str) -> None:
    assert world.last.status_code == 202, world.last.text
    world.job = world.last.json()["id"]
    annals.job_in(world.job, "succeeded")
    assert [call.body for call in target.calls_to(world.action)] == [PASSED[kind]]


@then("the job can be listed")
def _(annals: Annals, world: World) -> None:
    headers = {"annals-consistent-after": annals.seen}
    jobs = annals.as_owner("GET", f"/v1/jobs?action={world.action}", headers=headers).json()
    assert [job["id"] for job in jobs["items"]] == [world.job]
