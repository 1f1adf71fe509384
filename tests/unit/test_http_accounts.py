"""Accounts that are closed, reopened, imported and looked at, over HTTP."""

import msgspec
import pytest

from tests.support.accounts import (
    ADA,
    MEMBER,
    NEW,
    OLD,
    letters,
    mailed,
    register,
    sign_in,
    token_of,
    types_of,
)
from tests.support.http_platform import Api

pytestmark = pytest.mark.usefixtures("quick_answers")


async def test_a_closed_account_opens_nothing_until_an_admin_reopens_it(api: Api) -> None:
    account = (await register(api)).json()["id"]
    token = await token_of(api)

    body = {"current_password": OLD}
    answer = await api.ask("POST", "/v1/me/close", body, token=token, host="localhost")

    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    api.http.cookies.clear()
    assert (await api.ask("GET", "/v1/me", token=token)).status_code == 401
    closed, unknown = await sign_in(api), await sign_in(api, "nobody@example.org")
    assert (closed.status_code, closed.text) == (401, unknown.text)
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA})
    assert await letters(api, "password-reset") == []
    assert (await register(api)).status_code == 409
    view = (await api.owner("GET", f"/v1/accounts/{account}")).json()
    assert (view["state"], view["verified"]) == ("closed", False)
    assert len(await letters(api, "account-closed")) == 1

    assert (await api.owner("POST", f"/v1/accounts/{account}/reopen")).status_code == 204
    assert (await api.ask("GET", "/v1/me", token=token)).status_code == 401
    assert (await sign_in(api)).status_code == 201


async def test_an_admin_closes_an_account_and_its_sessions(api: Api) -> None:
    account = (await register(api)).json()["id"]
    token = await token_of(api)
    for _ in range(2):
        answer = await api.owner("POST", f"/v1/accounts/{account}/close")
        assert answer.status_code == 204
    assert (await api.ask("GET", "/v1/me", token=token)).status_code == 401
    assert (await types_of(api, account)).count("account.closed") == 1


async def test_an_admin_ends_all_sessions_of_an_account(api: Api) -> None:
    account = (await register(api)).json()["id"]
    tokens = [await token_of(api), await token_of(api)]
    answer = await api.owner("POST", f"/v1/accounts/{account}/revoke-sessions")
    assert answer.status_code == 204
    for token in tokens:
        assert (await api.ask("GET", "/v1/me", token=token)).status_code == 401
    assert (await api.ask("GET", "/v1/me", token=await token_of(api))).status_code == 200


@pytest.mark.parametrize("verb", ["close", "reopen", "revoke-sessions"])
async def test_only_who_may_closes_reopens_or_ends_sessions(api: Api, verb: str) -> None:
    account = (await register(api)).json()["id"]
    path = f"/v1/accounts/{account}/{verb}"
    answer = await api.ask("POST", path, token=await token_of(api))
    assert (answer.status_code, answer.json()["permission"]) == (403, "accounts:write")
    assert (await api.owner("POST", f"/v1/accounts/{MEMBER}/{verb}")).status_code == 404
    assert (await api.owner("POST", f"/v1/accounts/nobody/{verb}")).status_code == 404


async def test_accounts_come_with_the_hashes_that_they_had(api: Api) -> None:
    await register(api)
    accounts = [
        {"email": "bob@example.org", "password_hash": f"hash of {OLD}", "verified": True},
        {"email": ADA.upper()},
        {"email": "cyd@example.org"},
    ]

    answer = await api.owner("POST", "/v1/accounts/import", {"accounts": accounts})

    assert answer.status_code == 200
    bob, ada, cyd = answer.json()["items"]
    assert [each["outcome"] for each in (bob, ada, cyd)] == ["imported", "taken", "imported"]
    assert (await sign_in(api, "bob@example.org")).status_code == 201
    assert (await sign_in(api, "cyd@example.org", "")).status_code == 401
    view = (await api.owner("GET", f"/v1/accounts/{bob['id']}")).json()
    assert (view["verified"], view["role"]) == (True, "member")
    assert [each.to for each in await letters(api, "verify-address")] == [ADA]


async def test_who_came_without_a_password_chooses_one_by_mail(api: Api) -> None:
    body = {"accounts": [{"email": ADA}]}
    await api.owner("POST", "/v1/accounts/import", body)
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA})
    reset = {"token": await mailed(api, "password-reset"), "password": NEW}
    assert (await api.ask("POST", "/v1/accounts/password-reset/confirm", reset)).status_code == 204
    assert (await sign_in(api, password=NEW)).status_code == 201


async def test_nothing_is_imported_while_anything_is_malformed(api: Api) -> None:
    accounts = [
        {"email": "bob@example.org"},
        {"email": "bob"},
        {"email": "cyd@example.org", "password_hash": "md5"},
    ]
    before = (await api.platform.store.tail()).position
    answer = await api.owner("POST", "/v1/accounts/import", {"accounts": accounts})
    assert answer.status_code == 422
    pointers = [each["pointer"] for each in answer.json()["errors"]]
    assert pointers == ["/accounts/1/email", "/accounts/2/password_hash"]
    assert (await api.platform.store.tail()).position == before
    assert (await api.owner("POST", "/v1/accounts/import", {"accounts": []})).status_code == 422


async def test_an_import_is_replayed_by_its_key(api: Api) -> None:
    body = {"accounts": [{"email": ADA}]}
    first = await api.owner("POST", "/v1/accounts/import", body, idempotency_key="k1")
    again = await api.owner("POST", "/v1/accounts/import", body, idempotency_key="k1")
    assert again.text == first.text
    assert again.headers["idempotent-replayed"] == "true"


async def test_an_account_as_it_was(api: Api) -> None:
    registered = await register(api)
    account, then = registered.json()["id"], registered.headers["annals-position"]
    token = await mailed(api, "verify-address")
    await api.ask("POST", "/v1/accounts/verify", {"token": token})
    now = (await api.owner("GET", f"/v1/accounts/{account}")).json()
    was = (await api.owner("GET", f"/v1/accounts/{account}?position={then}")).json()
    assert (was["verified"], now["verified"]) == (False, True)


async def test_an_address_is_for_who_may_see_what_is_personal(api: Api) -> None:
    account = (await register(api)).json()["id"]
    for scopes, shown in (
        (["accounts:read", "personal:read"], ADA),
        (["accounts:read"], None),
    ):
        made = await api.owner("POST", "/v1/api-keys", {"name": "people", "scopes": scopes})
        key = made.json()["key"]
        view = (await api.ask("GET", f"/v1/accounts/{account}", token=key)).json()
        assert view["email"] == shown


async def test_an_address_is_shown_until_it_is_erased(api: Api) -> None:
    registered = await register(api)
    path = f"/v1/accounts/{registered.json()['id']}"
    then = f"{path}?position={registered.headers['annals-position']}"
    await api.owner("POST", f"{path}/close")
    for asked in (path, then):
        assert (await api.owner("GET", asked)).json()["email"] == ADA
    await api.owner("DELETE", path, {"reason": "requested"})
    for asked in (path, then):
        answer = await api.owner("GET", asked)
        assert answer.status_code == 404
        assert ADA not in answer.text


async def test_secrets_of_accounts_are_never_shown(api: Api) -> None:
    account = (await register(api)).json()["id"]
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA})
    page = await api.owner("GET", f"/v1/accounts/{account}/history")
    for event in page.json()["items"]:
        shown = msgspec.json.encode(event["data"]).decode()
        assert "hash of" not in shown
        assert "hash" not in event["data"] or event["data"]["hash"] == "<hidden>"
