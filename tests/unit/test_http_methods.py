"""Methods that no operation names: HEAD, OPTIONS, and those that a path does not take."""

from collections.abc import AsyncIterator

import pytest

from adapters.http.app import OPERATIONS
from tests.support.http_platform import Api, opened_api

ID = "0190f3a2-7b6e-7cc0-8d3a-1f2e3d4c5b6a"


@pytest.fixture(scope="module")
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await api.owner("PUT", "/v1/flags/a", {"enabled": True})
        yield api


def places() -> list[str]:
    """A path for each GET operation that answers at once."""
    paths = [
        each.path
        for each in OPERATIONS
        if each.method == "GET" and each.media_type != "text/event-stream"
    ]
    fill = {"{id}": ID, "{key}": "a", "{name}": "a", "{slug}": "outage", "{stream:path}": "flag/a"}
    for name, value in fill.items():
        paths = [path.replace(name, value) for path in paths]
    return sorted(set(paths) - {"/metrics"})


@pytest.mark.parametrize("path", places())
async def test_a_head_is_a_get_without_its_body(api: Api, path: str) -> None:
    got = await api.owner("GET", path, correlation_id=ID)
    head = await api.owner("HEAD", path, correlation_id=ID)
    assert head.status_code == got.status_code
    assert head.headers == got.headers
    assert head.content == b""


@pytest.mark.parametrize("path", ["/v1/events/live", "/v1/inbox/live"])
async def test_a_head_of_a_live_stream_ends_at_once(api: Api, path: str) -> None:
    head = await api.owner("HEAD", path)
    assert head.status_code == 200
    assert head.headers["content-type"].startswith("text/event-stream")
    assert head.content == b""


async def test_a_path_says_which_methods_it_takes(api: Api) -> None:
    for path, methods in (
        ("/v1/flags/a", "GET, HEAD, OPTIONS, PUT"),
        ("/v1/accounts", "GET, HEAD, OPTIONS, POST"),
        ("/v1/tokens", "OPTIONS, POST"),
        ("/v1/streams/flag/a", "GET, HEAD, OPTIONS"),
    ):
        asked = await api.ask("OPTIONS", path)
        refused = await api.ask("PATCH", path)
        assert (asked.status_code, refused.status_code) == (204, 405)
        assert asked.headers["allow"] == refused.headers["allow"] == methods
        assert "correlation-id" in asked.headers


async def test_what_the_router_refuses_can_be_told_from_other_requests(api: Api) -> None:
    for method, path in (("GET", "/nothing/here"), ("PATCH", "/v1/flags/a")):
        given = await api.ask(method, path, correlation_id=ID)
        made = await api.ask(method, path)
        assert given.headers["correlation-id"] == ID != made.headers["correlation-id"]
