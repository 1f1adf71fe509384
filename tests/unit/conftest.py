"""What most tests over HTTP begin with."""

from collections.abc import AsyncIterator

import pytest

from adapters.http import even_answers
from tests.support.http_platform import Api, opened_api
from tests.support.second_factors import Person, person


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """The API over a platform in memory."""
    async with opened_api() as api:
        yield api


@pytest.fixture
async def ada(api: Api) -> Person:
    """Somebody who is signed in."""
    return await person(api)


@pytest.fixture
def quick_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is answered evenly is answered in much shorter time."""
    monkeypatch.setattr(even_answers, "QUANTUM", 0.001)
