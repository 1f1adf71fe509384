"""`Idempotency-Key` on commands of flags that have no body of their own."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http_platform import Api, opened_api

KEY = {"idempotency_key": "once"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as opened:
        await opened.owner("PUT", "/v1/flags/beta", {"enabled": False})
        yield opened


async def enable(api: Api, body: Any = None, query: str = "") -> Any:
    return await api.owner("POST", f"/v1/flags/beta/enable{query}", body, **KEY)


async def test_the_same_request_is_answered_again(api: Api) -> None:
    first = await enable(api)
    for body in (None, {}):
        again = await enable(api, body)
        assert first.status_code == again.status_code == 200
        assert again.headers["idempotent-replayed"] == "true"
        assert again.content == first.content


@pytest.mark.parametrize("body", [{"environment": "production"}, [], "yes", 0])
async def test_what_nobody_would_hear_is_refused(api: Api, body: Any) -> None:
    before = await api.owner("GET", "/v1/flags/beta")
    refused = await enable(api, body)
    assert refused.status_code == 422
    assert [each["code"] for each in refused.json()["errors"]] == ["unexpected"]
    assert (await api.owner("GET", "/v1/flags/beta")).content == before.content


async def test_another_environment_is_another_request(api: Api) -> None:
    assert (await enable(api, query="?environment=staging")).status_code == 200
    refused = await enable(api, query="?environment=production")
    assert refused.json()["type"] == "/problems/idempotency-key-reused"
    shown = await api.owner("GET", "/v1/flags/beta")
    assert shown.json()["environments"] == ["staging"]
