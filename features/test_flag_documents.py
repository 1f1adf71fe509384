"""Steps of whole flag sets in the forms of other systems."""

import copy
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_bdd import given, parsers, scenarios, then, when
from yggdrasil_engine.engine import UnleashEngine

from features.conftest import World
from features.driver import Annals

scenarios("flag_documents.feature")

NORDIC = {"contextName": "country", "operator": "IN", "values": ["NO", "SE"]}


@dataclass
class Papers:
    """The document of one scenario, and where it goes."""

    environment: str
    format: str = "unleash"
    document: dict[str, Any] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def papers(annals: Annals) -> Papers:
    return Papers(annals.unique("environment"))


@given(parsers.parse("Unleash's document of version {version:d}"))
def _(annals: Annals, papers: Papers, version: int) -> None:
    gradual, parted, ours = (annals.unique(name) for name in ("gradual", "parted", "ours"))
    rollout = {
        "name": "flexibleRollout",
        "parameters": {"rollout": "40", "stickiness": "userId", "groupId": "shared"},
        "constraints": [NORDIC],
    }
    users = {"name": "userWithId", "parameters": {"userIds": "7, 9"}, "constraints": []}
    features = [
        {"name": gradual, "enabled": True, "strategies": [users, rollout], "variants": []},
        {
            "name": parted,
            "enabled": True,
            "strategies": [{"name": "default", "parameters": {}, "constraints": [NORDIC]}],
            "variants": [
                {"name": "a", "weight": 400, "weightType": "variable", "stickiness": "default"},
                {
                    "name": "b",
                    "weight": 600,
                    "weightType": "variable",
                    "stickiness": "default",
                    "payload": {"type": "json", "value": '{ "size" : 1 }'},
                },
            ],
        },
        {"name": ours, "enabled": False, "strategies": [rollout], "variants": []},
    ]
    papers.document = {"version": version, "features": features}
    if version == 2:
        features[1]["dependencies"] = [{"feature": gradual, "enabled": True}]
        papers.document["segments"] = []
    papers.names = [gradual, parted, ours]


@given(parsers.parse("one of its features has {fault}"))
def _(papers: Papers, fault: str) -> None:
    break_feature(papers, fault)


def break_feature(papers: Papers, fault: str) -> None:
    feature = papers.document["features"][1]
    strategy = feature["strategies"][0]
    match fault.strip():
        case "an unknown operator":
            strategy["constraints"] = [{**NORDIC, "operator": "NEARLY"}]
        case "bad weights":
            feature["variants"][0]["weight"] = 1
        case "an unknown segment":
            strategy["segments"] = [7]
        case "itself as its parent":
            feature["dependencies"] = [{"feature": feature["name"]}]
        case "no name":
            del feature["name"]


FRACTION = {"fractional": [["red", 50], ["blue", 50]]}


@given("flagd's definitions with targeting and fractions")
def _(annals: Annals, papers: Papers) -> None:
    colour, switch = annals.unique("colour"), annals.unique("switch")
    is_staff = {"ends_with": [{"var": "email"}, "@example.org"]}
    papers.format = "flagd"
    papers.document = {
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "flags": {
            colour: {
                "state": "ENABLED",
                "variants": {"red": "#f00", "blue": "#00f", "grey": "#888"},
                "defaultVariant": "grey",
                "targeting": {"if": [is_staff, FRACTION, None]},
            },
            switch: {
                "state": "ENABLED",
                "variants": {"on": True, "off": False},
                "defaultVariant": "off",
                "targeting": {"if": [{"sem_ver": [{"var": "version"}, "^", "2.1.0"]}, "on"]},
            },
        },
    }
    papers.names = [colour, switch]


@given("an environment with a flag of its own")
def _(annals: Annals, papers: Papers, world: World) -> None:
    world.flag = annals.unique("own")
    for environment in (papers.environment, "default"):
        annals.define_flag(world.flag, environment=environment)


def imported(annals: Annals, papers: Papers, world: World, **more: Any) -> None:
    body = {
        "format": papers.format,
        "environment": papers.environment,
        "document": papers.document,
        **more,
    }
    world.answer = annals.as_owner("POST", "/v1/flags/import", body)


@when("it is imported")
def _(annals: Annals, papers: Papers, world: World) -> None:
    imported(annals, papers, world)


@when("it is imported twice")
def _(annals: Annals, papers: Papers, world: World) -> None:
    imported(annals, papers, world)
    assert world.last.json()["changed"] == len(papers.names)
    imported(annals, papers, world, mode="replace")


@when("it is imported for a try")
def _(annals: Annals, papers: Papers, world: World) -> None:
    imported(annals, papers, world, dry_run=True)


@when(parsers.parse("a document without that flag {what}"))
def _(annals: Annals, papers: Papers, world: World, what: str) -> None:
    papers.names = [annals.unique("new")]
    papers.document = {"version": 2, "features": [{"name": papers.names[0], "strategies": []}]}
    imported(annals, papers, world, mode="replace" if "replaces" in what else "merge")
    assert world.last.json()["imported"] == 1


