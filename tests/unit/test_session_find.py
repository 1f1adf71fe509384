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

    async def execute(self, *words: Any) -> list[bytes | None]:
        await asyncio.sleep(0)
        kept = msgspec.json.encode(SESSION) if words[-1] == "sessions:g:t:h" else None
        return [f"{LOG}|run|g".encode(), kept]


async def test_the_first_requests_of_a_process_all_find_their_session() -> None:
    def lost() -> None:
        raise AssertionError

    redis: Any = Server()
    store = RedisSessionStore(redis, incarnation=lambda: LOG, on_lost=lost, clock=lambda: NOW)
    found = await asyncio.gather(*(store.find("h") for _ in range(5)))
    assert found == [SESSION] * 5
    assert await store.find("other") is None
