"""A migrated database with the tables of the things."""

from collections.abc import AsyncIterator

import pytest

from tests.support.readings import THINGS_1, Reading, migrate_projections, reading


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here has a second to wait for a projector that looks once a second."""
    monkeypatch.setattr("adapters.postgres.projector.ROUND", 0.1)


@pytest.fixture
async def things_url(database_url: str) -> str:
    await migrate_projections(database_url, [THINGS_1])
    return database_url


@pytest.fixture
async def engine(things_url: str) -> AsyncIterator[Reading]:
    async with reading(things_url) as running:
        yield running
