"""Steps of the logs."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pytest_bdd import given, scenarios, then, when

from features.conftest import World
from features.driver import Annals
from tests.support.platform import Platform
from tests.support.target import Target

scenarios("logs.feature")

START = datetime(2026, 1, 1, tzinfo=UTC)
LEVELS = ("debug", "info", "warning", "error")
TRACEBACK = """\
2026-01-01 00:00:01,000 INFO starting
2026-01-01 00:00:02,000 ERROR it failed
Traceback (most recent call last):
  File "app.py", line 1, in <module>
    raise ValueError("no")
ValueError: no
2026-01-01 00:00:03,000 INFO ended
"""


def json_line(number: int) -> dict[str, Any]:
    return {
        "time": (START + timedelta(seconds=number)).isoformat(),
        "level": LEVELS[number % len(LEVELS)],
        "msg": f"line {number}",
        "n": number,
    }


def encoded(numbers: range) -> bytes:
    return b"".join(json.dumps(json_line(number)).encode() + b"\n" for number in numbers)


@dataclass
class Log:
    """An application's log and what the scenario has seen of it."""

    file: Path
    name: str
    seen: list[dict[str, Any]] = field(default_factory=list)
    last_id: str = ""

    def write(self, numbers: range) -> None:
        with self.file.open("ab") as out:
            out.write(encoded(numbers))

    def rotate(self) -> None:
        self.file.rename(self.file.with_name(f"{self.file.name}.1"))


@pytest.fixture
def log(platform: Platform, annals: Annals) -> Log:
    name = annals.unique("log")
    directory = platform.log_root / name
    directory.mkdir(parents=True)
    return Log(directory / "app.log", name)


def registered(annals: Annals, log: Log, *paths: Path, **change: Any) -> httpx.Response:
    body = {"paths": [str(path) for path in paths or (log.file,)], **change}
    return annals.as_owner("PUT", f"/v1/logs/{log.name}", body)


def page(annals: Annals, log: Log, **query: Any) -> dict[str, Any]:
    response = annals.as_owner("GET", str(httpx.URL(f"/v1/logs/{log.name}", params=query)))
    assert response.status_code == 200, response.text
    return dict(response.json())


def numbers(annals: Annals, log: Log, **query: Any) -> list[int]:
    return [item["fields"]["n"] for item in page(annals, log, limit=1000, **query)["items"]]


def follow(annals: Annals, log: Log, until: int, **query: str) -> None:
    """Follow until a line is seen and the place behind it is known."""
    see(log, annals.tail_log(log.name, last_id=log.last_id, **query), until)


def see(log: Log, stream: Iterator[Any], until: int) -> None:
    """Take from a tail until a line is seen and the place behind it is known."""
    reached = False
    for id_, event, data in stream:
        log.last_id = id_ or log.last_id
        if data is not None:
            log.seen.append({"event": event, **data})
            reached = reached or (event == "message" and data["fields"]["n"] == until)
        if reached and id_:
            return


@given("an application whose log was rotated and compressed")
def _(log: Log) -> None:
    log.file.with_name("app.log.2.gz").write_bytes(gzip.compress(encoded(range(40))))
    log.file.with_name("app.log.1").write_bytes(encoded(range(40, 80)))
    log.file.write_bytes(encoded(range(80, 100)))


@given("an application that has written 500 lines of all levels")
def _(log: Log) -> None:
    log.write(range(500))


@given("an application that has failed with a traceback")
def _(log: Log) -> None:
    log.file.write_text(TRACEBACK)


@given("a registered log")
def _(annals: Annals, world: World, log: Log) -> None:
    log.write(range(10))
    world.answer = registered(annals, log)
    assert world.last.status_code == 201, world.last.text


@given("a registered log that somebody follows")
def _(annals: Annals, log: Log) -> None:
    log.write(range(10))
    assert registered(annals, log).status_code == 201
    follow(annals, log, until=9, last="5")
    assert [each["fields"]["n"] for each in log.seen] == [5, 6, 7, 8, 9]


@given("a link in an allowed directory that leads to the owner's key")
def _(platform: Platform, log: Log) -> None:
    log.file.symlink_to(platform.data_dir / "owner.key")


@given("an action that succeeds")
def _(annals: Annals, world: World, target: Target) -> None:
    world.action = annals.unique("followed")
    annals.define_action(world.action, target.url(world.action))


