"""Registering over HTTP, and verifying the address, over a platform in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.crypto.one_time_tokens import PrefixedTokens
from adapters.settings import Settings
from tests.support.accounts import (
    ADA,
    MEMBER,
    NEW,
    OLD,
    asked_for,
    letters,
    mailed,
    register,
    sign_in,
    token_of,
    types_of,
)
from tests.support.http_platform import Api, opened_api
from tests.support.mailbox import token_in

pytestmark = pytest.mark.usefixtures("quick_answers")


@pytest.fixture
async def strict() -> AsyncIterator[Api]:
    """Where addresses have to be verified."""
    settings = Settings(log_level="error", accounts_verify="required")
    async with opened_api(settings=settings) as api:
        yield api


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


async def test_nobody_takes_the_address_of_another_mailbox(api: Api) -> None:
    ada, other = "ada.strasse@example.org", "ada.stra\u00dfe@example.org"
    assert (await register(api, other)).status_code == 201
    assert (await register(api, ada)).status_code == 201
    await api.ask("POST", "/v1/accounts/password-reset", {"email": ada})
    assert [each.to for each in await letters(api, "password-reset")] == [ada]


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


async def keys_kept(api: Api, path: str, body: Any, keys: int) -> int:
    """Under how many of so many keys a stranger's request was kept."""
    kept = 0
    for each in range(keys):
        for _ in range(2):
            answer = await api.ask("POST", path, body, idempotency_key=f"{each:0>255}")
        kept += "idempotent-replayed" in answer.headers
    return kept


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/accounts", {"email": "nobody", "password": "short"}),
        ("/v1/accounts", {"email": ADA, "password": OLD}),
        ("/v1/accounts/verify", {"token": "none"}),
        ("/v1/accounts/password-reset/confirm", {"token": "none", "password": NEW}),
        ("/v1/sessions", {"email": ADA, "password": NEW}),
        ("/v1/tokens/refresh", {"refresh_token": "none"}),
        ("/v1/tokens/revoke", {"refresh_token": "none"}),
    ],
)
async def test_nothing_is_kept_for_a_stranger_for_whom_nothing_was_done(
    api: Api, path: str, body: Any
) -> None:
    await register(api)
    assert await keys_kept(api, path, body, 2) == 0


@pytest.mark.parametrize("path", ["/v1/accounts/password-reset", "/v1/accounts/verification"])
@pytest.mark.parametrize("email", [ADA, "nobody@example.org"])
async def test_as_much_is_kept_for_a_stranger_as_may_be_mailed(
    api: Api, path: str, email: str
) -> None:
    await register(api)
    assert 0 < await keys_kept(api, path, {"email": email}, 8) < 8


async def test_a_key_has_an_end(api: Api) -> None:
    body = {"email": ADA, "password": OLD}
    answer = await api.ask("POST", "/v1/accounts", body, idempotency_key="k" * 256)
    assert answer.json()["errors"][0]["code"] == "idempotency-key"


async def test_letters_go_to_the_address_that_was_registered(api: Api) -> None:
    await register(api, "Stra\u00dfe@example.org")
    await api.ask("POST", "/v1/accounts/password-reset", {"email": "stra\u1e9eE@example.org"})
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
