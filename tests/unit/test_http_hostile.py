"""Whatever is sent: an answer in the one shape, never a 500."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.http.app import OPERATIONS
from adapters.http.bodies import Body
from tests.support.http_platform import OWNER, Api, opened_api

BIG = 1_048_576
HOSTILE: list[bytes] = [
    b"",
    b"nope",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b'{"enabled":tru',
    b"\xff\xfe",
    b'{"enabled":1e999}',
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"description":"\\u0000"}',
    b'{"description":"\\ud800"}',
    b'{"rollout":99999999999999999999999999999999999}',
    b'{"rollout":-1}',
    b'{"rollout":1.5}',
    b'{"enabled":true,"enabled":"no"}',
    b'{"\\u0000":1}',
    b'{"unknown/~field":1}',
    json.dumps({"description": "x" * 1_000_000}).encode(),
]
CREDENTIALS = [
    (b"host", b"annals"),
    (b"authorization", f"Bearer {OWNER}".encode()),
    (b"content-type", b"application/json"),
]
PROBLEM = {"type", "title", "status", "detail", "instance"}


@pytest.fixture(scope="module")
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        yield api


def request(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """A request as a server would hand it over."""
    route, _, query = path.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": route,
        "query_string": query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("annals", 80),
        "state": {},
    }


async def answer(api: Api, scope: dict[str, Any], receive: Any) -> Any:
    """What the application answers, held against what every answer promises."""
    messages: list[dict[str, Any]] = []

    async def write(message: dict[str, Any]) -> None:
        messages.append(message)

    await api.app(scope, receive, write)  # type: ignore[arg-type]
    if scope["method"] == "HEAD":
        status = messages[0]["status"]
        assert status < 500 or status == 503
        return status, messages[-1]["body"]
    return check(messages)


def whole(body: bytes) -> Any:
    """Receives a body in one piece; then the client is gone."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    return receive


async def ask(api: Api, method: str, path: str, body: bytes = b"", **extra: bytes) -> Any:
    headers = [
        *CREDENTIALS,
        *((name.replace("_", "-").encode(), value) for name, value in extra.items()),
    ]
    return await answer(api, request(method, path, headers), whole(body))


def check(messages: list[dict[str, Any]]) -> Any:
    """Errors are problem documents, but for OFREP's, whose form that protocol says."""
    start, end = messages
    status, headers = start["status"], dict(start["headers"])
    assert status != 500, end["body"]
    if status >= 400 and headers[b"content-type"] == b"application/problem+json":
        problem = json.loads(end["body"])
        assert problem.keys() >= PROBLEM
        assert problem["status"] == status
        if status == 422:
            assert all(each.keys() == {"pointer", "code", "detail"} for each in problem["errors"])
        return status, problem
    assert status < 400 or status == 503 or b'"errorCode"' in end["body"], (status, headers)
    return status, end["body"]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_hostile_body_is_refused(api: Api, body: bytes) -> None:
    for each in OPERATIONS:
        if isinstance(each.body, Body):
            path = each.path.replace("{id}", "0190f3a2-7b6e-7cc0-8d3a-1f2e3d4c5b6a")
            path = path.replace("{key}", "k").replace("{name}", "n")
            status, _ = await ask(api, each.method, path, body)
            assert status in {400, 401, 404, 422}


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (b'{"rollout":-1}', "/rollout", "range"),
        (b'{"rollout":"x"}', "/rollout", "type"),
        (b'{"nope":1}', "/nope", "unknown"),
        (b'{"description":"\\u0000"}', "/description", "nul"),
        (b'{"environment":"a b"}', "/environment", "pattern"),
    ],
)
async def test_a_fault_is_pointed_at(api: Api, body: bytes, pointer: str, code: str) -> None:
    status, problem = await ask(api, "PUT", "/v1/flags/f", body)
    assert status == 422
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [(pointer, code)]


async def test_every_fault_is_told_at_once(api: Api) -> None:
    body = b'{"limit":"l l","executor":{"kind":"http","url":"ftp://x","q":1},"retry":{"base":1}}'
    _, problem = await ask(api, "PUT", "/v1/actions/f", body)
    assert {each["pointer"] for each in problem["errors"]} == {
        "/limit",
        "/executor/url",
        "/executor/q",
        "/retry/base",
    }


async def test_a_body_that_is_too_large_is_not_read(api: Api) -> None:
    status, problem = await ask(api, "PUT", "/v1/flags/f", content_length=b"%d" % (BIG + 1))
    assert (status, problem["type"], problem["limit"]) == (413, "/problems/body-too-large", BIG)
    status, _ = await ask(api, "PUT", "/v1/flags/f", content_length=b"9" * 50)
    assert status == 413
    status, _ = await ask(api, "PUT", "/v1/flags/f", content_length=b"-1")
    assert status == 400


