"""Steps of the sessions."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis
from pytest_bdd import given, scenarios, then, when

from features.conftest import World
from features.driver import PATIENCE, Annals, User, together
from tests.support.platform import Platform, free_port

scenarios("sessions.feature")


@pytest.fixture
def short_lived(platform: Platform) -> Iterator[Annals]:
    """The same platform through an API process whose sessions last one second."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    api = platform.also("api", PORT=str(port), HOST="127.0.0.1", SESSION_TTL="1s")
    api.wait_ready(url)
    driver = platform.driver(url)
    yield driver
    driver.close()
    api.stop()


@pytest.fixture
def impatient(platform: Platform) -> Iterator[Annals]:
    """The same platform through an API process whose sessions may be idle for a second."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    api = platform.also("api", PORT=str(port), HOST="127.0.0.1", SESSION_IDLE="1s")
    api.wait_ready(url)
    driver = platform.driver(url)
    yield driver
    driver.close()
    api.stop()


@given("an expired session")
def _(short_lived: Annals, world: World) -> None:
    user = short_lived.register()
    short_lived.sign_in(user)
    world.user = user
    deadline = time.monotonic() + PATIENCE
    while short_lived.session(user.token).status_code == 200:
        assert time.monotonic() < deadline, "the session does not expire"
        time.sleep(0.05)


@given("an authenticated user with a cookie")
def _(annals: Annals, world: World) -> None:
    world.user = annals.register()
    world.answer = annals.sign_in(world.user)


@given("an address that nobody has registered")
def _(annals: Annals, world: World) -> None:
    world.user = User(f"{annals.unique('twin')}@example.org", "correct horse battery")


@when("the user signs in with valid credentials")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    world.answer = annals.sign_in(world.user)


@when("the user signs in with a wrong password")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    stranger = User(f"{annals.unique('nobody')}@example.org", "whatever it is")
    world.answers = [annals.sign_in(world.user, "wrong password"), annals.sign_in(stranger)]


@when("somebody guesses passwords until locked out")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    for guess in range(100):
        world.answer = annals.sign_in(world.user, f"guess number {guess}")
        if world.answer.status_code == 429:
            return
        assert world.answer.status_code == 401, world.answer.text
    raise AssertionError("a hundred guesses and no lock-out")


@when("it is used on a protected route")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.session(world.token)


@when("the user signs out")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.request("DELETE", "/v1/sessions/current", token=world.token)
    assert world.answer.status_code == 204, world.answer.text


@when("a foreign page triggers an action with that cookie")
def _(annals: Annals, world: World) -> None:
    cookie = world.last.headers["set-cookie"].partition(";")[0]
    headers = {
        "cookie": cookie,
        "origin": "https://evil.example",
        "sec-fetch-site": "cross-site",
    }
    world.answer = annals.trigger("", "anything", headers=headers)


@when("it is registered twice at the same time")
def _(annals: Annals, world: World) -> None:
    user = world.user
    assert user is not None
    world.answers = together(*[lambda: annals.sign_up(user)] * 4)


@given("an admin who is signed in")
def _(annals: Annals, world: World) -> None:
    world.user = annals.signed_in()
    grant(annals, world.user, "admin")
    annals.sign_in(world.user)
    assert annals.request("GET", "/v1/events", token=world.token).status_code == 200


def grant(annals: Annals, user: User, role: str) -> None:
    response = annals.as_owner("PUT", f"/v1/accounts/{user.account}/role", {"role": role})
    assert response.status_code == 200, response.text


@when("the owner makes the admin a member")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    grant(annals, world.user, "member")


@given("a user whose role has changed since signing in", target_fixture="demoted")
def demoted(annals: Annals) -> User:
    user = annals.signed_in()
    grant(annals, user, "admin")
    return user


@when("Redis loses everything")
def _(platform: Platform) -> None:
    with redis.Redis.from_url(platform.env["REDIS_URL"]) as client:
        client.flushall()


@then("the first session opens a protected route again")
def _(annals: Annals, world: World) -> None:
    assert when_rebuilt(annals, world.token) == 200


@then("the other one opens nothing")
def _(annals: Annals, demoted: User) -> None:
    assert when_rebuilt(annals, demoted.token) == 401


def when_rebuilt(annals: Annals, token: str) -> int:
    deadline = time.monotonic() + PATIENCE
    while (answer := annals.session(token)).status_code == 503:
        assert time.monotonic() < deadline, "the sessions do not come back"
        time.sleep(0.05)
    return answer.status_code


@then("the next session may not define a limit")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    annals.sign_in(world.user)
    path = f"/v1/limits/{annals.unique('mine')}"
    body = {"algorithm": "fixed_window", "limit": 1, "window": "1s", "scope": "account"}
    world.answer = annals.request("PUT", path, token=world.token, body=body)
    assert world.problem(403)["permission"] == "limits:write"


# where one is signed in


@given("somebody who is signed in on three devices", target_fixture="devices")
def devices(annals: Annals, world: World) -> list[str]:
    """The tokens of the two other ones."""
    world.user = annals.signed_in()
    others = [world.user.token]
    for _ in range(2):
        annals.sign_in(world.user)
        others.append(world.user.token)
    return others[:2]


def listed(annals: Annals, token: str) -> list[dict[str, Any]]:
    answer = annals.request("GET", "/v1/sessions", token=token)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


@when("they end all other sessions")
def _(annals: Annals, world: World) -> None:
    answer = annals.request(
        "POST", "/v1/sessions/revoke", token=world.token, body={"scope": "others"}
    )
    assert answer.status_code == 204, answer.text


@when("they end the session of one device in the list")
def _(annals: Annals, world: World, devices: list[str]) -> None:
    [lost] = [item for item in listed(annals, devices[0]) if item["current"]]
    answer = annals.request("DELETE", f"/v1/sessions/{lost['id']}", token=world.token)
    assert answer.status_code == 204, answer.text


@then("the list shows this device alone")
def _(annals: Annals, world: World) -> None:
    assert [item["current"] for item in listed(annals, world.token)] == [True]


@then("the other two open nothing any more")
def _(annals: Annals, devices: list[str]) -> None:
    assert [annals.session(token).status_code for token in devices] == [401, 401]


@then("that device opens nothing any more")
def _(annals: Annals, devices: list[str]) -> None:
    assert annals.session(devices[0]).status_code == 401


@then("the other two open a protected route")
def _(annals: Annals, world: World, devices: list[str]) -> None:
    opened = [annals.session(token).status_code for token in (devices[1], world.token)]
    assert opened == [200, 200]


@given("a session that may not be idle for longer than a second")
def _(impatient: Annals, world: World) -> None:
    world.user = impatient.signed_in()


@when("nobody uses it for so long")
def _(impatient: Annals, world: World) -> None:
    """The list tells which sessions count, and is no use of them."""
    assert world.user is not None
    path = f"/v1/sessions?account={world.user.account}"
    deadline = time.monotonic() + PATIENCE
    while impatient.as_owner("GET", path).json()["items"]:
        assert time.monotonic() < deadline, "the session does not expire"
        time.sleep(0.05)


@then("it opens nothing any more")
def _(impatient: Annals, world: World) -> None:
    assert impatient.session(world.token).status_code == 401


@when("the browser signs in again")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    cookie = world.last.headers["set-cookie"].partition(";")[0]
    world.answer = world.last
    body = {"email": world.user.email, "password": world.user.password}
    answer = annals.request("POST", "/v1/sessions", body=body, headers={"cookie": cookie})
    annals.http.cookies.clear()
    assert answer.status_code == 201, answer.text


@then("its first session opens nothing any more")
def _(annals: Annals, world: World) -> None:
    assert annals.session(world.last.json()["token"]).status_code == 401


@when("a foreign page signs the browser in as that user")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    body = {"email": world.user.email, "password": world.user.password}
    headers = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    world.answer = annals.request("POST", "/v1/sessions", body=body, headers=headers)
    assert "set-cookie" not in world.answer.headers


# proving it again


def proved(annals: Annals, world: World, password: str) -> httpx.Response:
    path = "/v1/sessions/current/step-up"
    answer = annals.request("POST", path, token=world.token, body={"password": password})
    annals.http.cookies.clear()
    return answer


@when("the user proves it again with the password")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    world.answer = proved(annals, world, world.user.password)


@when("the user proves it again with a wrong password")
def _(annals: Annals, world: World) -> None:
    world.answer = proved(annals, world, "wrong password")


@then("the first one opens nothing any more")
def _(annals: Annals, world: World) -> None:
    assert annals.session(world.token).status_code == 401
    assert annals.session(world.last.json()["token"]).status_code == 200


@then("the answer is that the password is wrong")
def _(world: World) -> None:
    assert world.problem(401)["type"].endswith("wrong-credentials")


@then("the session still opens a protected route")
def _(annals: Annals, world: World) -> None:
    assert annals.session(world.token).status_code == 200


# looking back


@given("a user who has signed in and out again", target_fixture="between")
def between(annals: Annals, world: World) -> str:
    """A time between the two."""
    world.user = annals.signed_in()
    [started] = [
        event
        for event in annals.events(type="session.started")
        if event["data"]["account"] == world.user.account
    ]
    answer = annals.request("DELETE", "/v1/sessions/current", token=world.token)
    assert answer.status_code == 204
    return str(started["recorded_at"])


@when("an admin asks who was signed in between")
def _(annals: Annals, world: World, between: str) -> None:
    assert world.user is not None
    grant(annals, world.user, "admin")
    path = httpx.URL("/v1/sessions", params={"account": world.user.account, "at": between})
    world.answer = annals.as_owner("GET", str(path))


@then("the session is told, with the role of that time")
def _(world: World) -> None:
    assert world.last.status_code == 200, world.last.text
    [item] = world.last.json()["items"]
    assert (item["role"], item["state"]) == ("member", "signed_in")


@then("a session is created")
def _(world: World) -> None:
    assert world.last.status_code == 201
    session = world.last.json()
    assert {"id", "token", "expires_at"} <= session.keys()
    cookie = world.last.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


@then("the session opens a protected route")
def _(annals: Annals, world: World) -> None:
    answer = annals.session(world.token)
    assert answer.status_code == 200
    assert answer.json()["id"] == world.last.json()["id"]


@then("the answer is the same as for somebody unknown")
def _(world: World) -> None:
    known, unknown = (answer.json() for answer in world.answers)
    assert [answer.status_code for answer in world.answers] == [401, 401]
    assert known == unknown


@then("the user is told when to come back")
def _(world: World) -> None:
    assert world.problem(429)
    assert int(world.last.headers["retry-after"]) >= 1


@then("the log holds one lock-out and no single failure")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    stream = f"account/{world.user.account}"
    types = [event["type"] for event in annals.events(stream=stream)]
    assert types.count("account.locked_out") == 1
    assert types.count("account.sign_ins_failed") <= 2
    assert set(types) <= {
        "account.registered",
        "account.verification_asked",
        "account.locked_out",
        "account.sign_ins_failed",
    }


@then("access is denied")
@then("the session opens nothing any more")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.session(world.token)
    assert world.problem(401)
    world.answer = annals.trigger(world.token, "anything")
    assert world.problem(401)


@then("the request is refused as cross-site")
def _(world: World) -> None:
    assert world.problem(403)["type"].endswith("cross-site")


@then("exactly one registration succeeds")
def _(world: World) -> None:
    statuses = sorted(answer.status_code for answer in world.answers)
    assert statuses == [201, 409, 409, 409]
