"""Steps of restores. They disturb everybody, so they have a platform of their own."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from features.conftest import World
from features.driver import PATIENCE, Annals, User
from tests.support.platform import Platform
from tests.support.services import Services
from tests.support.target import Target

scenarios("restore.feature")

REASON = "somebody slipped"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, services: Services) -> Iterator[Platform]:
    data_dir: Path = tmp_path_factory.mktemp("restores") / "data"
    database = services.new_database()
    platform = Platform(data_dir, DATABASE_URL=database, REDIS_URL=services.redis_url)
    platform.start()
    yield platform
    assert platform.stop() == 0, platform.log.read_text()
    services.drop_database(database)


@pytest.fixture
def annals(platform: Platform) -> Iterator[Annals]:
    driver = platform.driver()
    driver.patient = True
    yield driver
    driver.close()


@dataclass
class Restored:
    """What one scenario knows of its backup and its restore."""

    version: str = ""
    base: int = 0
    tail: int = 0
    old_token: str = ""
    flags: list[str] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    refused: list[httpx.Response] = field(default_factory=list)


@pytest.fixture
def restored() -> Restored:
    return Restored()


def last_position(annals: Annals) -> int:
    return int(annals.events()[-1]["position"])


def plan(annals: Annals, restored: Restored, **body: Any) -> dict[str, Any]:
    answer = annals.as_owner("POST", f"/v1/backups/{restored.version}/restore", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ask(annals: Annals, restored: Restored, **body: Any) -> httpx.Response:
    path = f"/v1/backups/{restored.version}/restore"
    return annals.as_owner("POST", path, {"reason": REASON, **body})


def carry_out(annals: Annals, restored: Restored, **where: Any) -> None:
    """Restore, and wait until the new log serves."""
    restored.old_token = annals.events()[-1]["token"]
    restored.plan = plan(annals, restored, **where)
    answer = ask(annals, restored, confirm=restored.plan["confirm"], **where)
    assert answer.status_code == 202, answer.text
    restored.asked = answer.json()
    wait_for(annals, restored)


def wait_for(annals: Annals, restored: Restored) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = annals.as_owner("GET", f"/v1/restores/{restored.asked['id']}")
        assert answer.status_code == 200, answer.text
        state = answer.json()["state"]
        if state != "running":
            assert state == "completed", answer.text
            return
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.1)


@given("a backup")
def _(annals: Annals, restored: Restored) -> None:
    answer = annals.as_owner("POST", "/v1/backups", {"label": "before"})
    assert answer.status_code == 202, answer.text
    restored.version = answer.json()["version"]
    deadline = time.monotonic() + PATIENCE
    while True:
        found = annals.as_owner("GET", f"/v1/backups/{restored.version}").json()
        if found["state"] == "completed":
            restored.base = found["position"]
            return
        assert found["state"] == "running", found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@given("a flag that was defined since")
@given("another flag that was defined since")
def _(annals: Annals, restored: Restored) -> None:
    restored.flags.append(annals.unique("since"))
    annals.define_flag(restored.flags[-1])


@given("the owner has asked what a restore would do")
@when("the owner asks what a restore would do")
def _(annals: Annals, restored: Restored) -> None:
    restored.tail = last_position(annals)
    restored.plan = plan(annals, restored)


@then("that flag's events are among what would go")
def _(restored: Restored) -> None:
    gone = restored.plan["discarded"]
    assert gone["events"] == restored.tail - restored.base
    assert (gone["first"], gone["last"]) == (restored.base + 1, restored.tail)
    newest = [each["stream"] for each in gone["newest"]]
    assert f"flag/{restored.flags[0]}" in newest
    assert "flag" in [each["kind"] for each in gone["things"]]


@then("nothing has changed")
def _(annals: Annals, restored: Restored) -> None:
    assert last_position(annals) == restored.tail


@when("the owner confirms what was listed")
def _(annals: Annals, restored: Restored, world: World) -> None:
    world.answer = ask(annals, restored, confirm=restored.plan["confirm"])


@then("the confirmation is refused, and the new list has another word")
def _(annals: Annals, restored: Restored, world: World) -> None:
    problem = world.problem(409)
    assert problem["type"] == "/problems/stale-confirmation"
    assert problem["confirm"] == plan(annals, restored)["confirm"] != restored.plan["confirm"]


@when("that user asks what a restore would do")
def _(annals: Annals, restored: Restored, world: World) -> None:
    path = f"/v1/backups/{restored.version}/restore"
    world.answer = annals.request("POST", path, token=world.token, body={})


@when("the owner asks for a place before the backup's end")
def _(annals: Annals, restored: Restored, world: World) -> None:
    path = f"/v1/backups/{restored.version}/restore"
    world.answer = annals.as_owner("POST", path, {"position": restored.base - 1})


@then(parsers.parse('the fault is found at "{pointer}"'))
def _(world: World, pointer: str) -> None:
    assert [each["pointer"] for each in world.problem(422)["errors"]] == [pointer]


@when("the owner restores the backup")
def _(annals: Annals, restored: Restored) -> None:
    carry_out(annals, restored)


@when("the owner restores the backup up to the first flag")
def _(annals: Annals, restored: Restored) -> None:
    events = annals.events(stream=f"flag/{restored.flags[0]}")
    carry_out(annals, restored, position=events[-1]["position"])


@then("there is no such flag")
def _(annals: Annals, restored: Restored) -> None:
    assert annals.as_owner("GET", f"/v1/flags/{restored.flags[0]}").status_code == 404


@then("there is the first flag, and not the other")
def _(annals: Annals, restored: Restored) -> None:
    answers = [annals.as_owner("GET", f"/v1/flags/{flag}").status_code for flag in restored.flags]
    assert answers == [200, 404]


@then("the first event of the new log is the restore, with who asked for it and why")
def _(annals: Annals, restored: Restored) -> None:
    first = annals.events_page(after=str(restored.base), limit="1")["items"][0]
    assert first["type"] == "restore.completed"
    assert first["stream"] == f"restore/{restored.asked['id']}"
    assert first["data"]["reason"] == REASON
    assert first["data"]["version"] == restored.version
    assert first["data"]["position"] == restored.base
    assert first["meta"]["actor"] == first["data"]["asked_by"]
    assert first["meta"]["actor"].startswith("api-key/")


@then("the restore is listed as completed, with the database where the old log is kept")
def _(annals: Annals, restored: Restored) -> None:
    items = annals.as_owner("GET", "/v1/restores").json()["items"]
    [mine] = [each for each in items if each["id"] == restored.asked["id"]]
    assert mine["state"] == "completed"
    assert "_before_" in mine["kept"]


@then("a place in the old log is gone, and tells where to begin again")
def _(annals: Annals, restored: Restored) -> None:
    answer = annals.as_owner("GET", f"/v1/events?after={restored.old_token}")
    assert answer.status_code == 410
    again = annals.as_owner("GET", f"/v1/events?after={answer.json()['start_again']}&limit=1")
    assert again.json()["items"][0]["position"] == 1


@when("the owner restores the backup while a user goes on defining flags")
def _(platform: Platform, annals: Annals, restored: Restored) -> None:
    over = threading.Event()
    busy = platform.driver()

    def go_on() -> None:
        while not over.is_set():
            name = busy.unique("busy")
            answer = busy.request(
                "PUT", f"/v1/flags/{name}", token=busy.owner, body={"enabled": True}
            )
            if answer.status_code == 201:
                restored.flags.append(name)
            else:
                restored.refused.append(answer)

    worker = threading.Thread(target=go_on)
    restored.plan = plan(annals, restored)
    worker.start()
    answer = ask(annals, restored, confirm=restored.plan["confirm"], discard_later=True)
    assert answer.status_code == 202, answer.text
    restored.asked = answer.json()
    wait_for(annals, restored)
    restored.tail = len(restored.flags)
    deadline = time.monotonic() + PATIENCE
    while len(restored.flags) < restored.tail + 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    over.set()
    worker.join()
    busy.close()


@then("every flag that was refused was refused as an outage that says when to come again")
def _(restored: Restored) -> None:
    assert restored.refused
    for answer in restored.refused:
        assert answer.status_code == 503, answer.text
        assert answer.json()["outcome"] == "failed"
        assert int(answer.headers["retry-after"]) >= 1


@then("every flag that was accepted is there or was listed as gone")
def _(annals: Annals, restored: Restored) -> None:
    [completed] = [
        each
        for each in annals.events(type="restore.completed")
        if each["stream"] == f"restore/{restored.asked['id']}"
    ]
    there = {each["stream"] for each in annals.events(after=str(completed["position"]))}
    kept = [f"flag/{flag}" in there for flag in restored.flags]
    assert kept == sorted(kept)  # those before the log was closed are gone, all others are there
    assert kept[-3:] == [True] * 3


@given("an action whose target does not answer yet")
def _(annals: Annals, world: World, target: Target) -> None:
    world.action = annals.unique("parked")
    target.fail_always(world.action)
    retry = {"max_attempts": 50, "base": "2s", "cap": "2s"}
    annals.define_action(world.action, target.url(world.action), retry=retry)


@given("a queued job of it")
def _(annals: Annals, world: World, target: Target) -> None:
    answer = annals.trigger(annals.owner, world.action)
    assert answer.status_code == 202, answer.text
    world.job = answer.json()["id"]
    target.wait_for(world.action, 1)


@given("the job has been done since")
def _(annals: Annals, world: World, target: Target) -> None:
    target.mend(world.action)
    annals.job_in(world.job, "succeeded")


@then("the job is parked")
def _(annals: Annals, restored: Restored, world: World) -> None:
    path = f"/v1/restores/{restored.asked['id']}/parked"
    items = annals.as_owner("GET", path).json()["items"]
    [mine] = [each for each in items if each["stream"] == f"job/{world.job}"]
    world.seen = [mine]


@then("its target is called again only once the owner has released it")
def _(annals: Annals, restored: Restored, world: World, target: Target) -> None:
    before = len(target.calls_to(world.action))
    path = f"/v1/restores/{restored.asked['id']}/release"
    answer = annals.as_owner("POST", path, {"positions": [world.seen[0]["position"]]})
    assert answer.status_code == 200, answer.text
    calls = target.wait_for(world.action, before + 1)
    assert len({each.key for each in calls}) == 1
    annals.job_in(world.job, "succeeded")
    assert len(target.calls_to(world.action)) == before + 1


@given("that user has been erased since")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    body = {"current_password": world.user.password}
    gone = annals.request("DELETE", "/v1/me", token=world.token, body=body)
    assert gone.status_code == 204, gone.text
    _wait_erased(annals, world.user)


def _wait_erased(annals: Annals, user: User) -> list[str]:
    """What has happened to the account, as soon as its erasure is done."""
    deadline = time.monotonic() + PATIENCE
    while True:
        history = annals.as_owner("GET", f"/v1/accounts/{user.account}/history").json()["items"]
        types = [each["type"] for each in history]
        if "account.keys_destroyed" in types:
            assert user.email not in str(history)
            return types
        assert time.monotonic() < deadline, types
        time.sleep(0.1)


@then("the new log says that they are erased")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    assert _wait_erased(annals, world.user).count("account.erased") == 1


@then("neither their session nor their password opens anything")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    user = User(world.user.email, world.user.password)
    assert annals.request("GET", "/v1/access/current", token=world.token).status_code == 401
    assert annals.sign_in(user).status_code == 401


@then("somebody else registers with their address")
def _(annals: Annals, world: World) -> None:
    assert world.user is not None
    other = User(world.user.email, "somebody else altogether")
    assert annals.sign_up(other).status_code == 201
