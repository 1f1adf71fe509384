"""The running platform, and the steps that several features share.

Features whose steps need no more than the public face also run against a platform that is running
already: ANNALS_URL is its address, ANNALS_OWNER_KEY its owner's key, ANNALS_TARGET_HOST the name by
which it reaches this machine.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_bdd import given, parsers, then

from features.driver import Annals, User
from tests.support.mailbox import Mailbox
from tests.support.platform import Platform
from tests.support.services import Services
from tests.support.target import Target


@pytest.fixture(scope="package")
def mailbox() -> Iterator[Mailbox]:
    """The platform's mail server."""
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


@pytest.fixture(scope="package")
def platform(
    tmp_path_factory: pytest.TempPathFactory, services: Services, mailbox: Mailbox
) -> Iterator[Platform]:
    """One platform, on a database of its own, for all scenarios; each names its own things."""
    data_dir: Path = tmp_path_factory.mktemp("platform") / "data"
    database = services.new_database()
    platform = Platform(
        data_dir,
        DATABASE_URL=database,
        REDIS_URL=services.redis_url,
        SMTP_URL=mailbox.url,
        FLAG_USAGE_INTERVAL="200ms",
    )
    platform.start()
    yield platform
    assert platform.stop() == 0, platform.log.read_text()
    services.drop_database(database)


_ranges = itertools.cycle(range(256))


@pytest.fixture
def annals(request: pytest.FixtureRequest) -> Iterator[Annals]:
    if url := os.environ.get("ANNALS_URL"):
        driver = Annals(url, os.environ["ANNALS_OWNER_KEY"])
    else:
        address = f"127.84.{next(_ranges)}.1"
        driver = request.getfixturevalue("platform").driver(address=address)
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def target() -> Iterator[Target]:
    with Target(os.environ.get("ANNALS_TARGET_HOST", "127.0.0.1")) as target:
        yield target


@dataclass
class World:
    """What one scenario knows: its names, its user and the last answers."""

    user: User | None = None
    action: str = ""
    flag: str = ""
    flags: list[str] = field(default_factory=list)
    segment: str = ""
    member: str = ""
    limit: str = ""
    job: str = ""
    answer: httpx.Response | None = None
    answers: list[httpx.Response] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)

    @property
    def token(self) -> str:
        assert self.user is not None
        return self.user.token

    @property
    def last(self) -> httpx.Response:
        assert self.answer is not None
        return self.answer

    def problem(self, status: int) -> dict[str, Any]:
        """The problem document that the last answer was."""
        assert self.last.status_code == status, self.last.text
        assert self.last.headers["content-type"].startswith("application/problem+json")
        problem: dict[str, Any] = self.last.json()
        assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
        return problem


@pytest.fixture
def world() -> World:
    return World()


@given("a registered user")
def _(annals: Annals, world: World) -> None:
    world.user = annals.register()


@given("an authenticated user")
def _(annals: Annals, world: World) -> None:
    world.user = annals.signed_in()


@then(parsers.parse('the refusal names the permission "{permission}"'))
def _(world: World, permission: str) -> None:
    assert world.problem(403)["permission"] == permission
