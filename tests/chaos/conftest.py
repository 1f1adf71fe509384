"""A platform on servers of its own, which a test may kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crowd import Crowd
from tests.support.platform import Platform
from tests.support.services import EmbeddedServers, LoopThread
from tests.support.target import Target


@pytest.fixture(scope="module")
def servers() -> Iterator[EmbeddedServers]:
    thread = LoopThread()
    servers = EmbeddedServers(thread)
    try:
        yield servers
    finally:
        servers.close()
        thread.close()


@pytest.fixture(scope="module")
def platform(
    servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    data_dir: Path = tmp_path_factory.mktemp("chaos") / "data"
    platform = Platform(data_dir, DATABASE_URL=servers.postgres, REDIS_URL=servers.redis)
    platform.start()
    yield platform
    platform.stop()


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as target:
        yield target


@pytest.fixture
def crowd(platform: Platform, target: Target) -> Iterator[Crowd]:
    """People who trigger one action again and again, and do not give up."""
    driver = platform.driver()
    crowd = Crowd(driver, target)
    crowd.define()
    yield crowd
    driver.close()
