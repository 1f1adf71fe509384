"""What the schema itself refuses, whoever asks, and how migrations are applied."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import pytest

from adapters.postgres import migrations
from adapters.postgres.batch import APPEND
from adapters.postgres.connect import Connection, connect
from adapters.postgres.event_store import PostgresEventStore, opened
from adapters.postgres.migrations import (
    MigrationChanged,
    SchemaTooNew,
    SchemaTooOld,
    check_schema,
    known,
    migrate,
)
from tests.support.log_items import append
from tests.support.services import Services

NOTHING: tuple[list[object], ...] = ([], [], [], [], [])


@pytest.fixture
def empty(services: Services) -> Iterator[str]:
    url = services.new_database(migrated=False)
    yield url
    services.drop_database(url)


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[Connection]:
    connection = await connect(database_url, role=None)
    yield connection
    await connection.close()


@pytest.mark.parametrize("role", [None, "annals_owner", "annals_appender", "annals_reader"])
async def test_nobody_changes_an_event(
    database_url: str, admin: Connection, role: str | None
) -> None:
    async with opened(database_url) as store:
        await store.append(append("a/1"))
    if role:
        await admin.execute(f"SET ROLE {role}")
    for change in (
        "UPDATE annals.events SET actor = 'me'",
        "UPDATE annals.events SET actor = 'me' WHERE false",
        "DELETE FROM annals.events",
        "TRUNCATE annals.events",
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await admin.execute(change)
        assert refused.value.sqlstate in {"AN003", "42501"}


@pytest.mark.parametrize("role", ["annals_appender", "annals_projector", "annals_reader"])
async def test_the_roles_may_do_only_their_own_work(admin: Connection, role: str) -> None:
    await admin.execute(f"SET ROLE {role}")
    for statement in (
        "INSERT INTO annals.events SELECT * FROM annals.events",
        "INSERT INTO annals.claims SELECT * FROM annals.claims",
        "INSERT INTO annals.keys SELECT * FROM annals.keys",
        "UPDATE annals.logs SET incarnation = gen_random_uuid()",
        "DELETE FROM annals.data_keys",
        "CREATE TABLE annals.mine (id int)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin.execute(statement)
    if role != "annals_appender":
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin.fetch(APPEND, 1, uuid4(), 0, True, *NOTHING)


@pytest.mark.parametrize(
    "setting", ["synchronous_commit = off", "default_transaction_isolation = serializable"]
)
async def test_append_refuses_to_promise_what_a_crash_may_take_back(
    database_url: str, admin: Connection, setting: str
) -> None:
    async with opened(database_url) as store:
        incarnation = store.incarnation
    await admin.execute(f"SET {setting}")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await admin.fetch(APPEND, 1, incarnation, 0, True, *NOTHING)
    assert refused.value.sqlstate == "AN002"


async def test_two_items_of_a_batch_must_not_share_a_stream_or_a_key(
    database_url: str, admin: Connection
) -> None:
    async with opened(database_url) as store:
        incarnation = store.incarnation

    def head(item: int) -> tuple[object, ...]:
        ids = (uuid4(), "a.b", 1, b"{}", "me", uuid4(), None, b"{}")
        return (item, 1, "t", "a/1", 1, *ids)

    key = ("t", b"d", b"f", b"r", 0)
    for events, guards, keys in (
        ([head(0), head(1)], [], []),
        ([head(0)], [(1, "t", "a/1", 0)], []),
        ([], [], [(0, *key), (1, *key)]),
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await admin.fetch(APPEND, 1, incarnation, 0, False, events, guards, keys, [], [])
        assert refused.value.sqlstate == "AN002"


async def test_migrating_at_once_and_again_is_safe(empty: str) -> None:
    applied = await asyncio.gather(*(migrate(empty) for _ in range(4)))
    assert sorted(len(each) for each in applied) == [0, 0, 0, len(known())]
    assert await migrate(empty) == []
    async with opened(empty) as store:
        await store.append(append("a/1"))


async def test_databases_of_one_cluster_can_be_migrated_at_once(services: Services) -> None:
    urls = [services.new_database(migrated=False) for _ in range(3)]
    admin = await connect(urls[0], role=None)
    await asyncio.gather(*(migrate(url) for url in urls))
    await admin.close()
    for url in urls:
        async with opened(url) as store:
            await store.append(append("a/1"))
        services.drop_database(url)


async def test_a_newer_schema_is_left_alone(database_url: str, admin: Connection) -> None:
    await admin.execute("INSERT INTO annals.migrations VALUES (99, 'later', 'x')")
    for attempt in (
        migrate(database_url),
        check_schema(admin),
        PostgresEventStore.open(database_url),
    ):
        with pytest.raises(SchemaTooNew):
            await attempt


async def test_a_migration_that_reads_differently_now_is_refused(
    database_url: str, admin: Connection
) -> None:
    await admin.execute("UPDATE annals.migrations SET checksum = 'x' WHERE number = 1")
    with pytest.raises(MigrationChanged):
        await migrate(database_url)


async def test_a_database_without_the_schema_is_not_opened(empty: str) -> None:
    with pytest.raises(SchemaTooOld):
        await PostgresEventStore.open(empty)


async def test_a_migration_that_fails_leaves_nothing_behind(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = known()[:2]
    broken = migrations.Migration(
        number=2, name="broken", sql="CREATE TABLE annals.t(); SELECT 1/0"
    )
    monkeypatch.setattr(migrations, "known", lambda: [first, broken])
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty)
    monkeypatch.undo()
    assert [each.number for each in await migrate(empty)] == [
        each.number for each in known() if each.number >= second.number
    ]
