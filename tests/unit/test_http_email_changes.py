"""Addresses that people change, over HTTP."""

import pytest

from tests.support.accounts import (
    ADA,
    NEW,
    OLD,
    asked_for,
    letters,
    mailed,
    register,
    sign_in,
    slug,
    token_of,
)
from tests.support.http_platform import Api

pytestmark = pytest.mark.usefixtures("quick_answers")


async def test_an_address_changes_once_the_new_one_is_proven(api: Api) -> None:
    await register(api)
    token = await token_of(api)
    answer = await asked_for(api, token, "Ada@Example.com")
    assert (answer.status_code, answer.json()) == (202, {"state": "pending"})
    me = (await api.ask("GET", "/v1/me", token=token)).json()
    assert (me["email"], me["pending_email"]) == (ADA, "Ada@example.com")
    assert [each.to for each in await letters(api, "email-change")] == ["Ada@example.com"]

    body = {"token": await mailed(api, "email-change")}
    answer = await api.ask("POST", "/v1/me/email/confirm", body, token=token)

    assert answer.status_code == 204
    assert [each.to for each in await letters(api, "email-changed")] == [ADA]
    assert (await sign_in(api)).status_code == 401
    assert (await sign_in(api, "ada@example.com")).status_code == 201
    assert (await register(api)).status_code == 201, "the old address is free"
    assert (await register(api, "ada@example.com")).status_code == 409


async def test_a_new_password_voids_the_address_that_was_asked_for_with_the_old(api: Api) -> None:
    await register(api)
    token = await token_of(api)
    await asked_for(api, token, "eve@example.org")
    late = {"token": await mailed(api, "email-change")}
    body = {"current_password": OLD, "password": NEW}
    token = (await api.ask("POST", "/v1/me/password", body, token=token)).json()["token"]
    api.http.cookies.clear()
    assert (await api.ask("GET", "/v1/me", token=token)).json()["pending_email"] is None
    answer = await api.ask("POST", "/v1/me/email/confirm", late, token=token)
    assert (answer.status_code, slug(answer)) == (401, "wrong-token")


async def test_a_reset_voids_the_address_that_was_asked_for_before(api: Api) -> None:
    await register(api)
    await asked_for(api, await token_of(api), "eve@example.org")
    late = {"token": await mailed(api, "email-change")}
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA})
    reset = {"token": await mailed(api, "password-reset"), "password": NEW}
    await api.ask("POST", "/v1/accounts/password-reset/confirm", reset)
    token = await token_of(api, password=NEW)
    answer = await api.ask("POST", "/v1/me/email/confirm", late, token=token)
    assert (answer.status_code, slug(answer)) == (401, "wrong-token")


async def test_the_mail_of_another_account_changes_no_address(api: Api) -> None:
    await register(api)
    await register(api, "eve@example.org")
    ada, eve = await token_of(api), await token_of(api, "eve@example.org")
    await asked_for(api, ada, "ada@example.com")
    body = {"token": await mailed(api, "email-change")}
    answer = await api.ask("POST", "/v1/me/email/confirm", body, token=eve)
    assert (answer.status_code, slug(answer)) == (401, "wrong-token")


async def test_nobody_learns_by_changing_that_an_address_is_taken(api: Api) -> None:
    await register(api)
    await register(api, "eve@example.org")
    eve = await token_of(api, "eve@example.org")
    taken, free = await asked_for(api, eve, ADA), await asked_for(api, eve, "x@example.org")
    assert (taken.status_code, taken.text) == (free.status_code, free.text)
    assert taken.headers.keys() == free.headers.keys()
    assert [each.to for each in await letters(api, "account-exists")] == [ADA]


async def test_an_address_that_is_taken_meanwhile_stays_theirs(api: Api) -> None:
    await register(api)
    token = await token_of(api)
    await asked_for(api, token, "ada@example.com")
    body = {"token": await mailed(api, "email-change")}
    await register(api, "ada@example.com")
    answer = await api.ask("POST", "/v1/me/email/confirm", body, token=token)
    assert (answer.status_code, slug(answer)) == (409, "email-taken")
    assert (await api.ask("GET", "/v1/me", token=token)).json()["email"] == ADA


async def test_the_address_that_one_has_is_no_other(api: Api) -> None:
    await register(api)
    answer = await asked_for(api, await token_of(api), ADA.upper())
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unchanged")


async def test_a_reset_that_went_to_the_old_address_is_void(api: Api) -> None:
    await register(api)
    token = await token_of(api)
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA})
    reset = {"token": await mailed(api, "password-reset"), "password": NEW}
    await asked_for(api, token, "ada@example.com")
    body = {"token": await mailed(api, "email-change")}
    await api.ask("POST", "/v1/me/email/confirm", body, token=token)
    answer = await api.ask("POST", "/v1/accounts/password-reset/confirm", reset)
    assert answer.status_code == 401