@when(parsers.parse("it is imported again when one of its features has {fault}"))
def _(annals: Annals, papers: Papers, world: World, fault: str) -> None:
    papers.before = copy.deepcopy(papers.document)
    break_feature(papers, fault)
    imported(annals, papers, world)


@then(parsers.parse("{count:d} people are answered as before"))
def _(annals: Annals, papers: Papers, count: int) -> None:
    papers.document = papers.before
    compare(annals, papers, count)


@then(parsers.parse("{count:d} people are answered as by Unleash's client"))
def _(annals: Annals, papers: Papers, world: World, count: int) -> None:
    assert world.last.json()["imported"] == len(papers.names), world.last.text
    compare(annals, papers, count)


def compare(annals: Annals, papers: Papers, count: int) -> None:
    """Hold the platform's answers against those of Unleash's engine."""
    engine = UnleashEngine()
    engine.take_state(json.dumps({**papers.document, "version": 2}))
    on = 0
    for number in range(count):
        user, country = str(number), ("NO", "SE", "DK")[number % 3]
        context = {"userId": user, "properties": {"country": country}}
        body = {"environment": papers.environment, "keys": papers.names, "context": context}
        answers = annals.as_owner("POST", "/v1/flags/evaluate", body).json()["flags"]
        for name in papers.names:
            assert answers[name]["enabled"] == bool(engine.is_enabled(name, context).is_enabled)
            variant = engine.get_variant(name, context).variant
            ours = answers[name]["variant"]
            assert (ours["name"] if ours else "disabled") == variant.name
            on += answers[name]["enabled"]
    assert 0 < on < count * len(papers.names)


@then("its export has the same features")
def _(annals: Annals, papers: Papers) -> None:
    version = papers.document["version"]
    path = f"/v1/flags/export?environment={papers.environment}&version={version}"
    exported = annals.as_owner("GET", path).json()
    assert exported["version"] == version
    by_name = {each["name"]: each for each in exported["features"]}
    for feature in papers.document["features"]:
        found = by_name[feature["name"]]
        assert found["enabled"] == feature["enabled"]
        for theirs, ours in zip(feature["strategies"], found["strategies"], strict=True):
            assert (ours["name"], ours["parameters"]) == (theirs["name"], theirs["parameters"])
        assert [each["weight"] for each in found["variants"]] == [
            each["weight"] for each in feature["variants"]
        ]
        assert [each.get("payload") for each in found["variants"]] == [
            each.get("payload") for each in feature["variants"]
        ]


@then("the second import has changed nothing")
def _(papers: Papers, world: World) -> None:
    again = world.last.json()
    assert (again["imported"], again["changed"], again["plan"]) == (len(papers.names), 0, {})


@then("it answers as flagd does")
def _(annals: Annals, papers: Papers) -> None:
    colour, switch = papers.names

    def value(flag: str, **context: Any) -> Any:
        return annals.evaluate(flag, context, environment=papers.environment)["value"]

    assert value(colour, targetingKey="ada") == "#888"
    seen = {value(colour, targetingKey=f"u{n}", email="a@example.org") for n in range(40)}
    assert seen == {"#f00", "#00f"}
    for version, expected in (("2.1.0", True), ("2.9.3", True), ("3.0.0", False), ("1.2.0", False)):
        assert value(switch, version=version) is expected
    assert value(switch) is False


@then("its export has the same definitions")
def _(annals: Annals, papers: Papers) -> None:
    path = f"/v1/flags/export?environment={papers.environment}&format=flagd"
    answer = annals.as_owner("GET", path)
    assert answer.status_code == 200, answer.text
    exported = answer.json()["flags"]
    for name in papers.names:
        theirs, ours = papers.document["flags"][name], exported[name]
        assert (ours["variants"], ours["state"]) == (theirs["variants"], theirs["state"])


@then("the plan names every flag, and nothing was changed")
def _(annals: Annals, papers: Papers, world: World) -> None:
    plan = world.last.json()
    assert (plan["dry_run"], sorted(plan["plan"])) == (True, sorted(papers.names))
    _absent(annals, papers)


def _absent(annals: Annals, papers: Papers) -> None:
    for name in papers.names:
        assert annals.as_owner("GET", f"/v1/flags/{name}").status_code == 404


@then("the flag is still on")
def _(annals: Annals, papers: Papers, world: World) -> None:
    assert annals.evaluate(world.flag, {}, environment=papers.environment)["enabled"]


@then("the flag is off there and on elsewhere")
def _(annals: Annals, papers: Papers, world: World) -> None:
    assert not annals.evaluate(world.flag, {}, environment=papers.environment)["enabled"]
    assert annals.evaluate(world.flag, {})["enabled"]


@then(parsers.parse("that is refused at {pointer}"))
def _(world: World, pointer: str) -> None:
    pointers = [each["pointer"] for each in world.problem(422)["errors"]]
    assert pointers == [pointer.strip()]


@then("none of its features is there")
def _(annals: Annals, papers: Papers) -> None:
    _absent(annals, papers)
