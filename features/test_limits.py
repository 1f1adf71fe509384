"""Steps of the rate limits."""

from pytest_bdd import given, scenarios, then, when

from features.conftest import World
from features.driver import Annals

scenarios("limits.feature")

ADDRESS = "203.0.113.7"


def come(annals: Annals, world: World, times: int, address: str = ADDRESS) -> None:
    path = f"/v1/limits/{world.limit}/check"
    world.answers = [annals.as_owner("POST", path, {"key": address}) for _ in range(times)]
    world.answer = world.answers[-1]


@given("a client address and a limit of 10 requests per minute")
def _(annals: Annals, world: World) -> None:
    world.limit = annals.unique("per-address")
    annals.define_limit(world.limit, limit=10, window="60s", scope="address")


@given("10 requests have come from that address")
def _(annals: Annals, world: World) -> None:
    come(annals, world, 10)
    assert {answer.status_code for answer in world.answers} == {200}


@when("5 requests come from that address")
def _(annals: Annals, world: World) -> None:
    come(annals, world, 5)


@when("another request comes from that address")
def _(annals: Annals, world: World) -> None:
    come(annals, world, 1)


@when("a request comes from another address")
def _(annals: Annals, world: World) -> None:
    come(annals, world, 1, "203.0.113.8")


@when("the user defines a limit")
def _(annals: Annals, world: World) -> None:
    body = {"algorithm": "fixed_window", "limit": 1, "window": "1s", "scope": "account"}
    path = f"/v1/limits/{annals.unique('mine')}"
    world.answer = annals.request("PUT", path, token=world.token, body=body)


@then("all of them succeed")
def _(world: World) -> None:
    assert [answer.status_code for answer in world.answers] == [200] * 5
    assert [answer.json()["remaining"] for answer in world.answers] == [9, 8, 7, 6, 5]


@then("it succeeds")
def _(world: World) -> None:
    assert world.last.status_code == 200


@then("it is refused with HTTP 429")
def _(world: World) -> None:
    assert world.problem(429)["limit"] == world.limit


@then("it is told when to come back")
def _(world: World) -> None:
    assert 1 <= int(world.last.headers["retry-after"]) <= 60
    assert f'"{world.limit}";q=10;w=60' in world.last.headers["ratelimit-policy"]
    assert f'"{world.limit}";r=0;t=' in world.last.headers["ratelimit"]
