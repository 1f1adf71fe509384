"""The cache over HTTP, where it is hostile, late, or another tenant's."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.http.conditions import is_known
from tests.support.http_platform import OWNER, Api, opened_api
from tests.support.keys import key_of

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
async def opened() -> AsyncIterator[Api]:
    async with opened_api() as api:
        yield api


@pytest.fixture
async def api(opened: Api) -> Api:
    await opened.platform.cache.entries.invalidate("default", None)
    return opened


async def put(api: Api, path: str, value: bytes = b"v", token: str = OWNER, **more: str) -> Any:
    headers = {"authorization": f"Bearer {token}", **more}
    return await api.http.put(f"/v1/cache/{path}", content=value, headers=headers)


async def test_tenants_share_no_key_no_tag_and_no_count(api: Api) -> None:
    other = await key_of(api, "other")
    assert (await put(api, "k?tags=t", b"mine")).status_code == 201
    assert (await api.ask("GET", "/v1/cache/k", token=other)).status_code == 404
    assert (await put(api, "k?tags=t", b"theirs", other)).status_code == 201
    dropped = await api.ask("POST", "/v1/cache/invalidate", {"all": True}, token=other)
    assert dropped.json() == {"invalidated": 1}
    again = await api.ask("POST", "/v1/cache/invalidate", {"tags": ["t"]}, token=other)
    assert again.json() == {"invalidated": 0}
    assert (await api.owner("GET", "/v1/cache/k")).content == b"mine"
    usage = (await api.ask("GET", "/v1/cache", token=other)).json()
    assert (usage["entries"], usage["hits"], usage["misses"]) == (0, 0, 1)
    nobody = await key_of(api, "nobody")
    history = await api.ask("GET", "/v1/cache/history", token=nobody)
    assert (history.status_code, history.json()["type"]) == (404, "/problems/never-invalidated")


@pytest.mark.parametrize(
    ("path", "pointer", "code"),
    [
        ("k?ttl=0", "/ttl", "range"),
        ("k?ttl=-1", "/ttl", "pattern"),
        ("k?ttl=1.5", "/ttl", "pattern"),
        ("k?ttl=999999999d", "/ttl", "range"),
        ("k?ttl=3651d", "/ttl", "range"),
        ("k?tags=a,,b", "/tags/1", "tag"),
        ("k?tags=" + "x" * 201, "/tags/0", "tag"),
        ("k?tags=" + ",".join(map(str, range(33))), "/tags", "too-many"),
        ("k?tags=%00", "/tags", "nul"),
        ("k?tag=a", "/tag", "unknown"),
        ("k?ticket=7x", "/ticket", "pattern"),
        ("k?ticket=9999999999999999999", "/ticket", "ticket"),
        ("%ff", "", "key"),
        ("%c3%a9" * 257, "", "key"),
        ("", "", "key"),
    ],
)
async def test_what_is_wrong_is_pointed_at_and_nothing_is_kept(
    api: Api, path: str, pointer: str, code: str
) -> None:
    answer = await put(api, path)
    assert answer.status_code == 422, answer.text
    [fault] = answer.json()["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)
    assert (await api.owner("GET", "/v1/cache")).json()["entries"] == 0


async def test_a_type_may_be_left_out_but_not_be_endless(api: Api) -> None:
    assert (await put(api, "k", b"")).status_code == 201
    answer = await api.owner("GET", "/v1/cache/k")
    assert (answer.content, answer.headers["content-type"]) == (b"", "application/octet-stream")
    assert (await put(api, "k", **{"content-type": "x" * 256})).status_code == 422


async def test_a_value_is_no_page_that_acts_for_its_reader(api: Api) -> None:
    await put(api, "k", b"<script>steal()</script>", **{"content-type": "text/html"})
    headers = (await api.owner("GET", "/v1/cache/k")).headers
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_body_that_is_too_large_is_not_kept(api: Api) -> None:
    assert (await put(api, "k", b"x" * 1_048_576)).status_code == 201
    assert (await put(api, "k", b"x" * 1_048_577)).status_code == 413
    assert len((await api.owner("GET", "/v1/cache/k")).content) == 1_048_576


async def test_what_is_invalidated_while_the_body_arrives_is_not_kept(api: Api) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"the value as it "
        await api.owner("POST", "/v1/cache/invalidate", {"tags": ["t"]})
        yield b"was before"

    url, headers = "/v1/cache/k?tags=t", {"authorization": f"Bearer {OWNER}"}
    assert (await api.http.put(url, content=body(), headers=headers)).status_code == 201
    assert (await api.owner("GET", "/v1/cache/k")).status_code == 404


async def test_the_same_value_has_the_same_tag(api: Api) -> None:
    first = await put(api, "k?ttl=5", b"1")
    second = await put(api, "k?ttl=50", b"1")
    third = await put(api, "k", b"1", **{"content-type": "text/plain"})
    tags = [each.headers["etag"] for each in (first, second, third)]
    assert tags[0] == tags[1] != tags[2]
    assert (second.status_code, second.json()["bytes"]) == (200, 1)
    without = await api.owner("GET", "/v1/cache/k")
    assert without.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, False), (b"", False), (b'"a"', True), (b'W/"a"', True), (b'"b", "a"', True),
        (b"*", True), (b'"b"', False), (b"a", False),
    ],
)  # fmt: skip
def test_if_none_match(given: bytes | None, expected: bool) -> None:  # noqa: FBT001
    assert is_known(given, b'"a"') is expected


@pytest.mark.parametrize("body", [{}, {"all": False}, {"all": True, "tags": ["a"]}, {"tags": [""]}])
async def test_a_wrong_invalidation_drops_nothing(api: Api, body: Any) -> None:
    await put(api, "k?tags=a")
    assert (await api.owner("POST", "/v1/cache/invalidate", body)).status_code == 422
    assert (await api.owner("GET", "/v1/cache/k")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/k"), ("PUT", "/k"), ("DELETE", "/k"), ("GET", ""), ("POST", "/invalidate")],
)
async def test_a_member_may_do_nothing_with_it(api: Api, method: str, path: str) -> None:
    token = await key_of(api, "default", role="member")
    answer = await api.ask(method, f"/v1/cache{path}", token=token)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/missing-permission")
    assert (await api.ask(method, f"/v1/cache{path}")).status_code == 401


@pytest.mark.parametrize("key", ["invalidate", "invalidate/", "%68istory", "history/", "history/a"])
async def test_words_of_the_api_are_keys_as_all_others(api: Api, key: str) -> None:
    assert (await put(api, key, b"a word")).status_code == 201
    assert (await api.owner("GET", f"/v1/cache/{key}")).content == b"a word"
    assert (await api.owner("DELETE", f"/v1/cache/{key}")).status_code == 204
    assert (await api.owner("GET", f"/v1/cache/{key}")).status_code == 404


async def test_the_key_that_the_history_hides_is_refused_with_what_to_write(api: Api) -> None:
    for refused in (await put(api, "history"), await api.owner("DELETE", "/v1/cache/history")):
        assert refused.status_code == 422
        assert "%68istory" in refused.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    "header", [{"if-none-match": "*"}, {"if-match": '"x"'}, {"content-range": "bytes 0-0/9"}]
)
async def test_a_condition_that_would_not_be_kept_to_is_refused(
    api: Api, header: dict[str, str]
) -> None:
    await put(api, "k", b"first")
    refused = await put(api, "k", b"second", **header)
    assert refused.status_code == 422
    assert next(iter(header)) in refused.json()["errors"][0]["detail"]
    assert (await api.owner("GET", "/v1/cache/k")).content == b"first"