async def test_a_body_without_a_length_is_read_no_further_than_allowed(api: Api) -> None:
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    status, _ = await answer(api, request("PUT", "/v1/flags/f", CREDENTIALS), receive)
    assert status == 413
    assert read == 17


async def test_only_json_is_read(api: Api) -> None:
    others = ("text/plain", "", "application/x-www-form-urlencoded", "text/json; charset=latin-1")
    for media_type in others:
        status, problem = await put(api, media_type)
        assert (status, problem["type"]) == (415, "/problems/unsupported-media-type")
    assert (await put(api, "application/json; charset=UTF-8"))[0] == 201


async def put(api: Api, media_type: str) -> Any:
    headers = [*CREDENTIALS[:2], (b"content-type", media_type.encode())]
    return await answer(api, request("PUT", "/v1/flags/utf", headers), whole(b"{}"))


async def test_what_the_router_refuses_has_the_same_shape(api: Api) -> None:
    missing = await api.ask("GET", "/nothing/here")
    method = await api.ask("PATCH", "/v1/flags/a")
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/no-such-page")
    assert (method.status_code, method.json()["type"]) == (405, "/problems/method-not-allowed")
    assert {"GET", "PUT"} <= set(method.headers["allow"].split(", "))
    assert missing.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/flags/a?at=yesterday",
        "/v1/flags/a?at=0001-01-01T00:00:00%2B14:00",
        "/v1/flags/a?at=2026-01-01T00:00:00",
        "/v1/flags/a?position=zzz",
        "/v1/flags/a?position=" + "_" * 32,
        "/v1/flags/a?nope=1",
        "/v1/flags/a?environment=a&environment=b",
        "/v1/flags/a?environment=%ff",
        "/v1/flags/a?environment=%00",
        "/v1/events?after=99999999999999999999",
        "/v1/events?after=-1",
        "/v1/events?limit=0",
        "/v1/events?limit=x",
        "/v1/events?correlation=x",
        "/v1/events?type=%00",
        "/v1/flags?cursor=x",
        "/v1/flags?cursor=WyJcdTAwMDAiXQ",
        "/v1/jobs?cursor=WzE4NDQ2NzQ0MDczNzA5NTUxNjE1XQ",
        "/v1/jobs?state=lost",
        "/v1/access/current?x=1",
    ],
)
async def test_a_bad_query_is_pointed_at(api: Api, path: str) -> None:
    status, problem = await ask(api, "GET", path)
    assert status == 422, problem
    assert problem["errors"]


@pytest.mark.parametrize("name", ["all", "Runs", "-x", "a b", "a" * 101, "\0", "é", "%"])
async def test_a_name_that_cannot_be_one_is_refused(api: Api, name: str) -> None:
    status, _ = await ask(api, "PUT", f"/v1/flags/{name}", b"{}")
    assert status == 422


async def test_an_outage_tells_nothing_about_the_inside(api: Api) -> None:
    api.platform.sessions.down = True
    refused = await api.ask("GET", "/v1/access/current", token="as_" + "x" * 43)
    api.platform.sessions.down = False
    assert refused.status_code == 503
    assert refused.json()["outcome"] == "failed"
    assert "10.0.0.1" not in refused.text
    assert refused.headers["retry-after"] == "1"


texts = st.text(max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
bodies = st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode())
known = st.sampled_from(
    [each.path for each in OPERATIONS if each.media_type != "text/event-stream"]
)
values = st.text(min_size=1, max_size=20) | st.sampled_from(
    ["a", "\0", "0190f3a2-7b6e-7cc0-8d3a-1f2e3d4c5b6a", "\ud800", "..", "%2e", "x" * 300]
)
headers = st.lists(
    st.tuples(
        st.sampled_from(
            [
                b"idempotency-key", b"if-match", b"correlation-id", b"traceparent", b"cookie",
                b"annals-consistent-after", b"last-event-id", b"x-forwarded-for", b"origin",
                b"content-length", b"content-type", b"host", b"user-agent", b"authorization",
            ]
        ),
        st.binary(max_size=60),
    ),
    max_size=5,
)  # fmt: skip


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD"]),
    path=known,
    value=values,
    query=st.text(max_size=30) | st.sampled_from(["after=0", "at=x", "limit=1", "cursor=e30"]),
    extra=headers,
    body=bodies,
)
async def test_nothing_that_is_sent_breaks_it(
    api: Api, method: str, path: str, value: str, query: str, extra: Any, body: bytes
) -> None:
    for parameter in ("{id}", "{key}", "{name}", "{slug}", "{stream:path}"):
        path = path.replace(parameter, value)
    scope = request(method, f"{path}?{query}", [*CREDENTIALS, *extra])
    await answer(api, scope, whole(body))
