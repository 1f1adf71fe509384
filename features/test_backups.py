"""Steps of the backups."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import Annals, together
from tests.support.backups import flipped, new_version
from tests.support.platform import Platform

scenarios("backups.feature")

ENDED = {"backup.completed", "backup.failed"}
JUDGED = {"backup.verified", "backup.found_damaged", "backup.verification_failed"}


class Copies:
    """The backups of one scenario."""

    def __init__(self, annals: Annals, root: Path) -> None:
        self.annals = annals
        self.root = root
        self.versions: list[str] = []
        self.event: dict[str, Any] = {}
        self.before = ""

    @property
    def version(self) -> str:
        return self.versions[-1]

    def make(self, label: str = "") -> None:
        answer = self.annals.as_owner("POST", "/v1/backups", {"label": label})
        assert answer.status_code == 202, answer.text
        assert answer.json()["state"] == "running"
        self.versions.append(answer.json()["version"])
        assert self.until(ENDED)["type"] == "backup.completed"

    def until(self, types: set[str]) -> dict[str, Any]:
        """Follow the version's events until one of these comes."""
        for event in self.annals.live({"stream": f"backup/{self.version}", "after": "0"}):
            if event["type"] in types:
                self.before = event["token"]
                return event
        raise AssertionError(types)

    def get(self, version: str = "") -> dict[str, Any]:
        answer = self.annals.as_owner("GET", f"/v1/backups/{version or self.version}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def listed(self) -> dict[str, dict[str, Any]]:
        """Every version in the list, page by page, as of the last event that was seen."""
        found, cursor = [], ""
        headers = {"annals-consistent-after": self.before} if self.before else {}
        while cursor is not None:
            path = f"/v1/backups?limit=2&cursor={cursor}"
            answer = self.annals.as_owner("GET", path, headers=headers)
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            cursor = answer.json()["next"]
        assert [each["version"] for each in found] == sorted(
            (each["version"] for each in found), reverse=True
        )
        return {each["version"]: each for each in found}

    def place(self, version: str = "") -> Path:
        return self.root / "versions" / (version or self.version)

    def manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.place() / "manifest.json").read_text())["manifest"])

    def remember(self, answer: Any) -> None:
        """What follows is asked after what this command has recorded."""
        self.before = answer.headers["annals-position"]

    def eventually(self, what: Any) -> None:
        """Wait for what a worker does after an event that nothing follows."""
        while not what():
            time.sleep(0.05)


@pytest.fixture
def copies(annals: Annals, platform: Platform) -> Iterator[Copies]:
    yield Copies(annals, platform.data_dir / "backups")
    assert annals.as_owner("PUT", "/v1/backups/policy", {}).status_code == 200


@given("an event that somebody has caused")
def _(annals: Annals, copies: Copies) -> None:
    flag = annals.unique("kept")
    annals.define_flag(flag)
    copies.event = annals.events(stream=f"flag/{flag}")[-1]


@given("a backup")
def _(copies: Copies) -> None:
    copies.make()


@given("three backups")
def _(copies: Copies) -> None:
    for _ in range(3):
        copies.make()


@given("a backup in which one bit has changed")
def _(copies: Copies) -> None:
    copies.make()
    file = copies.place() / "events.copy.zst"
    file.write_bytes(flipped(file.read_bytes(), 999))


@given("a backup whose files are gone")
def _(copies: Copies) -> None:
    copies.make()
    copies.place().rename(copies.root / "elsewhere")


@when(parsers.parse('the owner asks for a backup called "{label}"'))
def _(copies: Copies, label: str) -> None:
    copies.make(label)


@when("the owner asks twice for a backup, with one idempotency key")
def _(annals: Annals, world: World) -> None:
    headers = {"idempotency-key": annals.unique("twice")}

    def ask() -> Any:
        return annals.as_owner("POST", "/v1/backups", {"label": "twice"}, headers)

    world.answers = together(ask, ask)


@when("its manifest is read from the repository")
def _() -> None:
    """The next step reads it."""


@when("the owner has it verified")
def _(annals: Annals, copies: Copies) -> None:
    answer = annals.as_owner("POST", f"/v1/backups/{copies.version}/verify")
    assert answer.status_code == 202, answer.text


@when("the owner has a backup verified that was never made")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.as_owner("POST", f"/v1/backups/{new_version()}/verify")


@when(parsers.parse('the owner calls it "{label}"'))
def _(annals: Annals, copies: Copies, label: str) -> None:
    answer = annals.as_owner("POST", f"/v1/backups/{copies.version}/label", {"label": label})
    assert answer.status_code == 200, answer.text
    copies.remember(answer)


@when("the owner deletes it")
def _(annals: Annals, copies: Copies, world: World) -> None:
    copies.before = annals.events(stream=f"backup/{copies.version}")[-1]["token"]
    world.answer = annals.as_owner("DELETE", f"/v1/backups/{copies.version}")
    assert world.answer.status_code == 204


