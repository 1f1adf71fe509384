"""Whatever is killed, the SDKs go on answering, and learn of changes as soon as they can."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.exception import OpenFeatureError
from UnleashClient import UnleashClient

from features.driver import Annals
from tests.support.platform import Platform
from tests.support.services import EmbeddedServers

PATIENCE = 90.0
LOOK = 0.02


@pytest.fixture
def annals(platform: Platform) -> Iterator[Annals]:
    driver = platform.driver()
    yield driver
    driver.close()


@pytest.fixture(params=["polling", "streaming"])
def unleash(request: pytest.FixtureRequest, annals: Annals) -> Iterator[UnleashClient]:
    client = UnleashClient(
        url=f"{annals.url}/api",
        app_name=annals.unique("app"),
        custom_headers={"Authorization": annals.owner},
        refresh_interval=1,
        disable_metrics=True,
        experimental_mode={"type": request.param},
    )
    client.initialize_client()
    yield client
    client.destroy()


@pytest.fixture
def openfeature(annals: Annals) -> OFREPProvider:
    headers = {"Authorization": f"Bearer {annals.owner}"}
    return OFREPProvider(annals.url, headers_factory=lambda: headers)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(LOOK)


def asked(provider: OFREPProvider, flag: str) -> bool | None:
    """What OpenFeature's provider gives; None where it has to give up."""
    try:
        return provider.resolve_boolean_details(flag, default_value=False).value
    except OpenFeatureError:
        return None


def switch(annals: Annals, flag: str, word: str) -> None:
    """Switch a flag, as often as it takes while something is away."""

    def done() -> bool:
        try:
            path = f"/v1/flags/{flag}/{word}"
            return annals.request("POST", path, token=annals.owner).is_success
        except httpx.TransportError:
            return False

    until(done)


def test_the_api_is_killed(
    platform: Platform, annals: Annals, unleash: UnleashClient, openfeature: OFREPProvider
) -> None:
    flag = annals.unique("steady")
    annals.define_flag(flag)
    until(lambda: bool(unleash.is_enabled(flag)))
    for process in platform.children("api"):
        process.kill()
    assert unleash.is_enabled(flag)
    switch(annals, flag, "disable")
    until(lambda: not unleash.is_enabled(flag))
    until(lambda: asked(openfeature, flag) is False)
    switch(annals, flag, "enable")
    until(lambda: bool(unleash.is_enabled(flag)))
    until(lambda: asked(openfeature, flag) is True)


def test_redis_is_away(
    servers: EmbeddedServers, annals: Annals, unleash: UnleashClient, openfeature: OFREPProvider
) -> None:
    flag = annals.unique("unmoved")
    annals.define_flag(flag)
    until(lambda: bool(unleash.is_enabled(flag)))
    servers.kill("valkey")
    try:
        switch(annals, flag, "disable")
        assert asked(openfeature, flag) is False
        until(lambda: not unleash.is_enabled(flag))
        switch(annals, flag, "enable")
        assert asked(openfeature, flag) is True
        until(lambda: bool(unleash.is_enabled(flag)))
    finally:
        servers.start("valkey")


def test_the_api_starts_while_redis_is_away(
    platform: Platform, servers: EmbeddedServers, annals: Annals, openfeature: OFREPProvider
) -> None:
    flag = annals.unique("early")
    annals.define_flag(flag)
    servers.kill("valkey")
    try:
        for process in platform.children("api"):
            process.kill()
        until(lambda: _answers(annals))
        assert asked(openfeature, flag) is True
    finally:
        servers.start("valkey")


def _answers(annals: Annals) -> bool:
    try:
        return annals.http.get("/health").is_success
    except httpx.TransportError:
        return False


def test_postgres_is_away(
    servers: EmbeddedServers, annals: Annals, openfeature: OFREPProvider
) -> None:
    flag = annals.unique("kept")
    annals.define_flag(flag)
    until(lambda: asked(openfeature, flag) is True)
    servers.kill("postgres")
    try:
        found: list[Any] = [asked(openfeature, flag) for _ in range(20)]
    finally:
        servers.start("postgres")
    assert found == [True] * 20
    switch(annals, flag, "disable")
    until(lambda: asked(openfeature, flag) is False)
