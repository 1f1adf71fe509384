"""What the OpenAPI document says is what requests meet."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http_platform import Api, opened_api


@pytest.fixture(scope="module")
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await api.owner("PUT", "/v1/flags/a", {"enabled": True})
        yield api


async def parameters(api: Api, method: str, path: str) -> dict[str, Any]:
    document = (await api.ask("GET", "/schema/openapi.json")).json()
    return {each["name"]: each for each in document["paths"][path][method]["parameters"]}


HEADERS = [
    ("Annals-Consistent-After", "zzz"),
    ("Annals-Consistent-After", "-1"),
    ("Annals-Consistent-After", "0"),
    ("Idempotency-Key", '""'),
    ("Idempotency-Key", '"'),
    ("Idempotency-Key", "a b"),
    ("Idempotency-Key", '"quoted"'),
    ("Idempotency-Key", "k" * 255),
    ("Idempotency-Key", "k" * 256),
    ("Idempotency-Key", f'"{"k" * 255}"'),
    ("If-Match", "v1"),
    ("If-Match", "*"),
    ("If-Match", '"v1"x'),
    ("If-Match", '"other"'),
]


@pytest.mark.parametrize(("name", "value"), HEADERS)
async def test_a_header_is_refused_where_its_pattern_says_so(
    api: Api, name: str, value: str
) -> None:
    described = (await parameters(api, "post", "/v1/flags/{key}/enable"))[name]
    answer = await api.owner("POST", "/v1/flags/a/enable", **{name: value})
    assert (answer.status_code != 422) == bool(re.search(described["schema"]["pattern"], value))


async def test_commands_tell_that_they_wait(api: Api) -> None:
    described = await parameters(api, "post", "/v1/actions/{name}/runs")
    assert "503" in described["Annals-Consistent-After"]["description"]


async def test_moments_tell_that_they_exclude_each_other(api: Api) -> None:
    described = await parameters(api, "get", "/v1/flags/{key}")
    assert "not together with at" in described["position"]["schema"]["description"]
    assert "not together with position" in described["at"]["schema"]["description"]


async def test_no_key_of_a_limit_holds_nul(api: Api) -> None:
    document = (await api.ask("GET", "/schema/openapi.json")).json()
    key = document["components"]["schemas"]["CheckBody"]["properties"]["key"]
    answer = await api.owner("POST", "/v1/limits/a/check", {"key": "a\0"})
    assert not re.search(key["pattern"], "a\0")
    assert [each["code"] for each in answer.json()["errors"]] == ["nul"]
