"""OFREP asked by pages of other origins: those that the operator names, and nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from adapters.settings import Settings, SettingsError, load_settings
from tests.support.http_platform import OWNER, Api, opened_api

SHOP = "https://shop.example.org"
ONE, ALL = "/ofrep/v1/evaluate/flags/beta", "/ofrep/v1/evaluate/flags"
HOSTILE = [
    "https://evil.example.org",
    "https://shop.example.org.evil.example",
    "https://evilshop.example.org",
    "https://a.shop.example.org",
    "http://shop.example.org",
    "https://shop.example.org:8443",
    "https://shop.example.org/",
    "https://SHOP.example.org",
    "https://shop.example.org, https://evil.example.org",
    "null",
    "*",
    "",
]


@asynccontextmanager
async def opened(*origins: str) -> AsyncIterator[Api]:
    settings = Settings(log_level="error", cors_origins=origins)
    async with opened_api(settings=settings) as api:
        await api.owner("PUT", "/v1/flags/beta", {"enabled": True})
        yield api


async def evaluate(api: Api, path: str = ALL, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"context": {"targetingKey": "7"}}
    return await api.http.post(path, json=body, headers=sent)


async def preflight(api: Api, path: str, origin: str, **more: str) -> httpx.Response:
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,if-none-match",
        **more,
    }
    return await api.http.options(path, headers=asked)


def shares(answer: httpx.Response) -> dict[str, str]:
    names = [name for name in answer.headers if name.startswith("access-control-")]
    return {name: answer.headers[name] for name in names}


def words(text: str) -> set[str]:
    return {each.strip().lower() for each in text.split(",")}


async def test_a_page_of_a_named_origin_reads_answers() -> None:
    async with opened("http://localhost:3000", SHOP) as api:
        token = f"Bearer {OWNER}"
        answer = await evaluate(api, origin=SHOP, authorization=token)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert {"etag", "retry-after"} <= words(answer.headers["access-control-expose-headers"])
        assert "origin" in words(answer.headers["vary"])
        tag = answer.headers["etag"]
        again = await evaluate(api, origin=SHOP, authorization=token, if_none_match=tag)
        assert again.status_code == 304
        assert again.headers["access-control-allow-origin"] == SHOP
        assert "etag" in words(again.headers["access-control-expose-headers"])


async def test_it_reads_refusals_too() -> None:
    async with opened(SHOP) as api:
        answer = await evaluate(api, ONE, origin=SHOP)
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == SHOP


@pytest.mark.parametrize("path", [ONE, ALL, "/ofrep/v1/stream"])
async def test_a_preflight_says_what_may_be_sent(path: str) -> None:
    async with opened(SHOP) as api:
        answer = await preflight(api, path, SHOP)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == SHOP
        allowed = words(answer.headers["access-control-allow-headers"])
        assert {"authorization", "content-type", "if-none-match", "last-event-id"} <= allowed
        method = "get" if path.endswith("stream") else "post"
        assert method in words(answer.headers["access-control-allow-methods"])
        assert "origin" in words(answer.headers["vary"])
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", HOSTILE)
async def test_nobody_else_is_told_anything(origin: str) -> None:
    async with opened(SHOP) as api:
        asked = await preflight(api, ALL, origin)
        answer = await evaluate(api, origin=origin, authorization=f"Bearer {OWNER}")
        for each in (asked, answer):
            assert shares(each) == {}
            assert "origin" in words(each.headers["vary"])


async def test_two_origins_in_one_request_are_none() -> None:
    async with opened(SHOP) as api:
        headers = [("origin", SHOP), ("origin", "https://evil.example.org")]
        sent = [*headers, ("authorization", f"Bearer {OWNER}")]
        answer = await api.http.post(ALL, json={}, headers=sent)
        assert shares(answer) == {}


async def test_any_page_may_where_the_operator_says_so() -> None:
    async with opened("*") as api:
        answer = await evaluate(api, origin="https://evil.example", authorization=f"Bearer {OWNER}")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert (await preflight(api, ALL, "null")).headers["access-control-allow-origin"] == "*"


async def test_none_may_by_default() -> None:
    async with opened() as api:
        for each in (await preflight(api, ALL, SHOP), await evaluate(api, origin=SHOP)):
            assert shares(each) == {}
            assert "vary" not in each.headers


@pytest.mark.parametrize("path", ["/v1/flags/beta", "/v1/flags/evaluate", "/api/client/features"])
async def test_no_other_path_is_shared(path: str) -> None:
    async with opened("*") as api:
        assert shares(await preflight(api, path, SHOP)) == {}
        answer = await api.owner("GET", path, origin=SHOP)
        assert shares(answer) == {}


async def test_what_is_no_preflight_is_told_the_methods() -> None:
    async with opened(SHOP) as api:
        answer = await api.http.options(ALL, headers={"origin": SHOP})
        assert answer.headers["allow"] == "OPTIONS, POST"
        assert "access-control-allow-methods" not in answer.headers


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("*", ("*",)),
        (f"{SHOP}, http://localhost:3000", (SHOP, "http://localhost:3000")),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
        ("capacitor://localhost", ("capacitor://localhost",)),
    ],
)
def test_origins_are_read_as_browsers_write_them(text: str, origins: tuple[str, ...]) -> None:
    assert load_settings({"CORS_ORIGINS": text}).cors_origins == origins


@pytest.mark.parametrize(
    "text",
    [
        "shop.example.org",
        "https://shop.example.org/",
        "https://shop.example.org/path",
        "https://shop.example.org:443",
        "http://localhost:80",
        "https://Shop.example.org",
        "https://*.example.org",
        "null",
        "https://user@shop.example.org",
        f"{SHOP},",
        "https://shop.example.org:port",
    ],
)
def test_what_no_browser_sends_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        load_settings({"CORS_ORIGINS": text})


async def test_a_stream_is_shared_from_its_first_bytes() -> None:
    async with opened(SHOP) as api:
        sent: list[Any] = []
        headers = [
            (b"origin", SHOP.encode()),
            (b"authorization", f"Bearer {OWNER}".encode()),
            (b"host", b"annals"),
        ]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "HEAD",
            "path": "/ofrep/v1/stream",
            "raw_path": b"/ofrep/v1/stream",
            "query_string": b"",
            "headers": headers,
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "server": ("annals", 80),
            "root_path": "",
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await api.app(scope, receive, send)  # type: ignore[arg-type]
        assert (b"access-control-allow-origin", SHOP.encode()) in sent[0]["headers"]
