"""The reset that first proves an address: nothing of before lets anybody in.

Who registered the address may have been a stranger, who is signed in and goes on asking.
"""

import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.support.accounts import mailed
from tests.support.authenticator import Authenticator
from tests.support.http_platform import Api, opened_api
from tests.support.second_factors import EMAIL, HOST, Person, enrolled, person
from tests.support.tokens import exchanged, opens, refreshed

NEW = "two jackdaws on the weathervane"
KEY = {"name": "deploys", "scopes": ["flags:evaluate"]}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await api.owner("POST", "/v1/tenants", {"name": "acme"})
        yield api


@pytest.fixture
async def stranger(api: Api) -> Person:
    """Signed in to the account of an address that is somebody else's, as admin of a tenant."""
    stranger = await person(api)
    for tenant in ("default", "acme"):
        grant = ("PUT", f"/v1/members/{stranger.account}", {"role": "admin"})
        assert (await api.owner(*grant, annals_tenant=tenant)).is_success
    signed_in = await stranger.sign_in()
    stranger.token = signed_in.json()["token"]
    return stranger


async def reset(api: Api) -> None:
    """The person whose address it is chooses a password."""
    await api.ask("POST", "/v1/accounts/password-reset", {"email": EMAIL})
    body = {"token": await mailed(api, "password-reset"), "password": NEW}
    answer = await api.ask("POST", "/v1/accounts/password-reset/confirm", body)
    assert answer.is_success, answer.text


async def made_key(stranger: Person, **more: Any) -> str:
    answer = await stranger.ask("POST", "/v1/api-keys", {**KEY, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


async def test_neither_sessions_nor_tokens_nor_keys_nor_factors_are_left(
    api: Api, stranger: Person
) -> None:
    service = await stranger.ask("POST", "/v1/service-accounts", {"name": "s", "role": "member"})
    keys = [
        await made_key(stranger),
        await made_key(stranger),
        await made_key(stranger, service_account=service.json()["id"]),
    ]
    tokens = await exchanged(api, stranger.token)
    await enrolled(stranger)
    passkey = Authenticator()
    assert (await stranger.register(passkey)).status_code == 201
    assert [await opens(api, each) for each in keys] == [200] * 3
    await reset(api)
    credentials = [*keys, stranger.token, tokens["access_token"]]
    assert [await opens(api, each) for each in credentials] == [401] * 5
    assert (await refreshed(api, tokens)).status_code == 401
    assert (await stranger.by_passkey(passkey)).status_code == 401
    assert (await stranger.sign_in()).status_code == 401
    assert (await stranger.sign_in(password=NEW)).status_code == 201


async def test_a_change_of_address_that_was_asked_for_is_void(api: Api, stranger: Person) -> None:
    change = {"current_password": "correct horse", "email": "mallory@example.org"}
    assert (await stranger.ask("POST", "/v1/me/email", change)).status_code == 202
    token = await mailed(api, "email-change")
    await reset(api)
    mine = (await stranger.sign_in(password=NEW)).json()["token"]
    body = {"token": token}
    confirmed = await api.ask("POST", "/v1/me/email/confirm", body, token=mine, **HOST)
    assert confirmed.json()["type"] == "/problems/wrong-token"


async def test_a_later_reset_leaves_the_keys(api: Api, stranger: Person) -> None:
    await reset(api)
    stranger.token = (await stranger.sign_in(password=NEW)).json()["token"]
    key = await made_key(stranger)
    await reset(api)
    assert await opens(api, key) == 200


Asked = tuple[str, str, dict[str, str]]
Ask = Callable[[Person], Awaitable[Asked]]


async def a_key(_stranger: Person) -> Asked:
    return "POST", "/v1/api-keys", {**KEY, "scopes": []}  # type: ignore[dict-item]


async def another_tenant(_stranger: Person) -> Asked:
    return "PUT", "/v1/sessions/current/tenant", {"tenant": "acme"}


async def an_authenticator(stranger: Person) -> Asked:
    seed = await stranger.ask("POST", "/v1/me/totp")
    stranger.seed = seed.json()["secret"]
    return "POST", "/v1/me/totp/confirm", {"code": stranger.code()}


async def a_passkey(stranger: Person) -> Asked:
    options = (await stranger.ask("POST", "/v1/me/passkeys/options")).json()["publicKey"]
    body = {"name": "Phone", "credential": Authenticator().create(options)}
    return "POST", "/v1/me/passkeys", body


async def a_member(stranger: Person) -> Asked:
    return "PUT", f"/v1/members/{stranger.account}", {"role": "member"}


async def sent_meanwhile(stranger: Person, asked: Asked) -> httpx.Response:
    """What is answered to a request whose body ends only after the reset."""
    method, path, body = asked
    text = json.dumps(body).encode()

    async def slowly() -> AsyncIterator[bytes]:
        yield text[:1]
        await reset(stranger.api)
        yield text[1:]

    headers = {"authorization": f"Bearer {stranger.token}", "content-type": "application/json"}
    return await stranger.api.http.request(
        method, path, content=slowly(), headers={**headers, **HOST}
    )


@pytest.mark.parametrize("ask", [a_key, another_tenant, an_authenticator, a_passkey, a_member])
async def test_what_was_asked_before_is_not_done_after(
    api: Api, stranger: Person, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by whom nobody asks again once the body is there: the append itself refuses."""
    monkeypatch.setattr("adapters.http.operations.ADMITTED_FOR", math.inf)
    asked = await ask(stranger)
    answer = await sent_meanwhile(stranger, asked)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")
    [*_, last] = await api.platform.store.read_log(after=0, limit=10_000)
    assert last.actor == "anonymous"


async def test_before_the_address_is_proved_only_so_many_keys_are_made(
    api: Api, stranger: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.accounts.decider.MOST_UNPROVEN_KEYS", 1)
    await made_key(stranger)
    refused = await stranger.ask("POST", "/v1/api-keys", KEY)
    assert refused.json()["type"] == "/problems/too-many-unproven-keys"
    verify = {"token": await mailed(api, "verify-address")}
    assert (await api.ask("POST", "/v1/accounts/verify", verify)).is_success
    await made_key(stranger)