@when("an admin registers its files")
@when("an admin registers it")
def _(annals: Annals, world: World, log: Log) -> None:
    world.answer = registered(annals, log, time_zone="UTC")
    assert world.last.status_code == 201, world.last.text


@when("an admin registers other files under its name and then removes it")
def _(annals: Annals, world: World, log: Log) -> None:
    world.answers = [world.last, registered(annals, log, log.file.with_name("other.log"))]
    world.answer = annals.as_owner("DELETE", f"/v1/logs/{log.name}")
    assert world.last.status_code == 204


@when("an admin registers files outside of the allowed directories")
def _(annals: Annals, world: World, platform: Platform, log: Log) -> None:
    outside = (platform.data_dir / "owner.key", log.file / ".." / ".." / ".." / "x", Path("/etc/*"))
    world.answer = registered(annals, log, *outside)


@when("the user reads the platform's own lines")
def _(annals: Annals, world: World) -> None:
    world.answer = annals.request("GET", "/v1/logs/platform", token=world.token)


@when("an admin reads it three times within a minute")
def _(annals: Annals, log: Log) -> None:
    for _ in range(3):
        page(annals, log)


@when("lines are written, the file is rotated, and more are written")
def _(annals: Annals, log: Log) -> None:
    stream = annals.tail_log(log.name, last_id=log.last_id)
    log.write(range(10, 20))
    see(log, stream, until=19)
    log.write(range(20, 25))
    log.rotate()
    log.write(range(25, 30))
    see(log, stream, until=29)


@when("the follower is cut off while lines are written")
def _(annals: Annals, log: Log) -> None:
    log.write(range(10, 20))
    follow(annals, log, until=19)


@when("the user triggers it under a correlation id")
def _(annals: Annals, world: World) -> None:
    world.limit = str(uuid4())
    headers = {"correlation-id": world.limit}
    world.answer = annals.trigger(world.token, world.action, headers=headers)
    assert world.last.status_code == 202
    world.job = world.last.json()["id"]
    annals.job_in(world.job, "succeeded")


@then("the lines are read newest first, across all files")
def _(annals: Annals, log: Log) -> None:
    assert numbers(annals, log) == list(range(99, -1, -1))
    first = page(annals, log, limit=1)["items"][0]
    line = encoded(range(99, 100))
    assert (first["at"], first["level"], first["message"]) == (
        "2026-01-01T00:01:39Z",
        "error",
        "line 99",
    )
    assert first["file"] == "app.log" or first["file"].endswith("/app.log")
    whole = log.file.read_bytes()
    assert whole[first["offset"] : first["offset"] + first["length"]].rstrip() == line.rstrip()


@then("the list of sources tells its format, files and size")
def _(annals: Annals, world: World, log: Log) -> None:
    headers = {"annals-consistent-after": world.last.headers["annals-position"]}
    listed = annals.as_owner("GET", "/v1/logs?limit=1000", headers=headers).json()["items"]
    mine = next(item for item in listed if item["name"] == log.name)
    size = sum(path.stat().st_size for path in log.file.parent.iterdir())
    assert (mine["format"], mine["files"], mine["bytes"]) == ("json", 3, size)
    assert "platform" in {item["name"] for item in listed}


@then("time, level, text, pattern and field each find theirs")
def _(annals: Annals, log: Log) -> None:
    window = {"since": "2026-01-01T00:01:00Z", "until": "2026-01-01T00:01:05Z"}
    assert numbers(annals, log, **window) == [64, 63, 62, 61, 60]
    assert numbers(annals, log, level="error") == list(range(499, -1, -4))
    assert numbers(annals, log, q="line 49", order="asc") == [49, *range(490, 500)]
    assert numbers(annals, log, regex='line 4[0-9]"') == list(range(49, 39, -1))
    assert numbers(annals, log, **{"field.n": "123"}) == [123]


@then("the pages lead through all lines once")
def _(annals: Annals, log: Log) -> None:
    found: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        one = page(annals, log, order="asc", limit=77, **cursor)
        found += [item["fields"]["n"] for item in one["items"]]
        if one["next"] is None:
            break
        cursor = {"cursor": one["next"]}
    assert found == list(range(500))


@then("the traceback is one message with all its lines")
def _(annals: Annals, log: Log) -> None:
    items = page(annals, log, order="asc")["items"]
    assert [item["level"] for item in items] == ["info", "error", "info"]
    assert "it failed\nTraceback" in items[1]["message"]
    assert items[1]["message"].endswith("ValueError: no")


