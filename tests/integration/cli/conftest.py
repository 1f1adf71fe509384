from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Installation
from tests.support.services import Services


@pytest.fixture(scope="module")
def installation(
    services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A database with a projector at work, for all tests of a module."""
    url = services.new_database()
    made = Installation(url, tmp_path_factory.mktemp("cli") / "data")
    yield made
    made.close()
    services.drop_database(url)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of the developer's is read."""
    monkeypatch.chdir(tmp_path)
