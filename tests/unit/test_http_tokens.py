"""Tokens over HTTP: exchanged, and good only with their session."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from application.context import Context
from domain.memberships import MEMBERSHIP, GrantMembership
from tests.support.http_platform import Api
from tests.support.tokens import events, exchanged, forger, opens, refreshed, said

ADA = {"email": "ada@example.org", "password": "correct horse"}


async def test_a_session_is_exchanged_for_tokens(api: Api) -> None:
    session = await api.sign_in()
    tokens = await exchanged(api, session)
    assert (tokens["expires_in"], tokens["token_type"]) == (300, "Bearer")
    me = (await api.ask("GET", "/v1/access/current", token=session)).json()
    assert (await api.ask("GET", "/v1/access/current", token=tokens["access_token"])).json() == me
    claims = said(tokens["access_token"])
    current = (await api.ask("GET", "/v1/sessions/current", token=session)).json()
    assert claims["sid"] == current["id"]
    assert claims["sub"] == current["account"]
    assert (claims["tenant"], claims["roles"]) == ("default", ["member"])


async def test_credentials_are_exchanged_for_tokens_of_a_session_of_their_own(api: Api) -> None:
    session = await api.sign_in()
    answer = await api.ask("POST", "/v1/tokens", ADA)
    assert answer.status_code == 200, answer.text
    assert "set-cookie" not in answer.headers
    access_token = answer.json()["access_token"]
    assert await opens(api, access_token) == 200
    other = await api.ask("GET", "/v1/sessions/current", token=session)
    assert said(access_token)["sid"] != other.json()["id"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**ADA, "password": "wrong horse"}, 401),
        ({**ADA, "email": "bob@example.org"}, 401),
        ({"email": ADA["email"]}, 422),
        ({"password": "correct horse"}, 422),
        ({**ADA, "scope": "everything"}, 422),
        ({**ADA, "email": 7}, 422),
        ({**ADA, "password": "x" * 1001}, 422),
        ({}, 401),
        (None, 401),
    ],
)
async def test_what_is_no_sign_in_gives_nothing(api: Api, body: Any, status: int) -> None:
    await api.sign_in()
    before = await events(api)
    answer = await api.ask("POST", "/v1/tokens", body)
    assert answer.status_code == status
    assert "access_token" not in answer.text
    assert [each for each in await events(api) if each.startswith("tokens.")] == []
    assert len(await events(api)) == len(before)


async def test_an_exchange_does_not_tell_whether_an_address_is_known(api: Api) -> None:
    await api.sign_in()
    known, unknown = [
        await api.ask("POST", "/v1/tokens", {"email": email, "password": "wrong horse"})
        for email in (ADA["email"], "nobody@example.org")
    ]
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert known.headers.keys() == unknown.headers.keys()


async def test_neither_keys_nor_access_tokens_are_exchanged(api: Api) -> None:
    assert (await api.owner("POST", "/v1/tokens")).json()["type"] == "/problems/not-a-session"
    tokens = await exchanged(api, await api.sign_in())
    answer = await api.ask("POST", "/v1/tokens", token=tokens["access_token"])
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-a-session")


async def test_a_browsers_session_is_exchanged_from_our_own_pages_alone(api: Api) -> None:
    api.http.base_url = "http://localhost"
    cookie = f"annals_session={await api.sign_in()}"
    ours = {"cookie": cookie, "sec-fetch-site": "same-origin"}
    evil = {"cookie": cookie, "sec-fetch-site": "cross-site"}
    assert (await api.http.post("/v1/tokens", headers=ours)).status_code == 200
    assert (await api.http.post("/v1/tokens", headers=evil)).status_code == 403
    assert (await api.http.post("/v1/tokens", headers={"cookie": cookie})).status_code == 403


async def test_an_exchange_is_repeated_under_the_same_key(api: Api) -> None:
    session = await api.sign_in()
    for body, token in ((None, session), (ADA, "")):
        first, again = [
            await api.ask("POST", "/v1/tokens", body, token=token, idempotency_key=f"k{token}")
            for _ in range(2)
        ]
        assert again.json() == first.json()
        assert await opens(api, again.json()["access_token"]) == 200
    assert (await events(api)).count("tokens.issued") == 2


async def test_tokens_end_with_their_session(api: Api) -> None:
    session = await api.sign_in()
    tokens = await exchanged(api, session)
    assert (await api.ask("DELETE", "/v1/sessions/current", token=session)).status_code == 204
    assert await opens(api, tokens["access_token"]) == 401
    assert (await refreshed(api, tokens)).status_code == 401
    assert "tokens.reused" not in await events(api)


async def test_no_token_outlives_its_session(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    lifetime = api.platform.settings.session_ttl
    api.platform.clock += lifetime - timedelta(seconds=100)
    newest = (await refreshed(api, tokens)).json()
    assert newest["expires_in"] <= 100
    api.platform.clock += timedelta(seconds=100)
    api.platform.sessions.by_hash.clear()  # as Redis lets it go
    assert (await refreshed(api, newest)).status_code == 401
    assert await opens(api, newest["access_token"]) == 401


async def test_without_redis_no_token_opens_anything(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    api.platform.sessions.down = True
    assert await opens(api, tokens["access_token"]) == 503
    assert (await refreshed(api, tokens)).status_code == 503
    api.platform.sessions.down = False
    assert (await refreshed(api, tokens)).status_code == 200


async def test_a_token_opens_what_the_person_may_now(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    context = Context(correlation_id=api.platform.new_id(), deadline=1e12)
    account = said(tokens["access_token"])["sub"]

    async def promote(unit: Any) -> None:
        grant = GrantMembership(role="admin", at=api.platform.now())
        await unit.decide(MEMBERSHIP, account, grant)

    await api.platform.pipeline.run(promote, context)
    answer = await api.ask("GET", "/v1/access/current", token=tokens["access_token"])
    assert answer.json()["role"] == "admin"
    assert said(tokens["access_token"])["roles"] == ["member"]
    assert said((await refreshed(api, tokens)).json()["access_token"])["roles"] == ["admin"]


async def test_a_token_of_one_tenant_opens_nothing_in_another(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    elsewhere = (await forger(api, tokens)).token(tenant="acme", roles=["owner"])
    answer = await api.ask("GET", "/v1/access/current", token=elsewhere)
    assert answer.status_code != 200 or answer.json()["permissions"] == []


async def test_every_forgery_has_the_same_answer(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    refusals = set()
    for what, token in (await forger(api, tokens)).table(api.platform.now()).items():
        if token.isascii() and "\n" not in token:
            answer = await api.ask("GET", "/v1/access/current", token=token)
            assert answer.status_code == 401, what
            refusals.add(answer.text)
    assert refusals == {(await api.ask("GET", "/v1/access/current")).text}
    assert await opens(api, tokens["access_token"]) == 200


async def test_an_old_session_is_not_fresh_for_being_exchanged(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    end = ("POST", "/v1/sessions/revoke", {"scope": "others"})
    assert (await api.ask(*end, token=tokens["access_token"])).status_code == 204
    api.platform.clock += timedelta(minutes=11)
    newest = (await refreshed(api, tokens)).json()["access_token"]
    answer = await api.ask(*end, token=newest)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/step-up-required")


async def test_nothing_that_is_kept_of_a_token_opens_anything(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    newer = (await refreshed(api, tokens)).json()
    kept = msgspec.json.encode(
        [each.data.decode() for each in await api.platform.store.read_log(after=0, limit=1000)]
    )
    for each in (tokens, newer):
        assert each["refresh_token"][-43:].encode() not in kept
        assert each["access_token"].encode() not in kept
