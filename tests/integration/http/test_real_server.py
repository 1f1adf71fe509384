"""What only a real server shows: sockets, streams that end, and going away politely."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from features.driver import Annals
from tests.support.platform import Platform, free_port
from tests.support.services import Services

PATIENCE = 30.0
SOMEBODY_WAITS = """
    SELECT EXISTS (
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
    )
"""


@pytest.fixture(scope="module")
def platform(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data_dir: Path = tmp_path_factory.mktemp("http") / "data"
    url = services.new_database()
    platform = Platform(data_dir, DATABASE_URL=url, REDIS_URL=services.redis_url)
    platform.start()
    yield platform
    platform.stop()


@pytest.fixture
def annals(platform: Platform) -> Iterator[Annals]:
    driver = platform.driver()
    yield driver
    driver.close()


def dial(platform: Platform) -> socket.socket:
    return socket.create_connection(("127.0.0.1", platform.port), timeout=PATIENCE)


def head(method: str, path: str, annals: Annals, length: int) -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nhost: annals\r\nauthorization: Bearer {annals.owner}\r\n"
        f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def test_a_body_that_is_announced_too_large_is_refused_unread(
    platform: Platform, annals: Annals
) -> None:
    with dial(platform) as connection:
        connection.sendall(head("PUT", "/v1/flags/large", annals, 2_000_000))
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_goes_away_does_not_stop_its_command(
    platform: Platform, annals: Annals
) -> None:
    name, body = annals.unique("left"), b'{"enabled":true}'
    reader = annals.live({"after": "0", "type": "flag.enabled"})
    log = await asyncpg.connect(platform.env["DATABASE_URL"])
    async with log.transaction():
        await log.execute("SELECT pg_advisory_xact_lock(1095650892, 1)")  # nobody appends now
        with dial(platform) as connection:
            connection.sendall(head("PUT", f"/v1/flags/{name}", annals, len(body)) + body)
            while not await log.fetchval(SOMEBODY_WAITS):
                continue
    await log.close()
    assert any(event["stream"] == f"flag/{name}" for event in reader)


def test_lists_go_on_where_a_page_ended(annals: Annals) -> None:
    keys = [annals.unique(f"page-{letter}") for letter in "abc"]
    for key in keys:
        last = annals.define_flag(key)
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        path = str(httpx.URL("/v1/flags", params=query))
        headers = {"annals-consistent-after": last.headers["annals-position"]}
        page = annals.as_owner("GET", path, headers=headers).json()
        seen += [item["key"] for item in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == sorted(set(seen))
    assert set(keys) <= set(seen)


def test_the_openapi_document_names_every_route(annals: Annals) -> None:
    document = annals.request("GET", "/schema").json()
    page = annals.request("GET", "/schema", headers={"accept": "text/html"})
    assert document["openapi"] == "3.1.0"
    assert {"get", "put"} <= document["paths"]["/v1/flags/{key}"].keys()
    assert page.headers["content-type"].startswith("text/html")
    assert "annals_http_requests_total" in annals.request("GET", "/metrics").text


def test_a_head_has_the_headers_of_a_get_and_no_body(annals: Annals) -> None:
    owner = {"authorization": f"Bearer {annals.owner}"}
    for path in ("/health", "/health/ready", "/v1/access/current", "/nothing"):
        got = annals.http.get(path, headers=owner)
        head = annals.http.head(path, headers=owner)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-length"] == str(len(got.content))
    with annals.http.stream("HEAD", "/v1/events/live", headers=owner) as live:
        assert list(live.iter_lines()) == []


def test_a_problem_type_leads_to_a_page_about_it(annals: Annals) -> None:
    problem = annals.request("GET", "/v1/events").json()
    page = annals.request("GET", problem["type"])
    assert page.status_code == 200
    assert "401" in page.text
    assert annals.request("GET", "/problems/nothing").status_code == 404


def test_a_server_that_stops_sends_its_readers_away(platform: Platform, annals: Annals) -> None:
    port = free_port()
    api = platform.also("api", PORT=str(port), HOST="127.0.0.1", DRAIN_DELAY="2s")
    url = f"http://127.0.0.1:{port}"
    api.wait_ready(url)
    headers = {"authorization": f"Bearer {annals.owner}"}
    with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as http:  # noqa: SIM117
        with http.stream("GET", "/v1/events/live?after=0", headers=headers) as stream:
            lines = stream.iter_lines()
            token = next(line for line in lines if line.startswith("id:"))
            event = json.loads(next(lines).removeprefix("data:"))
            api.popen.send_signal(signal.SIGTERM)
            rest = list(lines)
            draining = http.get("/health/ready")
    assert event["token"] == token.removeprefix("id: ")
    assert rest[-2:] == ["retry: 1000", ""]
    assert (draining.status_code, draining.json()["status"]) == (503, "draining")
    assert api.popen.wait(PATIENCE) == 0
    api.stop()


def test_a_stream_ends_with_the_session_that_opened_it(annals: Annals) -> None:
    user = annals.register()
    role = annals.as_owner("PUT", f"/v1/accounts/{user.account}/role", {"role": "admin"})
    annals.sign_in(user)
    headers = {"authorization": f"Bearer {user.token}"}
    with annals.http.stream(
        "GET", "/v1/events/live", headers=headers, params={"type": "flag.enabled"}
    ) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        before = annals.unique("before")
        with httpx.Client(base_url=annals.url, timeout=PATIENCE, trust_env=False) as other:
            second = Annals(annals.url, annals.owner)
            second.define_flag(before)
            assert before in next(line for line in lines if line.startswith("data:"))
            assert other.delete("/v1/sessions/current", headers=headers).status_code == 204
            second.define_flag(annals.unique("after"))
            second.close()
        rest = list(lines)
    assert role.status_code == 200
    assert rest == ["", "retry: 1000", ""]
