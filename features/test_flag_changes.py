"""Steps of the changes of flags."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import Annals

scenarios("flag_changes.feature")

ON = {"kind": "enable"}
ALL = {"id": "all"}


@dataclass
class Planning:
    """What one scenario knows about a change."""

    change: dict[str, Any] = field(default_factory=dict)
    proposer: str = ""
    read: int = 0
    due: datetime = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def planning() -> Planning:
    return Planning()


def admin(annals: Annals) -> str:
    """The token of somebody who may change flags, and is not the owner."""
    user = annals.register()
    granted = annals.as_owner("PUT", f"/v1/accounts/{user.account}/role", {"role": "admin"})
    assert granted.status_code == 200, granted.text
    annals.sign_in(user)
    return user.token


def define(annals: Annals, world: World, planning: Planning, **what: Any) -> None:
    world.flag = annals.unique("planned")
    defined = annals.as_owner("PUT", f"/v1/flags/{world.flag}", {"enabled": False, **what})
    assert defined.status_code == 201, defined.text
    planning.read = defined.json()["version"]


def flag(annals: Annals, world: World) -> dict[str, Any]:
    return dict(annals.as_owner("GET", f"/v1/flags/{world.flag}").json())


def plan(
    annals: Annals, world: World, planning: Planning, way: str = "changes", **body: Any
) -> dict[str, Any]:
    path = f"/v1/flags/{world.flag}/{way}"
    token = planning.proposer or annals.owner
    world.answer = annals.request("POST", path, token=token, body=body)
    assert world.last.status_code == 201, world.last.text
    planning.change = world.last.json()
    return planning.change


def act(annals: Annals, world: World, planning: Planning, word: str, token: str = "") -> None:
    path = f"/v1/flag-changes/{planning.change['id']}/{word}"
    body: Any = {"reason": "too early"} if word in {"reject", "cancel"} else None
    world.answer = annals.request("POST", path, token=token or annals.owner, body=body)
    assert world.last.status_code < 500, world.last.text


def look(annals: Annals, planning: Planning) -> dict[str, Any]:
    path = f"/v1/flag-changes/{planning.change['id']}"
    return dict(annals.as_owner("GET", path).json())


def follow(annals: Annals, stream: str, type_: str, times: int = 1) -> dict[str, Any]:
    """Wait for an event of a stream, and give it."""
    for event in annals.live({"stream": stream, "after": "0"}):
        if event["type"] == type_:
            times -= 1
            if not times:
                return event
    raise AssertionError(type_)


# flags


@given("a protected flag that is off")
def _(annals: Annals, world: World, planning: Planning) -> None:
    define(annals, world, planning, protected=True)


@given("an unprotected flag that is off")
def _(annals: Annals, world: World, planning: Planning) -> None:
    define(annals, world, planning)


@given("an unprotected flag that is on for nobody")
def _(annals: Annals, world: World, planning: Planning) -> None:
    define(annals, world, planning, enabled=True, rollout=0)


@given("the flag has been archived")
def _(annals: Annals, world: World) -> None:
    assert annals.as_owner("POST", f"/v1/flags/{world.flag}/archive").status_code == 200


@given("somebody else has changed it since it was read")
@given("somebody else has changed its rules")
def _(annals: Annals, world: World) -> None:
    body = {"rules": [{"id": "theirs"}]}
    changed = annals.as_owner("PUT", f"/v1/flags/{world.flag}/rules", body)
    assert changed.status_code == 200, changed.text


@then("the flag is on")
def _(annals: Annals, world: World) -> None:
    assert flag(annals, world)["enabled"] is True


@then("the flag is still off")
def _(annals: Annals, world: World) -> None:
    assert flag(annals, world)["enabled"] is False


# approval


@given("somebody has proposed to switch it on")
def _(annals: Annals, world: World, planning: Planning) -> None:
    planning.proposer = admin(annals)
    assert plan(annals, world, planning, edits=[ON])["state"] == "proposed"


@when("another admin approves")
def _(annals: Annals, world: World, planning: Planning) -> None:
    act(annals, world, planning, "approve", admin(annals))
    assert world.last.json()["state"] == "completed", world.last.text


@when("the same person approves")
def _(annals: Annals, world: World, planning: Planning) -> None:
    act(annals, world, planning, "approve", planning.proposer)


@when("another admin rejects it")
def _(annals: Annals, world: World, planning: Planning) -> None:
    act(annals, world, planning, "reject", admin(annals))
    assert world.last.json()["state"] == "rejected", world.last.text


@when("an admin wants it switched on at once")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.as_owner("POST", f"/v1/flags/{world.flag}/enable")


@then("its history tells who approved")
def _(annals: Annals, planning: Planning) -> None:
    change = look(annals, planning)
    history = annals.events(stream=f"flag-change/{change['id']}")
    assert [each["type"] for each in history] == [
        "flag_change.proposed",
        "flag_change.approved",
        "flag_change.step_carried_out",
        "flag_change.completed",
    ]
    assert history[0]["meta"]["actor"] == change["proposer"]
    assert history[1]["meta"]["actor"] == change["approver"] != change["proposer"]


@then("it is refused, because another must")
def _(world: World) -> None:
    assert world.problem(403)["type"].endswith("proposer-approves")


@then("nobody can approve it any more")
def _(annals: Annals, world: World, planning: Planning) -> None:
    act(annals, world, planning, "approve", admin(annals))
    assert world.problem(409)["state"] == "rejected"


@then("it is refused, and the answer says how to propose it")
def _(world: World) -> None:
    problem = world.problem(409)
    assert problem["type"].endswith("flag-is-protected")
    assert f"/v1/flags/{world.flag}/changes" in problem["detail"]


# scheduled


@when("it is to be switched on in a moment")
def _(annals: Annals, world: World, planning: Planning) -> None:
    planning.due = datetime.now(UTC) + timedelta(seconds=1)
    plan(annals, world, planning, edits=[ON], at=planning.due.isoformat())


@given("it is to be switched on tomorrow")
def _(annals: Annals, world: World, planning: Planning) -> None:
    at = datetime.now(UTC) + timedelta(days=1)
    plan(annals, world, planning, edits=[ON], at=at.isoformat())
    position = world.last.headers["annals-position"]
    assert planning.change["id"] in scheduled(annals, position)


def scheduled(annals: Annals, after: str) -> list[str]:
    headers = {"annals-consistent-after": after}
    page = annals.as_owner("GET", "/v1/flag-changes?state=scheduled&limit=1000", headers=headers)
    return [each["id"] for each in page.json()["items"]]


@given("it is to be switched on when somebody says so")
def _(annals: Annals, world: World, planning: Planning) -> None:
    plan(annals, world, planning, steps=[{"edits": [ON], "hold": True}])


@given("its rules are to be replaced when somebody says so")
def _(annals: Annals, world: World, planning: Planning) -> None:
    edit = {"kind": "set_rules", "rules": [ALL]}
    plan(annals, world, planning, steps=[{"edits": [edit], "hold": True}])


@when("somebody says so")
def _(annals: Annals, world: World, planning: Planning) -> None:
    assert planning.change["state"] == "held"
    act(annals, world, planning, "advance")


@when("the change is cancelled")
def _(annals: Annals, world: World, planning: Planning) -> None:
    act(annals, world, planning, "cancel")


@then("it is off until then, and on afterwards")
def _(annals: Annals, world: World, planning: Planning) -> None:
    event, due = follow(annals, f"flag/{world.flag}", "flag.enabled"), planning.due
    assert datetime.fromisoformat(event["recorded_at"]) >= due
    path = f"/v1/flags/{world.flag}"
    assert annals.as_owner("GET", f"{path}?position={event['token']}").json()["enabled"] is True
    before = (due - timedelta(milliseconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert annals.as_owner("GET", f"{path}?at={before}").json()["enabled"] is False


@then("it has been switched on once")
def _(annals: Annals, world: World, planning: Planning) -> None:
    follow(annals, f"flag-change/{planning.change['id']}", "flag_change.completed")
    events = [each["type"] for each in annals.events(stream=f"flag/{world.flag}")]
    assert events.count("flag.enabled") == 1
    assert look(annals, planning)["state"] == "completed"


@then("it is not among the scheduled changes any more")
def _(annals: Annals, world: World, planning: Planning) -> None:
    position = world.last.headers["annals-position"]
    assert planning.change["id"] not in scheduled(annals, position)
    headers = {"annals-consistent-after": position}
    path = f"/v1/flags/{world.flag}/changes"
    [listed] = annals.as_owner("GET", path, headers=headers).json()["items"]
    assert (listed["id"], listed["state"]) == (planning.change["id"], "cancelled")


@then("it can be seen as it was scheduled")
def _(annals: Annals, planning: Planning) -> None:
    path = f"/v1/flag-changes/{planning.change['id']}"
    first = annals.as_owner("GET", f"{path}/history").json()["items"][0]
    before = annals.as_owner("GET", f"{path}?at={first['recorded_at']}").json()
    assert (before["state"], look(annals, planning)["state"]) == ("scheduled", "cancelled")


@then("the change has failed, and says why")
def _(world: World) -> None:
    change = world.last.json()
    assert (change["state"], change["failure"]["code"]) == ("failed", "flag-is-archived")


# rolled out


@when("it is rolled out to 10, then 50, then, when somebody says so, 100 percent")
def _(annals: Annals, world: World, planning: Planning) -> None:
    steps = [{"rollout": 10}, {"rollout": 50, "pause": "1s"}, {"rollout": 100, "hold": True}]
    change = plan(annals, world, planning, "rollouts", steps=steps)
    assert [each["done"] for each in change["steps"]] == [True, False, False]


@then("it comes to 50 percent by itself and waits")
def _(annals: Annals, world: World, planning: Planning) -> None:
    stream = f"flag-change/{planning.change['id']}"
    second = follow(annals, stream, "flag_change.step_carried_out", times=2)
    due = datetime.fromisoformat(planning.change["next_at"])
    assert datetime.fromisoformat(second["recorded_at"]) >= due
    assert flag(annals, world)["rollout"] == 50
    assert look(annals, planning)["state"] == "held"


@then("once somebody advances it, it is on for everybody")
def _(annals: Annals, world: World, planning: Planning) -> None:
    act(annals, world, planning, "advance")
    assert world.last.json()["state"] == "completed"
    assert flag(annals, world)["rollout"] == 100


@given("it is being rolled out with an hour between the steps")
def _(annals: Annals, world: World, planning: Planning) -> None:
    steps = [{"rollout": 10}, {"rollout": 50, "pause": "1h"}]
    assert plan(annals, world, planning, "rollouts", steps=steps)["state"] == "scheduled"


@when("somebody pauses the rollout")
def _(annals: Annals, world: World, planning: Planning) -> None:
    act(annals, world, planning, "pause")
    assert world.last.json()["state"] == "paused"


@then("nobody can advance it before it is resumed")
def _(annals: Annals, world: World, planning: Planning) -> None:
    act(annals, world, planning, "advance")
    assert world.problem(409)["type"].endswith("flag-change-is-paused")
    assert flag(annals, world)["rollout"] == 10
    act(annals, world, planning, "resume")
    act(annals, world, planning, "advance")
    assert flag(annals, world)["rollout"] == 50


# drafts


@when("a change is proposed for the version that was read")
def _(annals: Annals, world: World, planning: Planning) -> None:
    body = {"edits": [{"kind": "set_rules", "rules": [ALL]}], "version": planning.read}
    world.answer = annals.as_owner("POST", f"/v1/flags/{world.flag}/changes", body)


@then("it is refused as a draft of an old version")
def _(annals: Annals, world: World) -> None:
    assert world.problem(409)["type"].endswith("draft-is-old")
    assert [rule["id"] for rule in flag(annals, world)["rules"]] == ["theirs"]


@then("the change has failed, because it was overtaken")
def _(world: World) -> None:
    change = world.last.json()
    assert (change["state"], change["failure"]["code"]) == ("failed", "draft-is-overtaken")


@then("the rules are those of somebody else")
def _(annals: Annals, world: World) -> None:
    assert [rule["id"] for rule in flag(annals, world)["rules"]] == ["theirs"]


# refused


@when(parsers.re("a change is proposed with (?P<body>.*)"))
def _(annals: Annals, world: World, body: str) -> None:
    path = f"/v1/flags/{world.flag}/changes"
    world.answer = annals.as_owner("POST", path, json.loads(body))


@then(parsers.re("the refusal of the change points to (?P<pointer>.*)"))
def _(annals: Annals, world: World, pointer: str) -> None:
    assert [error["pointer"] for error in world.problem(422)["errors"]] == [pointer]
    proposed = annals.events(type="flag_change.proposed")
    assert world.flag not in {event["data"]["flag"] for event in proposed}
