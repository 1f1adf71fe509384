"""Processes of one installation, each as its API is, in one event loop."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from adapters.redis.client import RedisClient
from tests.support.commands import Installation
from tests.support.people import Processes

DATABASE = 11  # of its own: these tests flush it


@pytest.fixture
def installation(database_url: str, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(database_url, tmp_path / "data")
    yield installation
    installation.close()


@pytest.fixture
def own_redis(redis_url: str) -> str:
    return f"{redis_url}{'&' if '?' in redis_url else '?'}db={DATABASE}"


@pytest.fixture
async def redis(own_redis: str) -> AsyncIterator[RedisClient]:
    client = await RedisClient.open(own_redis)
    await client.execute("FLUSHDB")
    yield client
    await client.execute("FLUSHDB")
    await client.aclose()


@pytest.fixture
async def processes(
    installation: Installation, redis: RedisClient, own_redis: str
) -> AsyncIterator[Processes]:
    assert redis.up
    settings = msgspec.structs.replace(
        installation.settings,
        redis_url=own_redis,
        argon2_memory_kib=8,
        argon2_iterations=1,
    )
    async with Processes(settings) as processes:
        yield processes
