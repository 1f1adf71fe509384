"""Flags as they were, over HTTP: also for those who are told by the clock."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.memory.event_store import MemoryEventStore
from tests.support.http_platform import Api, opened_api

SALE = datetime(2026, 6, 1, tzinfo=UTC)
FROM_THEN_ON = {
    "kind": "constraint",
    "field": "currentTime",
    "operator": "DATE_AFTER",
    "values": ["2026-06-01T00:00:00Z"],
}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A flag that begins with the sale, asked about long afterwards."""
    store = MemoryEventStore(clock=lambda: SALE - timedelta(days=1))
    async with opened_api(store=store) as opened:
        body = {"enabled": True, "rules": [{"condition": FROM_THEN_ON}]}
        assert (await opened.owner("PUT", "/v1/flags/sale", body)).status_code == 201
        opened.platform.clock = SALE + timedelta(days=100)
        yield opened


async def enabled(api: Api, path: str, body: dict[str, Any]) -> bool:
    answer = await api.owner("POST", f"/v1/flags/{path}", body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    found = found.get("flags", {}).get("sale") or found.get("evaluation") or found
    return bool(found["enabled"])


def told(days: int) -> str:
    return (SALE + timedelta(days=days)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(("days", "expected"), [(-1, False), (1, True)])
async def test_the_clock_is_that_of_the_moment(api: Api, days: int, expected: bool) -> None:  # noqa: FBT001
    at = told(days)
    assert await enabled(api, f"sale/evaluate?at={at}", {}) == expected
    assert await enabled(api, "evaluate", {"at": at}) == expected
    assert await enabled(api, f"sale/explain?at={at}", {}) == expected
    context = {"currentTime": told(5)}
    assert await enabled(api, f"sale/evaluate?at={at}", {"context": context})


async def test_a_position_has_a_clock_too(api: Api) -> None:
    last = (await api.platform.store.tail()).position
    assert await enabled(api, "sale/evaluate", {})
    assert not await enabled(api, f"sale/evaluate?position={last}", {})


async def test_a_flag_that_is_named_twice_answers_once(api: Api) -> None:
    answer = await api.owner("POST", "/v1/flags/evaluate", {"keys": ["sale", "sale"]})
    assert answer.text.count('"sale":') == 1
