"""Steps of the sessions."""

import time
from collections.abc import Iterator

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
