"""Logs are followed and kept whatever is killed, while files are rotated."""

import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.driver import Annals
from tests.support.platform import Platform

NAMES = {"api-1", "api-2", "migrate-1", "projector-1", "worker-1", "scheduler-1", "supervisor-1"}
"""What the files of this platform may be called, however often its processes begin anew."""
TURN = 40
"""Lines in a file of the writer's before it is rotated away."""


class Writer:
    """Writes numbered lines without end, and rotates its file as it goes."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.written = 0
        self._more = threading.Semaphore(0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def more(self, lines: int) -> None:
        """Let it write so many more."""
        for _ in range(lines):
            self._more.release()

    def stop(self) -> None:
        self._stop.set()
        self._more.release()
        self._thread.join()

    def _write(self) -> None:
        for number in itertools.count():
            self._more.acquire()
            if self._stop.is_set():
                return
            if number and number % TURN == 0:
                self._turn()
            with self.file.open("a") as out:
                out.write(json.dumps({"level": "info", "msg": "line", "n": number}) + "\n")
            self.written = number + 1

    def _turn(self) -> None:
        for age in range(8, 0, -1):
            older = self.file.with_name(f"{self.file.name}.{age}")
            if older.exists():
                older.rename(self.file.with_name(f"{self.file.name}.{age + 1}"))
        self.file.rename(self.file.with_name(f"{self.file.name}.1"))


@pytest.fixture
def writer(platform: Platform) -> Iterator[Writer]:
    platform.log_root.mkdir(exist_ok=True)
    writer = Writer(platform.log_root / "busy.log")
    yield writer
    writer.stop()


@pytest.fixture
def annals(platform: Platform) -> Iterator[Annals]:
    driver = platform.driver()
    yield driver
    driver.close()


class Follower:
    """Follows a log, and comes back with its last id whenever it is cut off."""

    def __init__(self, platform: Platform, annals: Annals, source: str) -> None:
        self.platform = platform
        self.annals = annals
        self.source = source
        self.lines: list[int] = []
        self.last_id = ""
        self.cuts = 0

    def until(self, number: int, at: Any = None) -> None:
        """Follow until a line is seen; `at` is called once after the first block."""
        while not self.lines or self.lines[-1] < number:
            try:
                query = {} if self.last_id else {"last": "1000"}
                for id_, _, data in self.annals.tail_log(
                    self.source, last_id=self.last_id, **query
                ):
                    self.last_id = id_ or self.last_id
                    if data is not None and "n" in data.get("fields", {}):
                        self.lines.append(data["fields"]["n"])
                    if at is not None and self.lines:
                        at = at()
                    if self.lines and self.lines[-1] >= number and id_:
                        return
            except httpx.TransportError:
                self.cuts += 1
                self.platform.process.wait_ready(self.platform.url)  # type: ignore[union-attr]


def test_a_follower_misses_nothing_while_the_api_is_killed_amid_rotations(
    platform: Platform, annals: Annals, writer: Writer
) -> None:
    body = {"paths": [str(writer.file)]}
    assert annals.as_owner("PUT", "/v1/logs/busy", body).status_code == 201
    writer.more(30)
    follower = Follower(platform, annals, "busy")
    follower.until(10)

    def kill() -> None:
        for api in platform.children("api"):
            api.kill()
        writer.more(100)

    follower.until(129, at=kill)
    assert follower.cuts > 0
    assert follower.lines == list(range(130))
    page = annals.as_owner("GET", "/v1/logs/busy?order=asc&limit=1000").json()
    assert [item["fields"]["n"] for item in page["items"]] == list(range(130))


def test_a_killed_process_goes_on_in_its_own_file(platform: Platform, annals: Annals) -> None:
    marks = [f"0190f3a2-0000-7000-8000-00000000000{number}" for number in range(3)]
    for mark in marks:
        headers = {"correlation-id": mark}
        annals.as_owner("PUT", "/v1/flags/chaos", {"enabled": True}, headers)
        written = {"last": "1", "field.correlation_id": mark}
        assert any(data is not None for _, _, data in annals.tail_log("platform", **written))
        for process in [*platform.children("api"), *platform.children("worker")]:
            process.kill()
        platform.process.wait_ready(platform.url)  # type: ignore[union-attr]
    for mark in marks:
        page = annals.as_owner("GET", f"/v1/logs/platform?field.correlation_id={mark}").json()
        assert [item["message"] for item in page["items"]] == ["request"]
    found = list((platform.data_dir / "logs").glob("*.jsonl"))
    assert {path.stem for path in found} <= NAMES
    for path in found:
        for line in path.read_bytes().splitlines():
            json.loads(line)
