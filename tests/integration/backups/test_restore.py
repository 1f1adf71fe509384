"""A backup takes the log's place, up to the wished position, byte for byte."""

from pathlib import Path

import pytest

from tests.support.restores import Plant, incarnation, opened


@pytest.fixture
def plant(database_url: str, tmp_path: Path) -> Plant:
    return Plant.at(database_url, tmp_path)


async def test_to_where_the_backup_ends(plant: Plant) -> None:
    async with opened(plant.url) as log:
        await log.flags("a", "b")
        version, base = await plant.backup()
        kept = await log.rows(base)
        await log.flags("c")
        before = await incarnation(plant.url)
        asked = await log.start(version, base, base)
        replaced = await plant.restore(asked, log)
    assert replaced is not None
    async with opened(plant.url) as log:
        assert log.store.incarnation == replaced.incarnation != before
        rows = await log.rows()
        assert rows[:base] == kept
        [first] = await log.store.read_log(after=base, limit=10)
        assert first.type == "restore.completed"
        [recorded] = await log.codec.decode([first])
        assert recorded.event.version == version
        assert recorded.event.position == base
        assert recorded.event.replaced == str(before)
        assert recorded.event.replaced_position == asked.position
        assert recorded.event.reason == "a test"
        assert recorded.actor == "account/ada"
        await log.flags("d")
    assert len(await plant.databases()) == 2
