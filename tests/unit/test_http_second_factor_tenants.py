"""The tenant that a sign-in asks for, where a second factor completes it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.http_platform import Api, opened_api
from tests.support.second_factors import EMAIL, HOST, PASSWORD, Person, enrolled, person

CREDENTIALS = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await api.owner("POST", "/v1/tenants", {"name": "acme"})
        yield api


@pytest.fixture
async def ada(api: Api) -> Person:
    """She belongs to acme, and has an authenticator."""
    ada = await person(api)
    joins = ("PUT", f"/v1/members/{ada.account}", {"role": "viewer"})
    assert (await api.owner(*joins, annals_tenant="acme")).is_success
    await enrolled(ada)
    return ada


async def asked(ada: Person, path: str, body: Any, **headers: str) -> Any:
    answer = await ada.api.ask("POST", path, body, **HOST, **headers)
    assert answer.status_code == 401, answer.text
    return answer.json()


async def current(ada: Person, completed: httpx.Response) -> tuple[str, str]:
    assert completed.status_code == 201, completed.text
    token = completed.json()["token"]
    session = (await ada.api.ask("GET", "/v1/sessions/current", token=token)).json()
    return session["tenant"], session["role"]


async def test_the_session_begins_where_the_password_asked_for(ada: Person) -> None:
    problem = await asked(ada, "/v1/sessions", {**CREDENTIALS, "tenant": "acme"})
    completed = await ada.complete(problem, code=ada.next_code())
    assert await current(ada, completed) == ("acme", "viewer")
    problem = await asked(ada, "/v1/sessions", CREDENTIALS)
    completed = await ada.complete(problem, code=ada.next_code())
    assert (await current(ada, completed))[0] == "default"


async def test_what_was_asked_for_tokens_of_a_tenant_is_completed_there(ada: Person) -> None:
    problem = await asked(ada, "/v1/tokens", CREDENTIALS, annals_tenant="acme")
    completed = await ada.complete(problem, code=ada.next_code())
    assert (await current(ada, completed))[0] == "acme"


async def test_a_step_up_that_is_completed_stays_where_it_was(ada: Person) -> None:
    first = await asked(ada, "/v1/sessions", {**CREDENTIALS, "tenant": "acme"})
    ada.token = (await ada.complete(first, code=ada.next_code())).json()["token"]
    answer = await ada.ask("POST", "/v1/sessions/current/step-up", {"password": PASSWORD})
    completed = await ada.complete(answer.json(), code=ada.next_code())
    assert (await current(ada, completed))[0] == "acme"


@pytest.mark.parametrize("tenant", ["beta", "nowhere"])
async def test_a_tenant_of_others_is_told_from_none_neither_before_nor_after(
    ada: Person, tenant: str
) -> None:
    await ada.api.owner("POST", "/v1/tenants", {"name": "beta"})
    problem = await asked(ada, "/v1/sessions", {**CREDENTIALS, "tenant": tenant})
    assert problem["type"] == "/problems/second-factor-required"
    wrong = await ada.complete(problem, code="000000")
    assert wrong.json()["type"] == "/problems/wrong-second-factor"
    refused = await ada.complete(problem, code=ada.next_code())
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-your-tenant")
    assert tenant not in refused.text


async def test_who_left_meanwhile_does_not_come_in(ada: Person) -> None:
    problem = await asked(ada, "/v1/sessions", {**CREDENTIALS, "tenant": "acme"})
    await ada.api.owner("DELETE", f"/v1/members/{ada.account}", annals_tenant="acme")
    refused = await ada.complete(problem, code=ada.next_code())
    assert refused.json()["type"] == "/problems/not-your-tenant"
