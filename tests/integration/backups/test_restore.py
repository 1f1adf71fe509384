"""A backup takes the log's place, up to the wished position, byte for byte."""

from pathlib import Path

import asyncpg
import pytest

from adapters.backups.fence import close_log, open_log
from adapters.backups.switch import beside, missing_rights
from application.event_store import ForeignIncarnation, Outage
from application.vault import KeyOwner
from domain.jobs import JOB, QueueJob
from domain.recorded import SYSTEM_TENANT
from domain.restores import RESTORE, Restore
from tests.support.restores import OpenLog, Plant, closed_by, incarnation, log_name, now, opened


@pytest.fixture
def plant(database_url: str, tmp_path: Path) -> Plant:
    return Plant.at(database_url, tmp_path)


async def fold(log: OpenLog, restore: str) -> Restore:
    folded = await log.pipeline.fold(RESTORE, (SYSTEM_TENANT, RESTORE.stream(restore)))
    assert isinstance(folded.state, Restore)
    return folded.state


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


async def test_to_a_later_position_with_the_live_logs_events(plant: Plant) -> None:
    async with opened(plant.url) as log:
        await log.flags("a")
        version, base = await plant.backup()
        wished = await log.flags("b", "c") - 1
        await log.flags("d")
        kept = await log.rows(wished)
        assert await plant.restore(await log.start(version, base, wished), log) is not None
    async with opened(plant.url) as log:
        rows = await log.rows()
    assert rows[:wished] == kept
    assert [row[6] for row in rows[wished:]] == ["restore.completed"]


async def test_to_the_live_logs_end_nothing_is_lost(plant: Plant) -> None:
    async with opened(plant.url) as log:
        await log.flags("a")
        version, base = await plant.backup()
        asked = await log.start(version, base, None)
        last = await log.flags("b")  # the log is open until the switch
        kept = await log.rows()
        assert await plant.restore(asked, log) is not None
    async with opened(plant.url) as log:
        assert (await log.rows(last)) == kept
        [first] = await log.store.read_log(after=last, limit=10)
        assert (first.type, first.version) == ("restore.completed", 2)


async def test_to_a_position_that_only_a_newer_backup_has(
    plant: Plant, new_database: object
) -> None:
    async with opened(plant.url) as log:
        await log.flags("a")
        version, base = await plant.backup()
        wished = await log.flags("b") - 1
        await log.flags("c")
        await plant.backup()
        kept = await log.rows(wished)
    fresh = Plant(new_database(), plant.repository)  # type: ignore[operator]
    async with opened(fresh.url) as log:
        await log.flags("elsewhere")
        assert await fresh.restore(await log.start(version, base, wished), log) is not None
    async with opened(fresh.url) as log:
        assert await log.rows(wished) == kept
        assert len(await log.rows()) == wished + 1


async def test_a_backup_of_another_log_does_not_lead_on(plant: Plant, new_database: object) -> None:
    async with opened(plant.url) as log:
        await log.flags("a")
        version, base = await plant.backup()
    other = Plant(new_database(), plant.repository)  # type: ignore[operator]
    async with opened(other.url) as log:
        await log.flags("x", "y", "z")
        await other.backup()
        asked = await log.start(version, base, base + 2)
        assert await other.restore(asked, log) is None
        state = await fold(log, asked.restore)
        assert (state.phase, state.step) == ("failed", "replay")
        await log.flags("open again")
    assert await other.databases() == [""]


async def test_a_destroyed_key_stays_destroyed(plant: Plant) -> None:
    person = KeyOwner(SYSTEM_TENANT, "person", "ada")
    late = KeyOwner(SYSTEM_TENANT, "person", "bob")
    async with opened(plant.url) as log:
        await log.vault.keys([person, late], create=True)
        await log.flags("a")
        version, base = await plant.backup()
        await log.vault.destroy(person)
        await plant.backup()  # the newest key file has a tombstone
        await log.vault.destroy(late)  # and this only the live database knows
        asked = await log.start(version, base, base)
        assert await plant.restore(asked, log) is not None
    async with opened(plant.url) as log:
        found = await log.vault.keys([person, late], create=True)
        assert found == {person: None, late: None}


