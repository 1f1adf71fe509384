from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.redis.client import RedisClient
from tests.support.private_valkey import PrivateValkey


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[PrivateValkey]:
    valkey = PrivateValkey(tmp_path)
    await valkey.start()
    yield valkey
    await valkey.stop()


@pytest.fixture
async def client(server: PrivateValkey) -> AsyncIterator[RedisClient]:
    redis = await RedisClient.open(server.url)
    yield redis
    await redis.aclose()
