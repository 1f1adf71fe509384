"""Steps of the flags."""

import json
from typing import Any

from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import Annals
from tests.support.target import Target

scenarios("flags.feature")


def constraint(field: str, operator: str, *values: str, **more: bool) -> dict[str, Any]:
    return {
        "kind": "constraint",
        "field": field,
        "operator": operator,
        "values": list(values),
        **more,
    }


NORWAY, SWEDEN = constraint("country", "IN", "NO"), constraint("country", "IN", "SE")


def put_rules(
    annals: Annals, flag: str, *conditions: Any, status: int = 200, **more: Any
) -> dict[str, Any]:
    body = {"rules": [{"condition": each} for each in conditions], **more}
    answer = annals.as_owner("PUT", f"/v1/flags/{flag}/rules", body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def is_on(annals: Annals, flag: str, at: str = "", **context: Any) -> bool:
    return bool(annals.evaluate(flag, context, at=at)["enabled"])


@given("a flag that is on")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("flag")
    world.answer = annals.define_flag(world.flag)


@given("a flag that is on in two environments")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("flag")
    for environment in ("default", "staging"):
        annals.define_flag(world.flag, environment=environment)


@given("a flag that is on for Norwegians")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("flag")
    world.answer = annals.define_flag(world.flag, rules=[{"condition": NORWAY}])


@given(parsers.parse("a flag that is on where {field} {operator} {value}"))
def _(annals: Annals, world: World, field: str, operator: str, value: str) -> None:
    world.flag, world.member = annals.unique("flag"), field
    condition = constraint(field, operator, value)
    annals.define_flag(world.flag, rules=[{"condition": condition}])


@given("a flag whose constraint is inverted and folds case")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("flag")
    condition = constraint("plan", "IN", "Free", inverted=True, case_insensitive=True)
    annals.define_flag(world.flag, rules=[{"condition": condition}])


@given("a flag for Norwegians, and for adults of the paid plan")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("flag")
    paying = {
        "kind": "all",
        "of": [constraint("age", "NUM_GTE", "18"), constraint("plan", "IN", "paid")],
    }
    condition = {"kind": "any", "of": [NORWAY, paying]}
    annals.define_flag(world.flag, rules=[{"condition": condition}])


@given("a flag whose first rule serves testers red and whose second serves others blue")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("flag")
    testers = constraint("group", "IN", "testers")
    annals.define_flag(
        world.flag,
        kind="string",
        rules=[{"condition": testers, "serve": "red"}, {"serve": "blue"}],
        variants=[
            {"name": name, "weight": 500, "payload": {"type": "string", "value": name}}
            for name in ("red", "blue")
        ],
    )


@given("two flags for the segment of beta testers")
def _(annals: Annals, world: World) -> None:
    world.segment = annals.unique("testers")
    body = {"condition": constraint("userId", "IN", "ada")}
    assert annals.as_owner("PUT", f"/v1/segments/{world.segment}", body).status_code == 201
    world.flags = [annals.unique("flag") for _ in range(2)]
    for flag in world.flags:
        rule = {"condition": {"kind": "segment", "segment": world.segment}}
        annals.define_flag(flag, rules=[rule])
        assert not is_on(annals, flag, userId="bob")


@given("a flag that depends on another")
def _(annals: Annals, world: World) -> None:
    world.flags = [annals.unique("base"), annals.unique("flag")]
    base, flag = world.flags
    annals.define_flag(base)
    annals.define_flag(flag, prerequisites=[{"flag": base}])
    assert is_on(annals, flag)


@given(parsers.parse("a flag of the kind {kind} that serves {value}, or {default} when it is off"))
def _(annals: Annals, world: World, kind: str, value: str, default: str) -> None:
    world.flag = annals.unique("flag")
    payload = {"type": kind, "value": json.loads(value) if kind == "string" else value}
    annals.define_flag(
        world.flag,
        kind=kind,
        default=json.loads(default),
        rules=[{}],
        variants=[{"name": "it", "weight": 1000, "payload": payload}],
    )


@given("a flag with two variants of 75 and 25 percent")
def _(annals: Annals, world: World) -> None:
    world.flag = annals.unique("flag")
    variants = [{"name": "a", "weight": 750}, {"name": "b", "weight": 250}]
    annals.define_flag(world.flag, rules=[{}], variants=variants)


@given(parsers.parse("a flag that is rolled out to {percent:d} percent"))
def _(annals: Annals, world: World, percent: int) -> None:
    world.flag = annals.unique("flag")
    annals.define_flag(world.flag, rollout=percent)
    world.seen = [{"user": each} for each in people(annals, world.flag)]


def people(annals: Annals, flag: str) -> dict[str, Any]:
    """Those of a thousand people who have a flag, and what it answers them.

    They are those who would be answered otherwise by a draft that is off.
    """
    contexts = [{"userId": f"user-{number}"} for number in range(1000)]
    body = {"enabled": False, "contexts": contexts}
    flips = annals.as_owner("POST", f"/v1/flags/{flag}/try", body).json()["flips"]
    return {each["context"]["userId"]: each["before"] for each in flips}


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


@when("an admin kills it")
def _(annals: Annals, world: World) -> None:
    body = {"reason": "it burns"}
    assert annals.as_owner("POST", f"/v1/flags/{world.flag}/kill", body).status_code == 200


@when("an admin archives it")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.as_owner("POST", f"/v1/flags/{world.flag}/archive")
    assert world.last.status_code == 200


@when("an admin replaces its rules and takes that back")
def _(annals: Annals, world: World) -> None:
    version = world.last.json()["version"]
    put_rules(annals, world.flag, SWEDEN)
    assert not is_on(annals, world.flag, country="NO")
    body = {"version": version}
    assert annals.as_owner("POST", f"/v1/flags/{world.flag}/revert", body).status_code == 200


@when(parsers.parse("an admin widens the rollout to {percent:d} percent"))
def _(annals: Annals, world: World, percent: int) -> None:
    body = {"rollout": percent}
    assert annals.as_owner("POST", f"/v1/flags/{world.flag}/rollout", body).status_code == 200


@when("an admin lets somebody else into the segment")
def _(annals: Annals, world: World) -> None:
    body = {"condition": constraint("userId", "IN", "ada", "bob")}
    assert annals.as_owner("PUT", f"/v1/segments/{world.segment}", body).status_code == 200


@when("an admin archives the segment")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.as_owner("POST", f"/v1/segments/{world.segment}/archive")


@when("an admin switches the other one off")
def _(annals: Annals, world: World) -> None:
    assert annals.as_owner("POST", f"/v1/flags/{world.flags[0]}/disable").status_code == 200


@when("an admin makes it one for Swedes")
def _(annals: Annals, world: World) -> None:
    put_rules(annals, world.flag, SWEDEN)


BAD: dict[str, dict[str, Any]] = {
    "a rule with a bad pattern": {"rules": [{"condition": constraint("a", "REGEX", "(")}]},
    "a rule with a bad version": {"rules": [{"condition": constraint("a", "SEMVER_GT", "x")}]},
    "a rule with a bad network": {"rules": [{"condition": constraint("a", "CIDR", "10/99")}]},
    "a rule for an unknown segment": {
        "rules": [{"condition": {"kind": "segment", "segment": "nobody"}}]
    },
    "weights that do not add up": {
        "rules": [{}],
        "variants": [{"name": "a", "weight": 600}, {"name": "b", "weight": 300}],
    },
    "an unknown strategy": {"rules": [{"strategy": "magic"}]},
    "an unknown prerequisite": {"prerequisites": [{"flag": "nobody"}]},
}


@when(parsers.parse("an admin gives it {what}"))
def _(annals: Annals, world: World, what: str) -> None:
    itself = {"prerequisites": [{"flag": world.flag}]}
    body = {"enabled": True, **BAD.get(what.strip(), itself)}
    world.answers = [world.last]
    world.answer = annals.as_owner("PUT", f"/v1/flags/{world.flag}", body)


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
    assert not is_on(annals, world.flag)


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


@then("it is off in both")
def _(annals: Annals, world: World) -> None:
    for environment in ("default", "staging"):
        found = annals.evaluate(world.flag, {}, environment=environment)
        assert (found["enabled"], found["reason"]) == (False, "DISABLED")


@then("it is on again in both once it is released")
def _(annals: Annals, world: World) -> None:
    assert annals.as_owner("POST", f"/v1/flags/{world.flag}/release").status_code == 200
    for environment in ("default", "staging"):
        assert annals.evaluate(world.flag, {}, environment=environment)["enabled"]


@then("it is off and left out of lists")
def _(annals: Annals, world: World) -> None:
    assert not is_on(annals, world.flag)
    headers = {"annals-consistent-after": world.last.headers["annals-position"]}
    path = f"/v1/flags?q={world.flag}"
    listed = annals.as_owner("GET", path, headers=headers).json()["items"]
    archived = annals.as_owner("GET", f"{path}&archived=true", headers=headers).json()["items"]
    assert (listed, [each["key"] for each in archived]) == ([], [world.flag])


@then("it comes back as it was when it is revived")
def _(annals: Annals, world: World) -> None:
    assert annals.as_owner("POST", f"/v1/flags/{world.flag}/revive").status_code == 200
    assert is_on(annals, world.flag)


@then("it is on for Norwegians again, and the history has all of it")
def _(annals: Annals, world: World) -> None:
    assert is_on(annals, world.flag, country="NO")
    assert not is_on(annals, world.flag, country="SE")
    history = annals.as_owner("GET", f"/v1/flags/{world.flag}/history").json()["items"]
    changes = [event for event in history if event["type"] == "flag.rules_changed"]
    assert len(changes) == 3
    assert changes[0]["data"] == changes[2]["data"]


@then("each user is answered the same both times")
def _(world: World) -> None:
    statuses = [answer.status_code for answer in world.answers]
    first, second = statuses[::2], statuses[1::2]
    assert first == second
    assert set(first) == {202, 403}


@then("everybody who had it still has it, and others have it too")
def _(annals: Annals, world: World) -> None:
    before = {each["user"] for each in world.seen}
    assert before < people(annals, world.flag).keys()


@then(parsers.parse("it is on where that is {inside} and off where it is {outside}"))
def _(annals: Annals, world: World, inside: str, outside: str) -> None:
    assert is_on(annals, world.flag, **{world.member: inside})
    assert not is_on(annals, world.flag, **{world.member: outside})


@then("it is off for the value in another case, and on for everything else")
def _(annals: Annals, world: World) -> None:
    assert not is_on(annals, world.flag, plan="fREE")
    assert is_on(annals, world.flag, plan="paid")
    assert is_on(annals, world.flag)


@then("it is on for each of these and off for a foreign child")
def _(annals: Annals, world: World) -> None:
    assert is_on(annals, world.flag, country="NO", age=7)
    assert is_on(annals, world.flag, country="SE", age=40, plan="paid")
    assert not is_on(annals, world.flag, country="SE", age=7, plan="paid")


@then("a tester sees red and another person blue")
def _(annals: Annals, world: World) -> None:
    assert annals.evaluate(world.flag, {"group": "testers"})["value"] == "red"
    assert annals.evaluate(world.flag, {"group": "people"})["value"] == "blue"


@then("both flags are on for them")
def _(annals: Annals, world: World) -> None:
    assert all(is_on(annals, flag, userId="bob") for flag in world.flags)


@then("both are off")
def _(annals: Annals, world: World) -> None:
    assert not any(is_on(annals, flag) for flag in world.flags)


@then(parsers.parse("it serves {value} once it is off"))
def _(annals: Annals, world: World, value: str) -> None:
    annals.as_owner("POST", f"/v1/flags/{world.flag}/disable")
    found = annals.evaluate(world.flag, {})
    assert (found["value"], found["reason"]) == (json.loads(value), "DISABLED")


@then(parsers.re(r"it serves (?P<value>\S.*?(?<!off))$"))
def _(annals: Annals, world: World, value: str) -> None:
    assert annals.evaluate(world.flag, {})["value"] == json.loads(value)


@then("about three of four people see the first, always the same")
def _(annals: Annals, world: World) -> None:
    seen = {user: each["variant"]["name"] for user, each in people(annals, world.flag).items()}
    assert 680 < list(seen.values()).count("a") < 820
    for user in ("user-1", "user-2", "user-3"):
        assert annals.evaluate(world.flag, {"userId": user})["variant"]["name"] == seen[user]


@then(parsers.parse("that is refused at {pointer}"))
def _(world: World, pointer: str) -> None:
    assert [each["pointer"] for each in world.problem(422)["errors"]] == [pointer.strip()]


@then("the flag has not changed")
def _(annals: Annals, world: World) -> None:
    now, before = annals.as_owner("GET", f"/v1/flags/{world.flag}"), world.answers[0]
    assert {name: now.json()[name] for name in before.json()} == before.json()
    assert is_on(annals, world.flag)


@then("that is refused, naming the flags")
def _(world: World) -> None:
    assert world.problem(409)["flags"] == sorted(world.flags)


@then("a Norwegian has it at the time before, and has not now")
def _(annals: Annals, world: World) -> None:
    history = annals.as_owner("GET", f"/v1/flags/{world.flag}/history").json()["items"]
    before = history[-2]["recorded_at"]
    assert is_on(annals, world.flag, at=before, country="NO")
    assert not is_on(annals, world.flag, country="NO")
    body = {"keys": [world.flag], "context": {"country": "NO"}, "at": before}
    found = annals.as_owner("POST", "/v1/flags/evaluate", body).json()["flags"][world.flag]
    assert (found["enabled"], found["version"]) == (True, len(history) - 1)


@then("the explanation for a Swede names the rule, the field and the value")
def _(annals: Annals, world: World) -> None:
    body = {"context": {"country": "SE"}}
    told = annals.as_owner("POST", f"/v1/flags/{world.flag}/explain", body).json()
    [rule] = told["rules"]
    assert (rule["id"], rule["outcome"]) == ("rule-1", "condition")
    condition = rule["condition"]
    assert (condition["field"], condition["found"], condition["holds"]) == (
        "country",
        "SE",
        False,
    )
    assert told["evaluation"]["enabled"] is False
    assert told["summary"]


@then("the difference between the versions is that value")
def _(annals: Annals, world: World) -> None:
    version = world.last.json()["version"]
    diff = annals.as_owner("GET", f"/v1/flags/{world.flag}/diff?from={version}").json()
    assert (diff["from"], diff["to"]) == (version, version + 1)
    assert diff["changes"] == [
        {
            "pointer": "/settings/default/rules/0/condition/values/0",
            "before": "NO",
            "after": "SE",
        }
    ]


@then("a draft for Swedes flips one Norwegian and one Swede, and changes nothing")
def _(annals: Annals, world: World) -> None:
    contexts = [{"country": country} for country in ("NO", "SE", "DK")]
    body = {"rules": [{"condition": SWEDEN}], "contexts": contexts}
    trial = annals.as_owner("POST", f"/v1/flags/{world.flag}/try", body).json()
    assert (trial["tried"], trial["flipped"]) == (3, 2)
    flips = {each["context"]["country"]: each["after"]["enabled"] for each in trial["flips"]}
    assert flips == {"NO": False, "SE": True}
    assert is_on(annals, world.flag, country="NO")