@then("they are counted by level over time")
def _(annals: Annals, log: Log) -> None:
    query = "since=2026-01-01T00:00:00Z&until=2026-01-01T00:10:00Z&buckets=10"
    found = annals.as_owner("GET", f"/v1/logs/{log.name}/histogram?{query}").json()
    counts: Counter[str] = Counter()
    for bucket in found["buckets"]:
        counts.update(bucket["counts"])
    assert counts == dict.fromkeys(LEVELS, 125)
    assert 1 < len(found["buckets"]) <= 10


@then("it can be seen as it was, and its history tells all three")
def _(annals: Annals, world: World, log: Log) -> None:
    path = f"/v1/logs/{log.name}"
    assert annals.as_owner("GET", path).status_code == 404
    first, second = world.answers
    for answer, name in ((first, "app.log"), (second, "other.log")):
        then_ = annals.as_owner(
            "GET", f"{path}/definition?position={answer.headers['annals-position']}"
        ).json()
        assert then_["paths"][0].endswith(name)
    history = annals.as_owner("GET", f"{path}/history").json()["items"]
    assert [event["type"] for event in history] == [
        "log_source.registered",
        "log_source.changed",
        "log_source.removed",
    ]
    at = history[0]["recorded_at"]
    assert annals.as_owner("GET", f"{path}/definition?at={at}").json()["version"] == 1


@then("the refusal points at each of them and nothing is registered")
def _(annals: Annals, world: World, log: Log) -> None:
    pointers = [error["pointer"] for error in world.problem(422)["errors"]]
    assert pointers == ["/paths/0", "/paths/1", "/paths/2"]
    assert annals.as_owner("GET", f"/v1/logs/{log.name}/history").status_code == 404


@then("nothing of the key is shown")
def _(annals: Annals, log: Log) -> None:
    for path in ("", "/files", "/histogram"):
        answer = annals.as_owner("GET", f"/v1/logs/{log.name}{path}")
        assert annals.owner not in answer.text
    assert page(annals, log)["items"] == []


@then("the reading is recorded once for each minute, with who it was")
def _(annals: Annals, log: Log) -> None:
    readings = annals.as_owner("GET", f"/v1/logs/{log.name}/readings").json()["items"]
    assert 1 <= len(readings) <= 2  # the minute may have turned meanwhile
    minutes = [each["data"]["minute"] for each in readings]
    assert len(set(minutes)) == len(minutes)
    for each in readings:
        assert each["data"]["reader"] == each["meta"]["actor"]
        assert each["data"]["reader"].startswith("api-key/")


@then("the follower sees every line once, in order, and hears of the rotation")
def _(log: Log) -> None:
    lines = [each["fields"]["n"] for each in log.seen if each["event"] == "message"]
    assert lines == list(range(5, 30))
    assert "rotated" in {each["event"] for each in log.seen}


@then("it sees the others after reconnecting, each once")
def _(log: Log) -> None:
    assert [each["fields"]["n"] for each in log.seen] == list(range(5, 20))


@then("the platform's own lines tell of the request and of the attempt")
def _(annals: Annals, world: World) -> None:
    wanted = {"request", "attempt"}
    world.seen = []
    tail = annals.tail_log("platform", last="100", **{"field.correlation_id": world.limit})
    while not wanted <= {line["message"] for line in world.seen}:
        _, event, data = next(tail)
        if event == "message" and data is not None:
            world.seen.append(data)
    attempt = next(line for line in world.seen if line["message"] == "attempt")
    assert attempt["fields"]["stream"] == f"job/{world.job}"
    assert attempt["fields"]["outcome"] == "done"
    request = next(line for line in world.seen if line["message"] == "request")
    assert request["fields"]["route"] == "POST /v1/actions/{name}/runs"
    assert request["fields"]["status"] == 202


@then("they lead to the request's events, and the events lead to them")
def _(annals: Annals, world: World) -> None:
    links = {line["links"]["events"] for line in world.seen}
    assert len(links) == 1
    events = annals.events(correlation=links.pop().partition("=")[2])
    assert {event["stream"] for event in events} == {f"job/{world.job}"}
    back = annals.as_owner("GET", events[0]["links"]["logs"]).json()["items"]
    assert {line["message"] for line in back} >= {"request", "attempt"}
