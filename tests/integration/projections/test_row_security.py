"""Rows of other tenants cannot be read, whatever a query says: the database itself sees to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from adapters.capabilities import PROJECTIONS
from adapters.postgres.connect import Acquired, open_pool
from adapters.postgres.generations import generations
from projections.projection import schema_of
from projections.tables import Table
from tests.support.readings import migrate_projections, owner

ROLE = "annals_reader"
"""As whom the application reads."""


@pytest.fixture
async def url(database_url: str) -> str:
    await migrate_projections(database_url, PROJECTIONS)
    return database_url


@asynccontextmanager
async def acting_as(url: str, role: str) -> AsyncIterator[Acquired]:
    pool = await open_pool(url, role=role)
    try:
        async with pool.acquire() as connection:
            yield connection
    finally:
        pool.terminate()


async def tables(url: str) -> dict[str, Table]:
    """Every read table, by its name in SQL."""
    async with owner(url) as connection:
        builds = await generations(connection)
    declared = {each.name: each for each in PROJECTIONS}
    return {
        f'"{schema_of(build.projection, build.number)}"."{table.name}"': table
        for build in builds
        for table in declared[build.projection].tables
    }


async def test_the_application_owns_no_table_and_no_table_is_without_a_policy(url: str) -> None:
    found = await tables(url)
    sql = """
        SELECT pg_get_userbyid(relowner) AS owner, relrowsecurity, relforcerowsecurity,
            pg_has_role($2, relowner, 'MEMBER') AS reader_owns,
            (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = $2) AS reader_passes
        FROM pg_class WHERE oid = $1::regclass
    """
    async with owner(url) as connection:
        for name in found:
            row = await connection.fetchrow(sql, name, ROLE)
            assert row is not None
            assert tuple(row) == ("annals_owner", True, True, False, False), name
    assert len(found) > 20


async def test_without_a_tenant_nothing_is_read(url: str) -> None:
    async with acting_as(url, ROLE) as connection:
        for name in await tables(url):
            with pytest.raises(asyncpg.UndefinedObjectError):
                await connection.fetch(f"SELECT * FROM {name}")  # noqa: S608 - our tables


async def test_each_table_shows_the_rows_of_the_tenant_that_is_set(url: str) -> None:
    """Rows with nothing but a tenant in them, for which the tables are stripped of their rules."""
    found = await tables(url)
    async with owner(url) as connection:
        for name, table in found.items():
            await _loosen(connection, name, table)
    async with acting_as(url, "annals_projector") as connection:
        for name in found:
            for tenant in ("alpha", "beta"):
                await connection.execute(f"INSERT INTO {name} (tenant) VALUES ($1)", tenant)  # noqa: S608
    async with acting_as(url, ROLE) as connection:
        for name in found:
            async with connection.transaction():
                await connection.execute("SET LOCAL annals.tenant = 'alpha'")
                rows = await connection.fetch(f"SELECT tenant FROM {name} WHERE tenant > ''")  # noqa: S608
            assert [row[0] for row in rows] == ["alpha"], name


async def _loosen(connection: asyncpg.Connection, name: str, table: Table) -> None:
    primary = await connection.fetchval(
        "SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'p'", name
    )
    await connection.execute(f'ALTER TABLE {name} DROP CONSTRAINT "{primary}"')
    for column in (*table.key, *table.columns):
        await connection.execute(f'ALTER TABLE {name} ALTER "{column.name}" DROP NOT NULL')


async def test_the_application_changes_neither_rows_nor_their_policies(url: str) -> None:
    name = next(iter(await tables(url)))
    async with acting_as(url, ROLE) as connection:
        for sql in (
            f"INSERT INTO {name} (tenant) VALUES ('alpha')",  # noqa: S608
            f"UPDATE {name} SET tenant = 'beta'",  # noqa: S608
            f"DELETE FROM {name}",  # noqa: S608
            f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY",
            f"DROP POLICY own_tenant ON {name}",
            f"CREATE POLICY everything ON {name} USING (true)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)


async def test_a_tenant_that_is_set_goes_with_its_transaction(url: str) -> None:
    name = next(iter(await tables(url)))
    async with acting_as(url, ROLE) as connection:
        async with connection.transaction():
            await connection.execute("SET LOCAL annals.tenant = 'alpha'")
            await connection.fetch(f"SELECT * FROM {name}")  # noqa: S608 - our table
        assert await connection.fetch(f"SELECT * FROM {name}") == []  # noqa: S608 - our table
