"""Whatever is killed or full during a backup: a whole version or none, and the log knows which."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from features.driver import Annals
from tests.support.platform import Platform
from tests.support.services import EmbeddedServers, LoopThread

ENDED = ("backup.completed", "backup.failed")
DUMPS = "application_name LIKE 'annals backup%' AND wait_event_type = 'Lock'"


@pytest.fixture
def annals(platform: Platform) -> Iterator[Annals]:
    driver = platform.driver()
    yield driver
    driver.close()


@pytest.fixture
def database(servers: EmbeddedServers) -> Iterator[Callable[[str], Any]]:
    """Statements on one connection to the log's database."""
    thread = LoopThread()
    connection: Any = thread.run(asyncpg.connect(servers.postgres))
    yield lambda sql: thread.run(connection.fetchval(sql))
    thread.run(connection.close())
    thread.close()


def start(annals: Annals) -> str:
    answer = annals.as_owner("POST", "/v1/backups", {"label": "chaos"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["version"])


def end(annals: Annals, version: str) -> dict[str, Any]:
    """The event with which a version ends."""
    for event in annals.live({"stream": f"backup/{version}", "after": "0"}):
        if event["type"] in ENDED:
            return event
    raise AssertionError(version)


def watch(annals: Annals, version: str) -> None:
    """Wait until somebody tells how far it is."""
    while (told := annals.as_owner("GET", f"/v1/backups/{version}").json()["progress"]) is None:
        time.sleep(0.05)
    assert told["what"] == "backup"
    assert 0 <= told["percent"] < 100


def types(annals: Annals, version: str) -> list[str]:
    return [each["type"] for each in annals.events(stream=f"backup/{version}")]


@contextlib.contextmanager
def held_up(database: Callable[[str], Any]) -> Iterator[Callable[[int], None]]:
    """Dumps that begin meanwhile wait for a table; what it gives waits until so many do."""
    database("CREATE TABLE annals.held_up ()")
    database("ALTER TABLE annals.held_up OWNER TO annals_owner")
    database("BEGIN")
    database("LOCK TABLE annals.held_up IN ACCESS EXCLUSIVE MODE")
    query = f"SELECT count(*) FROM pg_stat_activity WHERE {DUMPS}"  # noqa: S608 - a constant

    def stuck(dumps: int) -> None:
        while database(query) < dumps:
            database("SELECT pg_stat_clear_snapshot()")  # it lasts as long as a transaction
            time.sleep(0.02)

    try:
        yield stuck
    finally:
        database("DROP TABLE annals.held_up")
        database("COMMIT")


def test_who_is_killed_in_a_dump_leaves_no_half_version(
    platform: Platform, annals: Annals, database: Callable[[str], Any]
) -> None:
    """A worker's is made by the next attempt; that of a command at a terminal has failed."""
    root = platform.data_dir / "backups"
    with held_up(database) as stuck:
        version = start(annals)
        stuck(1)
        command = platform.also("backup", "create", "--label", "by hand")
        stuck(2)
        assert len(list((root / "incoming").iterdir())) == 2
        watch(annals, version)
        for worker in platform.children("worker"):
            worker.kill()
        command.kill()
        command.close()
        listed = annals.as_owner("GET", "/v1/backups").json()["items"]
        assert {each["state"] for each in listed} == {"running"}
        assert not list((root / "versions").iterdir())
    by_hand = next(
        each["stream"].partition("/")[2]
        for each in annals.events(type="backup.started")
        if each["data"]["label"] == "by hand"
    )
    assert end(annals, version)["type"] == "backup.completed"
    assert types(annals, version) == ["backup.started", "backup.completed"]
    made = annals.as_owner("GET", f"/v1/backups/{version}").json()
    assert made["events"] == made["position"]
    ended = end(annals, by_hand)
    assert ended["type"] == "backup.failed"
    assert "was ended" in ended["data"]["reason"]
    assert [each.name for each in (root / "versions").iterdir()] == [version]


def test_a_full_disk_is_one_clear_event_and_nothing_is_lost(
    platform: Platform, annals: Annals
) -> None:
    root = platform.data_dir / "backups"
    before = annals.as_owner("GET", "/v1/backups").json()["items"]
    with full_disk(root) as make_room:
        version = start(annals)
        ended = end(annals, version)
        assert ended["type"] == "backup.failed"
        assert "No space left on device" in ended["data"]["reason"]
        assert types(annals, version) == ["backup.started", "backup.failed"]
        assert not list((root / "incoming").iterdir())
        annals.define_flag(annals.unique("goes-on"))
        make_room()
        again = start(annals)
        assert end(annals, again)["type"] == "backup.completed"
    after = annals.as_owner("GET", "/v1/backups").json()["items"]
    assert {each["version"] for each in before} <= {each["version"] for each in after}


@contextlib.contextmanager
def full_disk(place: Path) -> Iterator[Callable[[], None]]:
    """A file system of its own at a place, full to the last byte; what it gives makes room."""
    place.mkdir(exist_ok=True)
    mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system can only be mounted as root")
    try:
        filler = place / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield filler.unlink
    finally:
        subprocess.run(["/bin/umount", "-l", str(place)], check=True)
