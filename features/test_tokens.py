"""Steps of the tokens."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pytest_bdd import given, scenarios, then, when

from features.conftest import World
from features.driver import PATIENCE, Annals, together
from tests.support.platform import Platform, free_port

scenarios("tokens.feature")


@pytest.fixture(scope="module")
def elsewhere(platform: Platform) -> Iterator[Annals]:
    """The same platform through another process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    here = f"http://localhost:{platform.port}"
    api = platform.also("api", PORT=str(port), HOST="127.0.0.1", PUBLIC_URL=here)
    api.wait_ready(url)
    driver = platform.driver(url)
    yield driver
    driver.close()
    api.stop()


@pytest.fixture
def tokens() -> list[dict[str, Any]]:
    """What was given, the oldest first."""
    return []


def exchange(annals: Annals, world: World, tokens: list[dict[str, Any]], **how: Any) -> None:
    world.answer = annals.request("POST", "/v1/tokens", **how)
    assert world.answer.status_code == 200, world.answer.text
    tokens.append(world.answer.json())


def renew(
    annals: Annals, world: World, tokens: list[dict[str, Any]], headers: dict[str, str]
) -> None:
    body = {"refresh_token": tokens[0]["refresh_token"]}
    world.answer = annals.request("POST", "/v1/tokens/refresh", body=body, headers=headers)
    world.answers.append(world.answer)


def status(annals: Annals, token: str) -> int:
    return annals.session(token).status_code


def part(token: str, number: int) -> bytes:
    text = token.split(".")[number]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def published(annals: Annals) -> dict[str, Any]:
    keys = annals.request("GET", "/.well-known/jwks.json").json()["keys"]
    return {key["kid"]: key for key in keys}


@given("a user with tokens")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    world.user = annals.signed_in()
    exchange(annals, world, tokens, token=world.token)


@given("a thief who has copied the refresh token and used it")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    renew(annals, world, tokens, {})
    tokens.append(world.last.json())
    assert status(annals, tokens[1]["access_token"]) == 200


@when("the user exchanges the password for tokens")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    assert world.user is not None
    body = {"email": world.user.email, "password": world.user.password}
    exchange(annals, world, tokens, body=body)


@when("the user exchanges the session for tokens")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    exchange(annals, world, tokens, token=world.token)


@when("somebody signs the same claims with another key")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    text = tokens[0]["access_token"].rpartition(".")[0]
    signature = Ed25519PrivateKey.generate().sign(text.encode())
    forged = f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    world.answer = annals.session(forged)


@when("the user renews the tokens")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    renew(annals, world, tokens, {})
    assert world.problem(401)


@when("the user renews the tokens twice under one key")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    for _ in range(2):
        renew(annals, world, tokens, {"idempotency-key": f"renew {world.token}"})
    tokens.append(world.last.json())


@when("the tokens are renewed in two processes at the same time")
def _(annals: Annals, elsewhere: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    body = {"refresh_token": tokens[0]["refresh_token"]}

    def renewal(process: Annals) -> httpx.Response:
        return process.request("POST", "/v1/tokens/refresh", body=body)

    world.answers = together(lambda: renewal(annals), lambda: renewal(elsewhere))


@when("the user signs out")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.request("DELETE", "/v1/sessions/current", token=world.token)
    assert world.answer.status_code == 204, world.answer.text


@when("Redis loses everything")
def _(platform: Platform) -> None:
    with redis.Redis.from_url(platform.env["REDIS_URL"]) as client:
        client.flushall()


@when("the owner rotates the signing key")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    answer = annals.as_owner("POST", "/v1/signing-keys/rotate", {})
    assert answer.status_code == 201, answer.text
    exchange(annals, world, tokens, token=world.token)


@then("the access token opens a protected route")
def _(annals: Annals, tokens: list[dict[str, Any]]) -> None:
    answer = annals.session(tokens[-1]["access_token"])
    assert answer.status_code == 200, answer.text
    claims = json.loads(part(tokens[-1]["access_token"], 1))
    assert (answer.json()["id"], answer.json()["account"]) == (claims["sid"], claims["sub"])


@then("the published keys verify it")
def _(annals: Annals, tokens: list[dict[str, Any]]) -> None:
    token = tokens[-1]["access_token"]
    key = published(annals)[json.loads(part(token, 0))["kid"]]
    public_key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
    public_key.verify(part(token, 2), token.rpartition(".")[0].encode())


@then("the answer is the same as for no credential at all")
def _(annals: Annals, world: World) -> None:
    assert world.problem(401) == annals.session("").json()


@then("exactly one of them is answered")
def _(world: World, tokens: list[dict[str, Any]]) -> None:
    given, refused = sorted(world.answers, key=lambda answer: answer.status_code)
    assert (given.status_code, refused.status_code) == (200, 401)
    tokens.append(given.json())


@then("neither of them gets in any more")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    for each in tokens:
        assert status(annals, each["access_token"]) == 401
        renew(annals, world, [each], {})
        assert world.problem(401)


@then("the log tells that the tokens were reused")
def _(annals: Annals, tokens: list[dict[str, Any]]) -> None:
    session = json.loads(part(tokens[0]["access_token"], 1))["sid"]
    assert [each["type"] for each in annals.events(stream=f"session/{session}")][-1] == (
        "session.ended"
    )
    assert "tokens.reused" in [each["type"] for each in annals.events(type="tokens.reused")]


@then("both answers are the same")
def _(world: World) -> None:
    first, again = world.answers
    assert (first.status_code, first.json()) == (again.status_code, again.json())


@then("the access token opens nothing in any process")
def _(annals: Annals, elsewhere: Annals, tokens: list[dict[str, Any]]) -> None:
    for process in (annals, elsewhere):
        assert status(process, tokens[0]["access_token"]) == 401


@then("the access token opens nothing until the session is back")
def _(annals: Annals, tokens: list[dict[str, Any]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while (answer := status(annals, tokens[0]["access_token"])) == 503:
        assert time.monotonic() < deadline, "the session does not come back"
        time.sleep(0.05)
    assert answer == 200


@then("the tokens can be renewed")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    renew(annals, world, tokens, {})
    assert world.last.status_code == 200, world.last.text


@then("the tokens cannot be renewed")
def _(annals: Annals, world: World, tokens: list[dict[str, Any]]) -> None:
    renew(annals, world, tokens, {})
    assert world.problem(401)


@then("old and new tokens are good in every process")
def _(annals: Annals, elsewhere: Annals, tokens: list[dict[str, Any]]) -> None:
    old, new = (each["access_token"] for each in tokens)
    assert part(old, 0) != part(new, 0)
    for process in (annals, elsewhere):
        assert [status(process, old), status(process, new)] == [200, 200]


@then("both keys are published")
def _(annals: Annals, tokens: list[dict[str, Any]]) -> None:
    kids = {json.loads(part(each["access_token"], 0))["kid"] for each in tokens}
    assert kids <= published(annals).keys()
