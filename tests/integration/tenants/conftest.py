"""Two tenants of an installation whose requests and projections run in the test's event loop."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from adapters.capabilities import PROJECTIONS
from adapters.crypto.master import load_master_key
from adapters.redis.client import RedisClient
from adapters.settings import load_settings
from tests.support.readings import migrate_projections
from tests.support.services import Services
from tests.support.two_tenants import Installation, Room, furnished, opened_installation

DATABASE = 12  # of its own: these tests flush it


@pytest.fixture(scope="module")
async def installation(
    services: Services, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    place, database_url = tmp_path_factory.mktemp("installation"), services.new_database()
    redis = f"{services.redis_url}{'&' if '?' in services.redis_url else '?'}db={DATABASE}"
    client = await RedisClient.open(redis)
    await client.execute("FLUSHDB")
    await client.aclose()
    await migrate_projections(database_url, PROJECTIONS)
    data = place / "data"
    data.mkdir()
    roots = ",".join(f"{name}={place}/logs/{name}" for name in ("alpha", "beta"))
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis,
        "DATA_DIR": str(data),
        "LOG_ROOTS": roots,
        "LOG_LEVEL": "error",
        "METRICS_NETWORKS": "none",
    }
    settings = load_settings(environ, Path("/nowhere"))
    settings = msgspec.structs.replace(settings, argon2_memory_kib=8, argon2_iterations=1)
    load_master_key(settings.master_key_file)
    async with opened_installation(settings) as installation:
        yield installation
    services.drop_database(database_url)


@pytest.fixture(scope="module")
async def alpha(installation: Installation) -> Room:
    """The tenant whose things nobody else may find."""
    return await furnished(installation, Room("alpha", "kestrel-over-alpha"))


@pytest.fixture(scope="module")
async def beta(installation: Installation) -> Room:
    """The tenant whose owner looks for them."""
    return await furnished(installation, Room("beta", "plover-by-beta"))
