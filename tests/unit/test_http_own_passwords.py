"""Passwords that people forget or change, over HTTP."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.support.accounts import (
    ADA,
    NEW,
    OLD,
    letters,
    mailed,
    register,
    sign_in,
    slug,
    token_of,
    types_of,
)
from tests.support.http_platform import Api

pytestmark = pytest.mark.usefixtures("quick_answers")


async def test_a_forgotten_password_is_reset_by_mail(api: Api) -> None:
    account = (await register(api)).json()["id"]
    session = await token_of(api)
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA.upper()})
    token = await mailed(api, "password-reset")

    body = {"token": token, "password": NEW}
    answer = await api.ask("POST", "/v1/accounts/password-reset/confirm", body)

    assert answer.status_code == 204
    assert "set-cookie" not in answer.headers
    assert (await api.ask("GET", "/v1/me", token=session)).status_code == 401
    assert (await sign_in(api)).status_code == 401
    me = await api.ask("GET", "/v1/me", token=await token_of(api, password=NEW))
    assert me.json()["verified"] is True
    assert (await types_of(api, account))[-3:] == [
        "account.verified",
        "account.password_changed",
        "account.sessions_revoked",
    ]
    assert len(await letters(api, "password-changed")) == 1


async def test_a_refused_password_leaves_the_token_good(api: Api) -> None:
    await register(api)
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA})
    token = await mailed(api, "password-reset")
    body = {"token": token, "password": "password"}
    answer = await api.ask("POST", "/v1/accounts/password-reset/confirm", body)
    assert answer.status_code == 422
    body["password"] = NEW
    answer = await api.ask("POST", "/v1/accounts/password-reset/confirm", body)
    assert answer.status_code == 204


async def test_of_resets_at_once_with_one_token_one_wins(api: Api) -> None:
    await register(api)
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA})
    token = await mailed(api, "password-reset")
    path = "/v1/accounts/password-reset/confirm"
    answers = await asyncio.gather(
        *(api.ask("POST", path, {"token": token, "password": f"{NEW} {n}"}) for n in range(4))
    )
    assert sorted(each.status_code for each in answers) == [204, 401, 401, 401]


async def test_a_changed_password_rotates_this_session_and_ends_the_others(api: Api) -> None:
    await register(api)
    mine, other = await token_of(api), await token_of(api)

    body = {"current_password": OLD, "password": NEW}
    answer = await api.ask("POST", "/v1/me/password", body, token=mine, host="localhost")
    api.http.cookies.clear()

    assert answer.status_code == 201
    assert "set-cookie" in answer.headers
    rotated = answer.json()["token"]
    statuses = [
        (await api.ask("GET", "/v1/me", token=each)).status_code for each in (mine, other, rotated)
    ]
    assert statuses == [401, 401, 200]
    assert (await sign_in(api)).status_code == 401
    assert (await sign_in(api, password=NEW)).status_code == 201
    assert [each.to for each in await letters(api, "password-changed")] == [ADA]


async def test_the_rotated_session_ends_no_later_than_it_would_have(api: Api) -> None:
    await register(api)
    began = (await sign_in(api)).json()
    api.platform.clock += timedelta(minutes=5)
    body = {"current_password": OLD, "password": NEW}
    answer = await api.ask("POST", "/v1/me/password", body, token=began["token"])
    api.http.cookies.clear()
    assert answer.json()["expires_at"] == began["expires_at"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/me/password", {"password": NEW}),
        ("/v1/me/email", {"email": "ada@example.com"}),
        ("/v1/me/close", {}),
    ],
)
async def test_what_one_signs_in_with_changes_with_the_current_password_alone(
    api: Api, path: str, body: dict[str, Any]
) -> None:
    account = (await register(api)).json()["id"]
    token = await token_of(api)
    before = await types_of(api, account)
    answer = await api.ask("POST", path, {"current_password": "wrong one", **body}, token=token)
    assert (answer.status_code, slug(answer)) == (401, "wrong-credentials")
    assert (await api.owner("POST", path, {"current_password": OLD, **body})).status_code == 403
    api.platform.clock += timedelta(minutes=11)
    answer = await api.ask("POST", path, {"current_password": OLD, **body}, token=token)
    assert (answer.status_code, slug(answer)) == (403, "step-up-required")
    assert await types_of(api, account) == before


async def test_a_refused_new_password_changes_nothing(api: Api) -> None:
    account = (await register(api)).json()["id"]
    token = await token_of(api)
    body = {"current_password": OLD, "password": "12345678"}
    answer = await api.ask("POST", "/v1/me/password", body, token=token)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/password"
    assert (await api.ask("GET", "/v1/me", token=token)).status_code == 200
    assert "account.password_changed" not in await types_of(api, account)
