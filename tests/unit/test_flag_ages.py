"""How old a flag is, and whether it is past its lifetime, as it is shown by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.memory.event_store import MemoryEventStore
from tests.support.http_platform import Api, opened_api

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


async def shown(api: Api, query: str = "") -> dict[str, Any]:
    answer = await api.owner("GET", f"/v1/flags/old{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_flag_shows_its_age() -> None:
    now = [BEGIN]
    async with opened_api(store=MemoryEventStore(clock=lambda: now[0]), clock=BEGIN) as api:
        await api.owner("PUT", "/v1/flags/old", {"lifetime": 5})
        young = await shown(api)
        assert datetime.fromisoformat(young["created_at"]) == BEGIN
        assert young["potentially_stale"] is False
        now[0] = api.platform.clock = BEGIN + timedelta(days=6)
        await api.owner("PUT", "/v1/flags/old", {"lifetime": 5, "description": "changed"})
        old = await shown(api)
        assert old["created_at"] == young["created_at"]
        assert old["potentially_stale"] is True
        await api.owner("POST", "/v1/flags/old/mark", {"stale": True})
        marked = await shown(api)
        assert (marked["potentially_stale"], marked["stale"]) == (False, True)
        then = await shown(api, "?at=2026-01-02T00:00:00Z")
        assert (then["potentially_stale"], then["description"]) == (False, "")
