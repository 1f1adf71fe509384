"""Steps of the event log."""

import json

from pytest_bdd import given, scenarios, then, when

from features.conftest import World
from features.driver import Annals

scenarios("events.feature")


@given("a reader at the end of the log")
def _(annals: Annals, world: World) -> None:
    world.seen = annals.events()
    world.answers = []


@given("a live reader that has seen a flag being defined")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("live")
    start = annals.define_flag(world.flag).headers["annals-position"]
    after = str(annals.events(stream=f"flag/{world.flag}")[0]["position"] - 1)
    for event in annals.live({"after": after, "type": "flag.defined"}):
        world.seen = [event]
        break
    assert start


@when("a flag is defined")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("seen")
    headers = {"correlation-id": "0190f3a2-7b6e-7cc0-8d3a-1f2e3d4c5b6a"}
    body = {"enabled": False, "rollout": 100}
    world.answer = annals.as_owner("PUT", f"/v1/flags/{world.flag}", body, headers)
    assert world.last.status_code == 201


@when("it is cut off and two more flags are defined")
def _(annals: Annals, world: World) -> None:
    names = [annals.unique("later") for _ in range(2)]
    for name in names:
        annals.define_flag(name)
    for event in annals.live({"type": "flag.defined"}, last=world.seen[0]["token"]):
        world.seen.append(event)
        if event["stream"] == f"flag/{names[-1]}":
            break
    world.action = ",".join(names)


@when("an admin reads every event")
def _(annals: Annals, world: World) -> None:
    world.seen = annals.events()


@then("the reader sees it once, with its cause and its actor")
def _(annals: Annals, world: World) -> None:
    new = annals.events(after=str(world.seen[-1]["position"]))
    mine = [event for event in new if event["stream"] == f"flag/{world.flag}"]
    assert [event["type"] for event in mine] == ["flag.defined"]
    assert mine[0]["meta"]["correlation_id"] == "0190f3a2-7b6e-7cc0-8d3a-1f2e3d4c5b6a"
    assert mine[0]["meta"]["actor"].startswith("api-key/")


@then("it sees both after reconnecting, each once")
def _(world: World) -> None:
    streams = [event["stream"] for event in world.seen]
    expected = [f"flag/{name}" for name in [world.flag, *world.action.split(",")]]
    assert [stream for stream in streams if stream in expected] == expected
    assert len({event["position"] for event in world.seen}) == len(world.seen)


@then("no event shows a password or a token")
def _(world: World) -> None:
    assert world.user is not None
    everything = json.dumps(world.seen)
    secrets = (world.user.password, world.user.token, "$argon2")
    assert not [each for each in secrets if each in everything]
    positions = [event["position"] for event in world.seen]
    assert positions == list(range(positions[0], positions[0] + len(positions)))
