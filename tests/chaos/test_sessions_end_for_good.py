"""People who are signed in while Redis is lost, restarted or stopped, and processes are killed."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import psutil
import pytest
import redis

from features.driver import Annals, User
from tests.support.deaf import deaf_wire
from tests.support.platform import Platform, Process, free_port
from tests.support.services import EmbeddedServers

PEOPLE = 8
PATIENCE = 60.0
REVOKED = "account.sessions_revoked"


@pytest.fixture
def annals(platform: Platform) -> Iterator[Annals]:
    driver = platform.driver()
    yield driver
    driver.close()


@contextlib.contextmanager
def other_api(platform: Platform, **env: str) -> Iterator[tuple[Process, Annals]]:
    port = free_port()
    api = platform.also("api", PORT=str(port), HOST="127.0.0.1", **env)
    try:
        api.wait_ready(f"http://127.0.0.1:{port}")
        driver = platform.driver(f"http://127.0.0.1:{port}")
        yield api, driver
        driver.close()
    finally:
        api.kill()
        api.close()


@pytest.fixture
def second(platform: Platform) -> Iterator[Annals]:
    with other_api(platform) as (_, driver):
        yield driver


def status(annals: Annals, token: str) -> int:
    """What a token opens, once anybody can tell."""
    until_true(lambda: annals.session(token).status_code != 503)
    return annals.session(token).status_code


def until_true(ask: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ask():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def change_role(annals: Annals, user: User) -> httpx.Response:
    """Which ends all of the user's sessions."""
    path = f"/v1/accounts/{user.account}/role"
    return annals.request("PUT", path, token=annals.owner, body={"role": "admin"})


def signed_in_and_out(annals: Annals) -> tuple[list[User], list[User], list[User]]:
    """People who are signed in, who have signed out, and whose role has changed since."""
    people = [[annals.signed_in() for _ in range(PEOPLE)] for _ in range(3)]
    for user in people[1]:
        answer = annals.request("DELETE", "/v1/sessions/current", token=user.token)
        assert answer.status_code == 204
    for user in people[2]:
        assert change_role(annals, user).status_code == 200
    return people[0], people[1], people[2]


def check(annals: Annals, people: tuple[list[User], list[User], list[User]]) -> None:
    found = [[status(annals, user.token) for user in group] for group in people]
    assert found == [[200] * PEOPLE, [401] * PEOPLE, [401] * PEOPLE]


def test_redis_is_flushed_and_restarted_under_people_who_are_signed_in(
    servers: EmbeddedServers, annals: Annals, second: Annals
) -> None:
    people = signed_in_and_out(annals)
    with redis.Redis.from_url(servers.redis) as client:
        client.flushall()
    for each in (annals, second):
        check(each, people)
    servers.kill("valkey")
    servers.start("valkey")
    for each in (second, annals):
        check(each, people)


def test_what_was_ended_while_redis_was_stopped_opens_nothing_when_it_goes_on(
    servers: EmbeddedServers, annals: Annals, second: Annals
) -> None:
    """The server goes on as it was: its marker is valid, and its sessions are too old."""
    users = [annals.signed_in() for _ in range(PEOPLE)]
    process = psutil.Process(servers.children["valkey"].pid)
    process.suspend()
    try:
        for user in users:
            answer = change_role(annals, user)
            assert answer.status_code == 503, answer.text
            assert answer.json()["outcome"] == "recorded"
            assert annals.session(user.token).status_code == 503
    finally:
        process.resume()
    for each in (second, annals):
        assert [status(each, user.token) for user in users] == [401] * PEOPLE


def test_an_api_is_killed_between_the_append_of_an_end_and_redis(
    platform: Platform, servers: EmbeddedServers, annals: Annals
) -> None:
    """What it has said to Redis is lost; whoever follows the log says it again."""
    user = annals.signed_in()
    tail = annals.events_page(after="0", limit="1")["next"]
    with deaf_wire(servers.redis) as wire, other_api(platform, REDIS_URL=wire.url) as (api, dying):
        wire.deaf = True
        request = threading.Thread(target=promote, args=(dying, user), daemon=True)
        request.start()
        stream = f"account/{user.account}"
        until_true(lambda: bool(annals.events(after=tail, type=REVOKED, stream=stream)))
        api.kill()
        request.join()
    until_true(lambda: annals.session(user.token).status_code == 401)


def promote(annals: Annals, user: User) -> None:
    with contextlib.suppress(httpx.HTTPError):
        change_role(annals, user)