@when(parsers.parse("the owner sets a policy that keeps the last {count:d}"))
def _(annals: Annals, copies: Copies, count: int) -> None:
    # the policy looks at what the list has, which follows what was recorded
    copies.eventually(
        lambda: all(
            copies.listed().get(version, {}).get("state") == "completed"
            for version in copies.versions
        )
    )
    answer = annals.as_owner("PUT", "/v1/backups/policy", {"retention": {"last": count}})
    assert answer.status_code == 200, answer.text


@when("the owner prunes")
def _(annals: Annals, copies: Copies, world: World) -> None:
    world.answer = annals.as_owner("POST", "/v1/backups/prune")
    assert world.answer.status_code == 200
    copies.remember(world.answer)


@when(parsers.parse('the owner sets a policy with the schedule "{cron}" in "{zone}"'))
def _(annals: Annals, world: World, cron: str, zone: str) -> None:
    world.answers = [annals.as_owner("GET", "/v1/backups/policy")]
    body = {"schedule": {"cron": cron, "time_zone": zone}}
    world.answer = annals.as_owner("PUT", "/v1/backups/policy", body)


@when("the user asks for a backup")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.request("POST", "/v1/backups", token=world.token, body={})


@then("it is made, and holds that event")
def _(copies: Copies) -> None:
    made = copies.get()
    assert made["state"] == "completed"
    assert made["position"] >= copies.event["position"]
    assert made["events"] == made["position"]
    assert made["bytes"] == sum(part["bytes"] for part in made["parts"])


@then(parsers.parse('it is in the list as "{label}"'))
def _(copies: Copies, label: str) -> None:
    listed = copies.listed()[copies.version]
    assert (listed["label"], listed["state"]) == (label, "completed")


@then("its history says when it was started and completed")
def _(annals: Annals, copies: Copies) -> None:
    history = annals.as_owner("GET", f"/v1/backups/{copies.version}/history").json()["items"]
    assert [each["type"] for each in history] == ["backup.started", "backup.completed"]


@then("both answers are the same")
def _(world: World) -> None:
    first, second = world.answers
    assert first.json() == second.json()
    replayed = [answer.headers.get("idempotent-replayed") for answer in world.answers]
    assert sorted(map(str, replayed)) == ["None", "true"]


@then("it tells the version, the log's position and the size as the list does")
def _(copies: Copies) -> None:
    manifest, listed = copies.manifest(), copies.listed()[copies.version]
    assert manifest["version"] == copies.version
    assert manifest["position"] == listed["position"]
    assert sum(part["bytes"] for part in manifest["parts"]) == listed["bytes"]


@then("it is found sound")
def _(copies: Copies) -> None:
    judged = copies.until(JUDGED)
    assert judged["type"] == "backup.verified", judged
    now = copies.get()
    assert now["verification"] == {"state": "sound", "faults": []}
    assert judged["data"]["events"] == now["events"]
    assert judged["data"]["streams"] > 0


@then("it is found damaged, and the file is named")
def _(copies: Copies) -> None:
    assert copies.until(JUDGED)["type"] == "backup.found_damaged"
    verification = copies.get()["verification"]
    assert verification["state"] == "damaged"
    assert verification["faults"][0].startswith("events.copy.zst")
    assert copies.listed()[copies.version]["verification"] == "damaged"


@then("the list says that it is missing")
def _(copies: Copies) -> None:
    assert copies.listed()[copies.version]["state"] == "missing"
    assert copies.get()["state"] == "missing"


@then("the repository calls it so, too")
def _(copies: Copies) -> None:
    label = copies.get()["label"]
    copies.eventually(lambda: copies.manifest()["label"] == label)


@then("it is in no list and in no repository")
def _(annals: Annals, copies: Copies, world: World) -> None:
    copies.before, before = world.last.headers["annals-position"], copies.before
    assert copies.version not in copies.listed()
    assert annals.as_owner("GET", f"/v1/backups/{copies.version}").status_code == 404
    copies.eventually(lambda: not copies.place().exists())
    copies.before = before


@then("it was in the list at the time before")
def _(annals: Annals, copies: Copies) -> None:
    path = f"/v1/backups/{copies.version}?position={copies.before}"
    assert annals.as_owner("GET", path).json()["state"] == "completed"


@then(parsers.parse("the newest {count:d} are left"))
def _(copies: Copies, world: World, count: int) -> None:
    kept = copies.versions[-count:]
    assert copies.versions[0] in world.last.json()["pruned"]
    left = [version for version, each in copies.listed().items() if each["state"] == "completed"]
    assert left[:count] == kept[::-1]
    copies.eventually(lambda: not copies.place(copies.versions[0]).exists())


@then(parsers.parse('it is refused, with the faults at "{one}" and "{other}"'))
def _(world: World, one: str, other: str) -> None:
    assert [each["pointer"] for each in world.problem(422)["errors"]] == [one, other]


@then("the policy is what it was")
def _(annals: Annals, world: World) -> None:
    assert annals.as_owner("GET", "/v1/backups/policy").json() == world.answers[0].json()


@then("there is no such backup")
def _(world: World) -> None:
    assert world.problem(404)["type"] == "/problems/no-such-backup"
