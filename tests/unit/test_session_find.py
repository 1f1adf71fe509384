"""Looking sessions up at once, before this process knows which generation is served."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from adapters.redis.session_store import RedisSessionStore
from application.session_store import LiveSession

LOG = UUID(int=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SESSION = LiveSession(
    id="s",
    token_hash="h",
    account="a",
    tenant="default",
    created_at=NOW,
    authenticated_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    position=1,
)


class Server:
    """Has one session in generation `g`."""

    run_id = "run"
    asked = 0
    connections = 0  # none since the store was made

    async def execute(self, *words: Any) -> list[bytes | None]:
        await asyncio.sleep(0)
        assert words[0] == "MGET"
        found = {
            "sessions:marker": f"{LOG}|run|g".encode(),
            "sessions:g:t:h": msgspec.json.encode(SESSION),
            "sessions:g:s:h": b"%d" % (NOW.timestamp() * 1000),
        }
        self.asked += 1
        return [found.get(word) for word in words[1:]]


async def test_the_first_requests_of_a_process_all_find_their_session() -> None:
    def lost() -> None:
        raise AssertionError

    redis: Any = Server()
    store = RedisSessionStore(redis, incarnation=lambda: LOG, on_lost=lost, clock=lambda: NOW)
    found = await asyncio.gather(*(store.find("h") for _ in range(5)))
    assert found == [SESSION] * 5
    assert await store.find("other") is None


async def test_a_session_costs_one_round_trip() -> None:
    redis: Any = Server()
    store = RedisSessionStore(
        redis, incarnation=lambda: LOG, on_lost=lambda: None, clock=lambda: NOW
    )
    assert await store.find("h") == SESSION  # learns of the generation
    redis.asked = 0
    assert [await store.find("h") for _ in range(10)] == [SESSION] * 10
    assert redis.asked == 10
