"""kill -9 at every step leaves the old log serving or the new one, and who comes next goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import killed_restore
from tests.support.restores import OpenLog, Plant, closed_by, incarnation, opened

STEPS = ["prepare", "load", "migrate", "replay", "finish", "switch"]


@pytest.fixture
def plant(database_url: str, tmp_path: Path) -> Plant:
    return Plant.at(database_url, tmp_path)


def run_and_die(plant: Plant, restore: str, step: str) -> None:
    """Carry the restore out in a process of its own, which kills itself where `step` begins."""
    ended = subprocess.run(
        [sys.executable, "-m", killed_restore.__name__, plant.url, plant.directory, restore, step],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -9, ended.stderr


@pytest.mark.parametrize("step", STEPS)
async def test_killed_where_a_step_begins(plant: Plant, step: str) -> None:
    async with opened(plant.url) as log:
        version, base, wished = await a_log(plant, log)
        kept = await log.rows(wished)
        asked = await log.start(version, base, wished)
        run_and_die(plant, asked.restore, step)
        assert await incarnation(plant.url) == log.store.incarnation
        assert await closed_by(plant.url) == asked.restore
        assert await plant.restore(asked, log) is not None
    await is_restored(plant, kept, wished)


async def test_killed_right_after_the_switch(plant: Plant) -> None:
    async with opened(plant.url) as log:
        version, base, wished = await a_log(plant, log)
        kept = await log.rows(wished)
        asked = await log.start(version, base, wished)
        before = log.store.incarnation
    run_and_die(plant, asked.restore, "switched")
    assert await incarnation(plant.url) != before
    await is_restored(plant, kept, wished)


async def test_one_that_kills_again_and_again_is_given_up(plant: Plant) -> None:
    async with opened(plant.url) as log:
        version, base, wished = await a_log(plant, log)
        asked = await log.start(version, base, wished)
        for _ in range(3):
            run_and_die(plant, asked.restore, "migrate")
        assert await plant.restore(asked, log) is None
        assert await closed_by(plant.url) is None
        [failed] = await log.store.read_log(after=asked.position, limit=10)
        assert failed.type == "restore.failed"
        await log.flags("goes on")
    assert await plant.databases() == [""]


async def a_log(plant: Plant, log: OpenLog) -> tuple[str, int, int]:
    await log.flags("a")
    version, base = await plant.backup()
    wished = await log.flags("b")
    await log.flags("c")
    return version, base, wished


async def is_restored(plant: Plant, kept: list[tuple[object, ...]], wished: int) -> None:
    async with opened(plant.url) as log:
        rows = await log.rows()
        assert rows[:wished] == kept
        assert [row[6] for row in rows[wished:]] == ["restore.completed"]
        await log.flags("goes on")
    [own, old] = await plant.databases()
    assert (own, old.startswith("_before_")) == ("", True)
