"""Whatever is killed, each message that was acknowledged causes one job: none lost, none twice.

Providers send on meanwhile, and send again what was not acknowledged; each message comes twice in
any case.
"""

from collections.abc import Iterator

import pytest

from tests.support.platform import Platform
from tests.support.providers import Providers
from tests.support.services import EmbeddedServers
from tests.support.target import Target

BEFORE = 50
"""Messages acknowledged before something is killed, and after it is back."""


@pytest.fixture
def providers(platform: Platform, target: Target) -> Iterator[Providers]:
    driver = platform.driver()
    providers = Providers(driver, target)
    providers.define()
    yield providers
    driver.close()


def test_api_and_worker_killed_amid_receipts(platform: Platform, providers: Providers) -> None:
    providers.start()
    providers.wait_acknowledged(BEFORE)
    for role in ("worker", "api"):
        for process in platform.children(role):
            process.kill()
        providers.wait_acknowledged(BEFORE)
    providers.all_done()
    assert providers.interrupted


def test_postgres_killed_amid_receipts(servers: EmbeddedServers, providers: Providers) -> None:
    providers.start()
    providers.wait_acknowledged(BEFORE)
    servers.kill("postgres")
    providers.wait_interrupted()
    servers.start("postgres")
    providers.wait_acknowledged(BEFORE)
    providers.all_done()
    assert providers.interrupted


def test_the_whole_tree_killed_amid_receipts(platform: Platform, providers: Providers) -> None:
    providers.start()
    providers.wait_acknowledged(BEFORE)
    platform.kill()
    platform.start()
    providers.wait_acknowledged(BEFORE)
    providers.all_done()
    assert providers.interrupted
