"""Environments in lists: what was said of each, and which were removed."""

from adapters.capabilities import DECIDERS, UPCASTS
from application.codec import EventCodec
from domain.flags.environments import EnvironmentDescribed, EnvironmentRemoved
from projections import environments
from tests.support.readings import NoVault, migrate_projections, reading, record

CODEC = EventCodec(DECIDERS, NoVault(), UPCASTS)


async def test_the_last_word_about_each_counts(database_url: str) -> None:
    await migrate_projections(database_url, [environments.PROJECTION])
    async with reading(database_url, [environments.PROJECTION], codec=CODEC) as engine:
        first = EnvironmentDescribed(description="first", purpose="test")
        second = EnvironmentDescribed(description="second", purpose="development")
        await record(engine.store, "environment/b", first, second, codec=CODEC)
        told = (first, EnvironmentRemoved())
        last = await record(engine.store, "environment/a", *told, codec=CODEC)
        async with engine.read_models.rows(environments.PROJECTION, "default", after=last) as rows:
            found = await environments.find_environments(rows)
    assert [(row.name, row.description, row.purpose, row.removed) for row in found] == [
        ("a", "", "production", True),
        ("b", "second", "development", False),
    ]
    assert [row.version for row in found] == [2, 2]
