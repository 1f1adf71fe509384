"""Steps of the usage of flags."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_bdd import given, parsers, scenarios, then, when
from UnleashClient import UnleashClient

from features.conftest import World
from features.driver import PATIENCE, Annals

scenarios("flag_usage.feature")


@given("a flag with two variants")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("counted")
    variants = [
        {"name": "blue", "weight": 500, "stickiness": "userId"},
        {"name": "red", "weight": 500, "stickiness": "userId"},
    ]
    world.answer = annals.define_flag(world.flag, rules=[{}], variants=variants)


@when(parsers.re(r"it is evaluated (?P<times>\d+) times?"), converters={"times": int})
def _(annals: Annals, world: World, times: int) -> None:
    for number in range(times):
        context = {"userId": f"{world.flag}-user-{number}"}
        world.seen.append(annals.evaluate(world.flag, context))


@when(parsers.parse("a client reports {yes:d} times yes and {no:d} times no"))
def _(annals: Annals, world: World, yes: int, no: int) -> None:
    toggles = {world.flag: {"yes": yes, "no": no, "variants": {"blue": yes, "disabled": no}}}
    bucket = {"start": "2026-01-01T00:00:00Z", "stop": "2026-01-01T00:01:00Z", "toggles": toggles}
    body = {"appName": "shop", "instanceId": "i-1", "bucket": bucket}
    world.answer = annals.as_owner("POST", "/api/client/metrics", body)
    assert world.last.status_code == 202


@when(parsers.parse("an application asks Unleash's SDK for it {times:d} times"))
def _(annals: Annals, world: World, times: int) -> None:
    client = UnleashClient(
        url=f"{annals.url}/api",
        app_name=annals.unique("app"),
        custom_headers={"Authorization": annals.owner},
        refresh_interval=1,
        metrics_interval=1,
    )
    client.initialize_client()
    try:
        for number in range(times):
            assert client.is_enabled(world.flag, {"userId": f"user-{number}"})
        usage(annals, world, times)
    finally:
        client.destroy()


@when("it is explained and evaluated as it was")
def _(annals: Annals, world: World) -> None:
    path = f"/v1/flags/{world.flag}"
    then = world.last.headers["annals-position"]
    for asked in (f"{path}/explain", f"{path}/evaluate?position={then}"):
        assert annals.as_owner("POST", asked, {"context": {}}).status_code == 200


def usage(annals: Annals, world: World, evaluations: int) -> dict[str, Any]:
    """The flag's usage, once it has as many evaluations."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = annals.as_owner("GET", f"/v1/flags/{world.flag}/usage")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        if found["totals"]["yes"] + found["totals"]["no"] >= evaluations:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@then(parsers.parse("its usage shows {times:d} evaluations, by variant and by the hour"))
def _(annals: Annals, world: World, times: int) -> None:
    found = usage(annals, world, times)
    served = [answer["variant"]["name"] for answer in world.seen]
    variants = {name: served.count(name) for name in set(served)}
    assert found["totals"] == {"yes": times, "no": 0, "variants": variants}
    assert sum(hour["yes"] for hour in found["hours"]) == times
    for name, number in variants.items():
        assert sum(hour["variants"].get(name, 0) for hour in found["hours"]) == number
    world.answer = annals.as_owner("GET", f"/v1/flags/{world.flag}/usage?environment=elsewhere")
    assert world.last.json()["totals"] == {"yes": 0, "no": 0, "variants": {}}
    assert world.last.json()["last_seen_at"] is None


@then("it was seen last just now")
def _(annals: Annals, world: World) -> None:
    seen = annals.as_owner("GET", f"/v1/flags/{world.flag}/usage").json()["last_seen_at"]
    assert datetime.now(UTC) - datetime.fromisoformat(seen) < timedelta(minutes=10)


@then(parsers.parse("its usage shows {yes:d} times yes and {no:d} times no"))
def _(annals: Annals, world: World, yes: int, no: int) -> None:
    found = usage(annals, world, yes + no)
    totals = found["totals"]
    assert (totals["yes"], totals["no"]) == (yes, no)
    if world.answer is not None and world.last.status_code == 202:
        assert totals["variants"] == {"blue": yes, "disabled": no}


def flipped(annals: Annals, world: World) -> set[str]:
    """The users of this scenario for whom a draft changes the flag."""
    answer = annals.as_owner("POST", f"/v1/flags/{world.flag}/try", {"enabled": False})
    assert answer.status_code == 200, answer.text
    contexts = [flip["context"] for flip in answer.json()["flips"]]
    users = {str(context.get("userId")) for context in contexts}
    return {user for user in users if user.startswith(f"{world.flag}-user-")}


@then(parsers.parse("a draft that switches it off flips all {users:d} users"))
def _(annals: Annals, world: World, users: int) -> None:
    assert flipped(annals, world) == {f"{world.flag}-user-{number}" for number in range(users)}


@then("none once what was recorded is erased")
def _(annals: Annals, world: World) -> None:
    assert annals.as_owner("DELETE", "/v1/flags/contexts").status_code == 204
    assert flipped(annals, world) == set()


@when("somebody marks it as stale")
def _(annals: Annals, world: World) -> None:
    path = f"/v1/flags/{world.flag}/mark"
    world.answer = annals.as_owner("POST", path, {"stale": True})
    assert world.last.status_code == 200


@then("it is listed as stale, with when it was made and seen last")
def _(annals: Annals, world: World) -> None:
    usage(annals, world, 1)
    after = {"annals-consistent-after": world.last.headers["annals-position"]}
    listed = {}
    for stale in ("true", "false"):
        path = f"/v1/flags?stale={stale}&q={world.flag}"
        answer = annals.as_owner("GET", path, headers=after)
        assert answer.status_code == 200, answer.text
        listed[stale] = {item["key"]: item for item in answer.json()["items"]}
    assert world.flag not in listed["false"]
    flag = listed["true"][world.flag]
    made, seen = (datetime.fromisoformat(flag[name]) for name in ("created_at", "last_seen_at"))
    assert made <= seen + timedelta(seconds=1)
    assert flag["potentially_stale"] is False
    alone = annals.as_owner("GET", f"/v1/flags/{world.flag}").json()
    assert alone["created_at"] == flag["created_at"]
