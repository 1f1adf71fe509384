"""Tokens for who has a second factor, or works in more than one tenant."""

from typing import Any

import httpx
import pytest

from tests.support.letters import letters_in
from tests.support.second_factors import EMAIL, PASSWORD, Person, enrolled


async def exchange(person: Person, **factor: Any) -> httpx.Response:
    body = {"email": EMAIL, "password": PASSWORD, **factor}
    return await person.api.ask("POST", "/v1/tokens", body)


async def test_a_password_alone_gives_no_tokens_to_who_has_a_second_factor(ada: Person) -> None:
    await enrolled(ada)
    answer = await exchange(ada)
    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/second-factor-required"
    assert answer.json()["methods"] == ["totp", "recovery_code"]
    types = [each.type for each in await ada.api.platform.store.read_log(after=0, limit=1000)]
    assert "tokens.issued" not in types


async def test_a_code_beside_the_password_gives_tokens_once(ada: Person) -> None:
    await enrolled(ada)
    code = ada.next_code()
    answer = await exchange(ada, code=code)
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    assert (await ada.api.ask("GET", "/v1/sessions/current", token=token)).status_code == 200
    again = await exchange(ada, code=code)
    assert (again.status_code, again.json()["type"]) == (401, "/problems/wrong-second-factor")
    assert (await exchange(ada, code="000000")).status_code == 401


async def test_a_recovery_code_gives_tokens_once(ada: Person) -> None:
    code, *_ = await enrolled(ada)
    assert (await exchange(ada, recovery_code=code)).status_code == 200
    assert (await exchange(ada, recovery_code=code)).status_code == 401


async def test_a_session_that_was_completed_is_exchanged_as_it_is(ada: Person) -> None:
    await enrolled(ada)
    problem = (await ada.sign_in()).json()
    session = (await ada.complete(problem, code=ada.next_code())).json()["token"]
    assert (await ada.api.ask("POST", "/v1/tokens", token=session)).status_code == 200


@pytest.mark.parametrize("factor", [{"code": "1"}, {"recovery_code": "x"}])
async def test_a_factor_without_a_password_is_no_sign_in(
    ada: Person, factor: dict[str, str]
) -> None:
    answer = await ada.api.ask("POST", "/v1/tokens", factor, token=ada.token)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/email", "/password"]


async def joined(ada: Person, tenant: str) -> None:
    """Make a tenant in which she is an admin."""
    assert (await ada.api.owner("POST", "/v1/tenants", {"name": tenant})).status_code == 201
    member = f"/v1/members/{ada.account}"
    answer = await ada.api.owner("PUT", member, {"role": "admin"}, annals_tenant=tenant)
    assert answer.status_code in {200, 201}, answer.text


async def access(ada: Person, token: str, **headers: str) -> httpx.Response:
    return await ada.api.ask("GET", "/v1/access/current", token=token, **headers)


async def test_tokens_work_in_the_tenant_that_they_were_got_for_alone(ada: Person) -> None:
    await joined(ada, "acme")
    for answer in (
        await ada.api.ask("POST", "/v1/tokens", token=ada.token, annals_tenant="acme"),
        await ada.api.ask(
            "POST", "/v1/tokens", {"email": EMAIL, "password": PASSWORD}, annals_tenant="acme"
        ),
    ):
        token = answer.json()["access_token"]
        here = (await access(ada, token)).json()
        assert (here["tenant"], here["role"]) == ("acme", "admin")
        elsewhere = await access(ada, token, annals_tenant="default")
        assert (elsewhere.status_code, elsewhere.json()["type"]) == (
            403,
            "/problems/not-your-tenant",
        )
    home = (await exchange(ada)).json()["access_token"]
    assert (await access(ada, home)).json()["tenant"] == "default"
    assert (await access(ada, home, annals_tenant="acme")).status_code == 403


async def test_a_key_that_was_used_for_one_tenant_is_for_no_other(ada: Person) -> None:
    await joined(ada, "acme")
    body = {"email": EMAIL, "password": PASSWORD}
    once = {"idempotency_key": "once"}
    first = await ada.api.ask("POST", "/v1/tokens", body, annals_tenant="acme", **once)
    again = await ada.api.ask("POST", "/v1/tokens", body, annals_tenant="acme", **once)
    assert again.json() == first.json()
    for elsewhere in ({}, {"annals_tenant": "default"}, {"annals_tenant": "beta"}):
        other = await ada.api.ask("POST", "/v1/tokens", body, **elsewhere, **once)
        assert (other.status_code, other.json()["type"]) == (
            422,
            "/problems/idempotency-key-reused",
        )


@pytest.mark.parametrize("tenant", ["acme", "nowhere", "system", "no tenant"])
async def test_nobody_gets_tokens_for_a_tenant_of_others(ada: Person, tenant: str) -> None:
    await ada.api.owner("POST", "/v1/tenants", {"name": "acme"})
    refused = []
    for body, token in (({"email": EMAIL, "password": PASSWORD}, ""), (None, ada.token)):
        answer = await ada.api.ask("POST", "/v1/tokens", body, token=token, annals_tenant=tenant)
        refused.append((answer.status_code, answer.json()["type"]))
    assert refused == [(403, "/problems/not-your-tenant")] * 2
    types = [each.type for each in await ada.api.platform.store.read_log(after=0, limit=1000)]
    assert "tokens.issued" not in types


async def test_who_leaves_a_tenant_does_nothing_more_there_with_a_token(ada: Person) -> None:
    await joined(ada, "acme")
    answer = await ada.api.ask("POST", "/v1/tokens", token=ada.token, annals_tenant="acme")
    tokens = answer.json()
    gone = await ada.api.owner("DELETE", f"/v1/members/{ada.account}", annals_tenant="acme")
    assert gone.status_code == 204, gone.text
    assert (await access(ada, tokens["access_token"])).status_code == 403
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await ada.api.ask("POST", "/v1/tokens/refresh", body)).status_code == 401


async def test_whose_tokens_were_reused_is_told_once(ada: Person) -> None:
    tokens = (await exchange(ada)).json()
    body = {"refresh_token": tokens["refresh_token"]}
    statuses = [
        (await ada.api.ask("POST", "/v1/tokens/refresh", body)).status_code for _ in range(4)
    ]
    assert statuses == [200, 401, 401, 401]
    letters = [each for each in await letters_in(ada.api.platform) if each.kind == "tokens-reused"]
    assert [each.to for each in letters] == [EMAIL]
