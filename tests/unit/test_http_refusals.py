"""Refusals that say what is wrong, instead of something near it."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from adapters.settings import Settings
from tests.support.http_platform import OWNER, Api, opened_api

EXECUTOR = {"kind": "http", "url": "http://127.0.0.1:9/x"}


@pytest.fixture(scope="module")
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        yield api


def faults(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(each["pointer"], each["code"]) for each in answer.json()["errors"]]


async def define(api: Api, **body: Any) -> httpx.Response:
    answer: httpx.Response = await api.owner("PUT", "/v1/actions/a", {"executor": EXECUTOR, **body})
    return answer


async def test_a_query_of_too_many_parameters_is_told_so(api: Api) -> None:
    query = "&".join(f"p{number}=1" for number in range(51))
    assert faults(await api.owner("GET", f"/v1/events?{query}")) == [("", "too-many")]
    few = faults(await api.owner("GET", f"/v1/events?{query.removesuffix('&p50=1')}"))
    assert {code for _, code in few} == {"unknown"}


@pytest.mark.parametrize("name", ["Host", "Idempotency-Key", "annals-attempt", "Proxy-X", "te"])
async def test_a_header_that_would_never_be_sent_is_refused(api: Api, name: str) -> None:
    executor = {**EXECUTOR, "headers": {name: "x", "x-fine": "y"}}
    refused = await define(api, executor=executor)
    assert faults(refused) == [(f"/executor/headers/{name}", "header")]


async def test_pauses_do_not_begin_above_their_cap(api: Api) -> None:
    refused = await define(api, retry={"base": "31s", "cap": "30s"})
    assert faults(refused) == [("/retry/base", "range")]
    assert (await define(api, retry={"base": "30s", "cap": "30s"})).is_success


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (rb'{"description":"\ud800"}', "/description"),
        (rb'{"description":"\udc00 and more of it"}', "/description"),
        (rb'{"description":"\ud83d\ude00","group":"\ud800\u0041"}', "/group"),
        (rb'{"\ud800":1}', "/\ufffd"),
    ],
)
async def test_a_lone_surrogate_is_called_one(api: Api, body: bytes, pointer: str) -> None:
    headers = {"authorization": f"Bearer {OWNER}", "content-type": "application/json"}
    answer = await api.http.put("/v1/flags/a", content=body, headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, "/problems/malformed-json")
    assert "lone surrogate" in problem["detail"]
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
        (pointer, "surrogate")
    ]


async def test_a_truncated_body_is_still_called_truncated(api: Api) -> None:
    headers = {"authorization": f"Bearer {OWNER}", "content-type": "application/json"}
    body = rb'{"description":"\ud83d\ude00'
    answer = await api.http.put("/v1/flags/a", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-json")


async def test_an_empty_body_is_called_empty(api: Api) -> None:
    headers = {"authorization": f"Bearer {OWNER}", "content-type": "application/json"}
    answer = await api.http.put("/v1/flags/a", headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, "/problems/malformed-json")
    assert problem["detail"] == "The body is empty, and must be JSON."


@pytest.mark.parametrize(("level", "lines"), [("info", 1), ("debug", 3)])
async def test_probes_are_no_news(monkeypatch: pytest.MonkeyPatch, level: Any, lines: int) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    async with opened_api(settings=Settings(log_level=level)) as api:
        for path in ("/health", "/health/ready", "/v1/access/current"):
            await api.owner("GET", path)
        await asyncio.sleep(0)  # a line is written at the end of the loop's turn
    assert written.getvalue().count('"event":"request"') == lines
