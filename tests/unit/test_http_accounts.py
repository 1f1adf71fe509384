"""Accounts over HTTP, over a platform in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from adapters.crypto.one_time_tokens import PrefixedTokens
from adapters.http import even_answers
from adapters.settings import Settings
from domain.mail import MailQueued
from tests.support.http_platform import Api, opened_api
from tests.support.letters import letters_in
from tests.support.mailbox import token_in

ADA = "ada@example.org"
OLD, NEW = "correct horse", "battery staple"
MEMBER = "a1b2c3d4-0000-7000-8000-00000000000a"


@pytest.fixture(autouse=True)
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(even_answers, "QUANTUM", 0.001)


@pytest.fixture
async def strict() -> AsyncIterator[Api]:
    """Where addresses have to be verified."""
    settings = Settings(log_level="error", accounts_verify="required")
    async with opened_api(settings=settings) as api:
        yield api


async def register(api: Api, email: str = ADA, password: str = OLD) -> Any:
    return await api.ask("POST", "/v1/accounts", {"email": email, "password": password})


async def sign_in(api: Api, email: str = ADA, password: str = OLD) -> Any:
    answer = await api.ask("POST", "/v1/sessions", {"email": email, "password": password})
    api.http.cookies.clear()
    return answer


async def token_of(api: Api, email: str = ADA, password: str = OLD) -> str:
    answer = await sign_in(api, email, password)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def letters(api: Api, kind: str) -> list[MailQueued]:
    return [each for each in await letters_in(api.platform) if each.kind == kind]


async def mailed(api: Api, kind: str) -> str:
    """The token in the last letter of a kind."""
    return token_in(str((await letters(api, kind))[-1].text))


async def types_of(api: Api, account: str) -> list[str]:
    page = await api.owner("GET", f"/v1/accounts/{account}/history")
    return [each["type"] for each in page.json()["items"]]


def slug(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("/problems/")


async def test_who_registers_gets_a_token_and_verifies_the_address(api: Api) -> None:
    account = (await register(api)).json()["id"]
    token = await mailed(api, "verify-address")
    me = await api.ask("GET", "/v1/me", token=await token_of(api))
    assert (me.json()["email"], me.json()["verified"]) == (ADA, False)

    answer = await api.ask("POST", "/v1/accounts/verify", {"token": token})

    assert answer.status_code == 204
    me = await api.ask("GET", "/v1/me", token=await token_of(api))
    assert me.json()["verified"] is True
    assert await types_of(api, account) == [
        "account.registered",
        "account.verification_asked",
        "account.verified",
    ]


async def test_a_token_is_asked_for_again_until_the_address_is_verified(api: Api) -> None:
    await register(api)
    for _ in range(2):
        answer = await api.ask("POST", "/v1/accounts/verification", {"email": ADA})
        assert (answer.status_code, answer.json()) == (202, {"state": "pending"})
    first, *_ = await letters(api, "verify-address")
    token = token_in(str(first.text))
    assert (await api.ask("POST", "/v1/accounts/verify", {"token": token})).status_code == 204
    await api.ask("POST", "/v1/accounts/verification", {"email": ADA})
    assert len(await letters(api, "verify-address")) == 3


@pytest.mark.parametrize(
    "again", ["ADA@example.org", " ada@EXAMPLE.org", "\uff41da@example.org", ADA]
)
async def test_an_address_is_taken_in_whatever_form(api: Api, again: str) -> None:
    await register(api)
    assert (await register(api, again)).status_code == 409


async def test_punycode_and_unicode_are_one_domain(api: Api) -> None:
    assert (await register(api, "ada@b\u00fccher.example")).status_code == 201
    assert (await register(api, "ada@xn--bcher-kva.example")).status_code == 409


async def test_of_registrations_at_once_one_wins(api: Api) -> None:
    answers = await asyncio.gather(*(register(api, each) for each in [ADA, ADA.upper()] * 4))
    assert sorted(each.status_code for each in answers) == [201] + [409] * 7


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"email": "ada", "password": OLD}, ["/email"]),
        ({"email": ADA, "password": "short"}, ["/password"]),
        ({"email": ADA, "password": "x" * 257}, ["/password"]),
        ({"email": ADA, "password": "iloveyou"}, ["/password"]),
        ({"email": "ada.lovelace@example.org", "password": "Lovelace1815"}, ["/password"]),
        ({"email": "ada", "password": "short"}, ["/email", "/password"]),
        ({"email": ADA, "password": OLD, "role": "admin"}, ["/role"]),
        ({"email": ADA, "password": 12345678}, ["/password"]),
        ({"email": ADA + "x" * 1000, "password": OLD}, ["/email"]),
        ({"email": ADA}, ["/password"]),
    ],
)
async def test_what_is_malformed_registers_nobody(
    api: Api, body: dict[str, Any], pointers: list[str]
) -> None:
    before = (await api.platform.store.tail()).position
    answer = await api.ask("POST", "/v1/accounts", body)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == pointers
    assert (await api.platform.store.tail()).position == before


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


async def test_letters_go_to_the_address_that_was_registered(api: Api) -> None:
    await register(api, "Stra\u00dfe@example.org")
    await api.ask("POST", "/v1/accounts/password-reset", {"email": "strasse@example.org"})
    [letter] = await letters(api, "password-reset")
    assert letter.to == "Stra\u00dfe@example.org"


LOOKALIKE = "A\uff24a\uff20b\u00fccher\u3002example"
WRITTEN_TO = "ADa@xn--bcher-kva.example"


async def test_letters_go_where_the_compared_address_leads(api: Api) -> None:
    await register(api, LOOKALIKE)
    await register(api, "eve@example.org")
    await asked_for(api, await token_of(api, "eve@example.org"), "e\uff36e\uff20example.com")
    [first, _] = await letters(api, "verify-address")
    [changed] = await letters(api, "email-change")
    assert (first.to, changed.to) == (WRITTEN_TO, "eVe@example.com")


async def test_so_do_those_to_whoever_was_imported(api: Api) -> None:
    await api.owner("POST", "/v1/accounts/import", {"accounts": [{"email": LOOKALIKE}]})
    await api.ask("POST", "/v1/accounts/password-reset", {"email": WRITTEN_TO})
    [letter] = await letters(api, "password-reset")
    assert letter.to == WRITTEN_TO


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


async def test_whatever_is_wrong_with_a_token_has_one_answer(api: Api) -> None:
    account = (await register(api)).json()["id"]
    used, foreign = await mailed(api, "verify-address"), PrefixedTokens().new("av", account).text
    assert (await api.ask("POST", "/v1/accounts/verify", {"token": used})).status_code == 204
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA})
    reset = await mailed(api, "password-reset")
    nobodys = PrefixedTokens().new("av", MEMBER).text
    tokens = [used, foreign, reset, nobodys, reset[:-1], "", "x", "\u00e9" * 90, "av__"]

    answers = [await api.ask("POST", "/v1/accounts/verify", {"token": each}) for each in tokens]

    api.platform.clock += timedelta(minutes=31)
    body = {"token": reset, "password": NEW}
    late = await api.ask("POST", "/v1/accounts/password-reset/confirm", body)
    assert late.status_code == 401
    assert {each.status_code for each in answers} == {401}
    assert len({each.text for each in answers}) == 1
    assert late.json()["type"] == answers[0].json()["type"] == "/problems/wrong-token"


async def test_a_used_token_is_replayed_by_its_key(api: Api) -> None:
    await register(api)
    body = {"token": await mailed(api, "verify-address")}
    first = await api.ask("POST", "/v1/accounts/verify", body, idempotency_key="k1")
    again = await api.ask("POST", "/v1/accounts/verify", body, idempotency_key="k1")
    assert (first.status_code, again.status_code) == (204, 204)
    assert again.headers["idempotent-replayed"] == "true"


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


async def asked_for(api: Api, token: str, email: str) -> Any:
    body = {"current_password": OLD, "email": email}
    return await api.ask("POST", "/v1/me/email", body, token=token)


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


async def test_where_it_is_required_nobody_signs_in_unverified(strict: Api) -> None:
    answer = await register(strict)
    assert (answer.status_code, answer.json()) == (202, {"state": "pending"})
    refused = await sign_in(strict)
    unknown = await sign_in(strict, "nobody@example.org")
    assert (refused.status_code, refused.text) == (401, unknown.text)
    token = await mailed(strict, "verify-address")
    await strict.ask("POST", "/v1/accounts/verify", {"token": token})
    assert (await sign_in(strict)).status_code == 201


async def test_where_it_is_required_an_attempt_on_a_taken_address_is_told_there(
    strict: Api,
) -> None:
    await register(strict)
    token = await mailed(strict, "verify-address")
    await strict.ask("POST", "/v1/accounts/verify", {"token": token})
    answers = await asyncio.gather(*(register(strict, ADA, "another one") for _ in range(3)))
    assert {each.status_code for each in answers} == {202}
    assert (await sign_in(strict)).status_code == 201
    assert (await sign_in(strict, password="another one")).status_code == 401
    assert [each.to for each in await letters(strict, "account-exists")] == [ADA] * 3


@pytest.mark.parametrize("theirs", ["first", "last"])
async def test_where_several_register_an_address_its_reader_alone_chooses_the_password(
    strict: Api, theirs: str
) -> None:
    passwords = [NEW, OLD] if theirs == "last" else [OLD, NEW]
    answers = [await register(strict, password=each) for each in passwords]
    assert {(each.status_code, each.text) for each in answers} == {(202, '{"state":"pending"}')}

    early = {"token": await mailed(strict, "verify-address")}
    assert (await strict.ask("POST", "/v1/accounts/verify", early)).status_code == 401
    await strict.ask("POST", "/v1/accounts/verification", {"email": ADA})
    late = {"token": await mailed(strict, "verify-address")}
    assert (await strict.ask("POST", "/v1/accounts/verify", late)).status_code == 204
    for each in passwords:
        assert (await sign_in(strict, password=each)).status_code == 401

    reset = {"token": await mailed(strict, "password-reset"), "password": "a third one"}
    path = "/v1/accounts/password-reset/confirm"
    assert (await strict.ask("POST", path, reset)).status_code == 204
    assert (await sign_in(strict, password="a third one")).status_code == 201


async def test_no_letter_needs_to_be_left_for_that(strict: Api) -> None:
    await register(strict)
    early = {"token": await mailed(strict, "verify-address")}
    for _ in range(8):
        await strict.ask("POST", "/v1/accounts/verification", {"email": ADA})
    await register(strict, password=NEW)
    assert await letters(strict, "password-reset") == []
    assert (await strict.ask("POST", "/v1/accounts/verify", early)).status_code == 401
    tail = (await strict.platform.store.tail()).position
    await register(strict, password=NEW)
    assert (await strict.platform.store.tail()).position == tail


async def test_secrets_of_accounts_are_never_shown(api: Api) -> None:
    account = (await register(api)).json()["id"]
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ADA})
    page = await api.owner("GET", f"/v1/accounts/{account}/history")
    for event in page.json()["items"]:
        shown = msgspec.json.encode(event["data"]).decode()
        assert "hash of" not in shown
        assert "hash" not in event["data"] or event["data"]["hash"] == "<hidden>"