async def test_a_key_that_is_missing_in_what_is_newer_stays_missing(plant: Plant) -> None:
    person = KeyOwner(SYSTEM_TENANT, "person", "ada")
    async with opened(plant.url) as log:
        await log.vault.keys([person], create=True)
        await log.flags("a")
        version, base = await plant.backup()
        connection = await asyncpg.connect(plant.url)
        await connection.execute("DELETE FROM annals.data_keys WHERE owner = 'ada'")
        await connection.close()
        asked = await log.start(version, base, base)
        assert await plant.restore(asked, log) is not None
    async with opened(plant.url) as log:
        assert await log.vault.keys([person], create=True) == {person: None}


async def test_what_was_asked_of_the_world_waits_for_a_person(plant: Plant) -> None:
    async with opened(plant.url) as log:
        queue = QueueJob(action="mail", requester="ada", input={}, at=now())
        position = await log.decide(JOB, "j1", queue)
        connection = await asyncpg.connect(plant.url)
        await connection.execute(
            "INSERT INTO annals.effects (log_id, tenant, reaction, position, kind, due_at)"
            " VALUES (1, 'default', 'jobs', $1, 'run-job', now())",
            position,
        )
        await connection.close()
        unfollowed = await log.decide(JOB, "j2", queue)
        version, base = await plant.backup()
        asked = await log.start(version, base, base)
        assert await plant.restore(asked, log) is not None
    async with opened(plant.url) as log:
        state = await fold(log, asked.restore)
        assert [(each.reaction, each.position) for each in state.parked] == [
            ("jobs", position),
            ("jobs", unfollowed),
        ]
        async with log.readers.acquire() as reading:
            assert await reading.fetchval("SELECT count(*) FROM annals.effects") == 0
            at = await reading.fetchval(
                "SELECT max(position) FROM annals.checkpoints WHERE projection = 'reaction.jobs'"
            )
        assert at == base


async def test_commands_are_refused_while_the_log_is_closed(plant: Plant) -> None:
    async with opened(plant.url) as log:
        await log.flags("a")
        version, base = await plant.backup()
        asked = await log.start(version, base, base)
        with pytest.raises(Outage) as refused:
            await log.flags("b")
        assert refused.value.outcome == "failed"
        with pytest.raises(Outage):
            await log.vault.keys([KeyOwner(SYSTEM_TENANT, "person", "eve")], create=True)
        assert await closed_by(plant.url) == asked.restore
        assert await plant.restore(asked, log) is not None
        with pytest.raises((ForeignIncarnation, Outage)):
            await log.flags("b")


async def test_a_backup_of_a_closed_log_becomes_an_open_one(plant: Plant) -> None:
    async with opened(plant.url) as log:
        await log.flags("a")
        await close_log(plant.url, "another")
        version, base = await plant.backup()
        await open_log(plant.url, "another")
        asked = await log.start(version, base, base)
        assert await plant.restore(asked, log) is not None
    assert await closed_by(plant.url) is None
    async with opened(plant.url) as log:
        await log.flags("goes on")


async def test_a_role_that_may_not_is_told_before_anything_is_touched(plant: Plant) -> None:
    name = f"{log_name(plant.url)}_guest"
    connection = await asyncpg.connect(plant.url)
    await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    try:
        host = plant.url.partition("?")[2]
        url = f"postgresql://{name}:x@/{log_name(plant.url)}?{host}"
        missing = await missing_rights(url)
        assert any("CREATEDB" in each for each in missing)
        assert any("belongs to" in each for each in missing)
        assert any("cannot be ended" in each for each in missing)
    finally:
        await connection.execute(f"DROP ROLE {name}")
        await connection.close()
    assert await missing_rights(plant.url) == []


async def test_the_old_log_is_kept_as_it_was(plant: Plant) -> None:
    async with opened(plant.url) as log:
        await log.flags("a")
        version, base = await plant.backup()
        await log.flags("b")
        asked = await log.start(version, base, base)
        before = await log.rows()
        replaced = await plant.restore(asked, log)
    assert replaced is not None
    connection = await asyncpg.connect(beside(plant.url, replaced.kept))
    try:
        rows = await connection.fetch("SELECT * FROM annals.events ORDER BY position")
    finally:
        await connection.close()
    assert [(row["position"], row["type"], row["event_id"]) for row in rows] == [
        (row[1], row[6], row[5]) for row in before
    ]
