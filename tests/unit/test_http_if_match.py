"""`If-Match` speaks of one thing's version, and elsewhere tells nothing of anything's."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.capabilities import OPERATIONS
from tests.support.http_platform import Api, opened_api

CREDENTIALS = {"email": "ada@example.org", "password": "a jackdaw on the weathervane"}
SECRET = "s" * 43
BODIES: dict[str, Any] = {
    "/v1/accounts": CREDENTIALS,
    "/v1/accounts/verify": {"token": f"av_{'0' * 32}_{SECRET}"},
    "/v1/accounts/verification": {"email": "ada@example.org"},
    "/v1/accounts/password-reset": {"email": "ada@example.org"},
    "/v1/accounts/password-reset/confirm": {
        "token": f"ar_{'0' * 32}_{SECRET}",
        "password": CREDENTIALS["password"],
    },
    "/v1/sessions": CREDENTIALS,
    "/v1/sessions/second-factor": {"challenge": "c" * 100, "code": "123456"},
    "/v1/tokens": CREDENTIALS,
    "/v1/tokens/refresh": {"refresh_token": f"art_{'0' * 32}_{SECRET}"},
}
STRANGERS = sorted(
    each.path
    for each in OPERATIONS
    if each.needs is None and each.method != "GET" and each.path in BODIES
)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await api.ask("POST", "/v1/accounts", CREDENTIALS)
        yield api


def test_every_command_for_strangers_is_tried() -> None:
    assert set(STRANGERS) == set(BODIES)


@pytest.mark.parametrize("tag", ['"v0"', '"v1"', '"v99"'])
@pytest.mark.parametrize("path", STRANGERS)
async def test_no_stranger_asks_for_versions(api: Api, path: str, tag: str) -> None:
    answer = await api.ask("POST", path, BODIES[path], if_match=tag)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "if-match"


async def test_anothers_session_has_no_version_to_ask_for(api: Api) -> None:
    carol = await api.sign_in("carol@example.org")
    [session] = (await api.ask("GET", "/v1/sessions", token=carol)).json()["items"]
    bob = await api.sign_in("bob@example.org")
    for id_ in (session["id"], "00000000-0000-7000-8000-000000000000"):
        answer = await api.ask("DELETE", f"/v1/sessions/{id_}", token=bob, if_match='"v1"')
        assert (answer.status_code, answer.json()["detail"]) == (
            422,
            "this operation takes no If-Match",
        )


async def test_a_reused_refresh_token_is_noticed_whatever_comes_with_it(api: Api) -> None:
    tokens = (await api.ask("POST", "/v1/tokens", CREDENTIALS)).json()
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await api.ask("POST", "/v1/tokens/refresh", body)).status_code == 200
    await api.ask("POST", "/v1/tokens/refresh", body, if_match='"v99"')
    assert (await api.ask("POST", "/v1/tokens/refresh", body)).status_code == 401
    access = tokens["access_token"]
    assert (await api.ask("GET", "/v1/me", token=access)).status_code == 401
