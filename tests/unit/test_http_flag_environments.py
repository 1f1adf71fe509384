"""Environments over HTTP: described, removed once no flag works there, and their history."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http_platform import Api, opened_api

STAGING = "/v1/environments/staging"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as opened:
        yield opened


async def ask(api: Api, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await api.owner(method, path, body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def put_flag(api: Api, key: str = "beta", **body: Any) -> None:
    await ask(api, "PUT", f"/v1/flags/{key}", {"environment": "staging", **body}, 201)


async def test_an_environment_is_described_before_any_flag_works_there(api: Api) -> None:
    body = {"description": "before customers", "type": "preproduction"}
    shown = await ask(api, "PUT", STAGING, body, 201)
    assert shown == {"name": "staging", **body, "flags": 0, "enabled": 0, "version": 1}
    await put_flag(api, enabled=True)
    shown = await ask(api, "GET", STAGING)
    assert (shown["description"], shown["flags"], shown["enabled"]) == ("before customers", 1, 1)
    await ask(api, "PUT", STAGING, {"description": "other"})
    assert (await ask(api, "PUT", STAGING, {"description": "other"}))["version"] == 2


async def test_one_that_nobody_described_is_there_with_its_first_flag(api: Api) -> None:
    await ask(api, "GET", STAGING, status=404)
    await put_flag(api, enabled=True)
    assert (await ask(api, "GET", STAGING))["version"] == 0
    await ask(api, "PUT", STAGING, {}, 200)


@pytest.mark.parametrize(
    "work",
    [{"enabled": True}, {"rollout": 30}, {"rules": [{}]}],
    ids=["on", "a rollout", "rules"],
)
async def test_none_is_removed_while_a_flag_works_there(api: Api, work: Any) -> None:
    await ask(api, "PUT", STAGING, {}, 201)
    await put_flag(api, **work)
    refused = await ask(api, "DELETE", STAGING, status=409)
    assert (refused["type"], refused["flags"]) == ("/problems/environment-in-use", ["beta"])
    await ask(api, "POST", "/v1/flags/beta/archive")
    await ask(api, "DELETE", STAGING, status=204)
    await ask(api, "GET", STAGING, status=404)


async def test_a_removed_one_comes_back_with_a_flag_or_a_description(api: Api) -> None:
    await ask(api, "PUT", STAGING, {"description": "old"}, 201)
    await ask(api, "DELETE", STAGING, status=204)
    await ask(api, "DELETE", STAGING, status=204)
    await put_flag(api, enabled=True)
    assert (await ask(api, "GET", STAGING))["description"] == ""
    await ask(api, "POST", "/v1/flags/beta/disable?environment=staging")
    await ask(api, "GET", STAGING, status=404)
    await ask(api, "PUT", STAGING, {"description": "new"})
    assert (await ask(api, "GET", STAGING))["description"] == "new"


async def test_what_was_never_there_is_not_removed(api: Api) -> None:
    await ask(api, "DELETE", STAGING, status=404)


async def test_its_history_stays(api: Api) -> None:
    await ask(api, "PUT", STAGING, {"description": "first"}, 201)
    before = (await api.owner("GET", STAGING)).headers["etag"]
    await ask(api, "PUT", STAGING, {"description": "second"})
    stale = await api.owner("PUT", STAGING, {"description": "third"}, if_match=before)
    assert stale.status_code == 412
    await ask(api, "DELETE", STAGING, status=204)
    history = await ask(api, "GET", f"{STAGING}/history")
    assert [each["type"] for each in history["items"]] == [
        "environment.described",
        "environment.described",
        "environment.removed",
    ]


@pytest.mark.parametrize("name", ["live", "default", "new", "Production-2"])
async def test_any_name_of_an_environment_can_be_described(api: Api, name: str) -> None:
    await ask(api, "PUT", f"/v1/environments/{name}", {}, 201)


@pytest.mark.parametrize("name", ["-a", "a b", "x" * 101])
async def test_what_no_flag_could_name_cannot(api: Api, name: str) -> None:
    refused = await ask(api, "PUT", f"/v1/environments/{name}", {}, 422)
    assert refused["errors"][0]["code"] == "name"


async def test_a_type_that_is_none_is_pointed_at(api: Api) -> None:
    refused = await ask(api, "PUT", STAGING, {"type": "playground"}, 422)
    assert refused["errors"][0]["pointer"] == "/type"
