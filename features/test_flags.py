"""Steps of the flags."""

from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import Annals
from tests.support.target import Target

scenarios("flags.feature")


@given("a flag that is on")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("flag")
    world.answer = annals.define_flag(world.flag)


@given("somebody else has switched it off")
@when("an admin switches it off")
def _(annals: Annals, world: World) -> None:
    world.answers = [world.last]
    world.answer = annals.as_owner("POST", f"/v1/flags/{world.flag}/disable")
    assert world.last.status_code == 200


@when("an admin changes the version that was read")
def _(annals: Annals, world: World) -> None:
    read = world.answers[0].headers["etag"]
    body = {"enabled": True, "rollout": 10}
    world.answer = annals.as_owner("PUT", f"/v1/flags/{world.flag}", body, {"if-match": read})


@given(parsers.parse("an action behind a flag that is rolled out to {percent:d} percent"))
def _(annals: Annals, world: World, target: Target, percent: int) -> None:
    world.flag, world.action = annals.unique("gradual"), annals.unique("action")
    annals.define_flag(world.flag, rollout=percent)
    annals.define_action(world.action, target.url(world.action), flag=world.flag)


@when(parsers.parse("{users:d} users trigger it twice"))
def _(annals: Annals, world: World, users: int) -> None:
    for _ in range(users):
        user = annals.signed_in()
        world.answers += [annals.trigger(user.token, world.action) for _ in range(2)]


@then("it is off")
def _(annals: Annals, world: World) -> None:
    flag = annals.as_owner("GET", f"/v1/flags/{world.flag}").json()
    assert flag["enabled"] is False


@then("it can be seen as it was before")
def _(annals: Annals, world: World) -> None:
    before = world.answers[0].headers["annals-position"]
    path = f"/v1/flags/{world.flag}"
    assert annals.as_owner("GET", f"{path}?position={before}").json()["enabled"] is True
    history = annals.as_owner("GET", f"{path}/history").json()["items"]
    assert [event["type"] for event in history] == [
        "flag.defined",
        "flag.enabled",
        "flag.disabled",
    ]
    then = history[-2]["recorded_at"]
    assert annals.as_owner("GET", f"{path}?at={then}").json()["enabled"] is True


@then("the change is refused as stale")
def _(annals: Annals, world: World) -> None:
    assert world.problem(412)["type"].endswith("stale-version")
    assert annals.as_owner("GET", f"/v1/flags/{world.flag}").json()["enabled"] is False


@then("each user is answered the same both times")
def _(world: World) -> None:
    statuses = [answer.status_code for answer in world.answers]
    first, second = statuses[::2], statuses[1::2]
    assert first == second
    assert set(first) == {202, 403}
