"""Steps of idle followers, while the database is away."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.postgres.idle import PATIENCE, IdleSteps
from adapters.postgres.member import LONGEST_PAUSE


class PoolThatIsAway:
    def __init__(self) -> None:
        self.tries = 0

    @asynccontextmanager
    async def acquire(self) -> Any:
        self.tries += 1
        raise ConnectionRefusedError
        yield


async def test_tries_are_far_apart_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool: Any = PoolThatIsAway()
    member: Any = SimpleNamespace(writing=asyncio.Lock(), idle_step=object(), mark="mark")
    steps = IdleSteps(pool, 1, lambda _: None)
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 6:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    steps.notice()
    with pytest.raises(asyncio.CancelledError):
        await steps.run({member.mark: member})
    assert slept == [PATIENCE, LONGEST_PAUSE] * 3
    assert pool.tries == 3
    assert not member.writing.locked()
