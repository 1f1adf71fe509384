"""What would outlast an access token, over HTTP: it needs the session itself."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.http.app import OPERATIONS
from adapters.http.operations import SIGNED_IN
from tests.support.http_platform import Api, opened_api
from tests.support.second_factors import PASSWORD, Person, person
from tests.support.tokens import exchanged

NO_ID = "00000000-0000-4000-8000-000000000000"
LASTING = {f"{each.method} {each.path}": each for each in OPERATIONS if each.lasting}
REFUSED = (403, "/problems/session-required")


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        yield api


@pytest.fixture
async def ada(api: Api) -> Person:
    return await person(api)


async def type_of(ada: Person, token: str, method: str, path: str, body: Any) -> tuple[int, str]:
    answer = await ada.api.ask(method, path, body, token=token, host="localhost")
    ada.api.http.cookies.clear()
    return answer.status_code, answer.json().get("type", "") if answer.content else ""


def test_they_are_those_that_change_how_one_signs_in_or_make_credentials() -> None:
    own = {
        f"{each.method} {each.path}"
        for each in OPERATIONS
        if each.path.startswith("/v1/me") and each.needs == SIGNED_IN and each.fresh
    }
    assert own - {"GET /v1/me/export"} | {
        "POST /v1/me/email/confirm",
        "POST /v1/api-keys",
        "POST /v1/accounts/import",
        "DELETE /v1/accounts/{id}/second-factors",
        "POST /v1/sessions/current/step-up",
        "PUT /v1/sessions/current/tenant",
    } == set(LASTING)


@pytest.mark.parametrize("name", LASTING)
async def test_an_access_token_opens_none(ada: Person, name: str) -> None:
    method, path = name.replace("{id}", NO_ID).split(" ")
    token = (await exchanged(ada.api, ada.token))["access_token"]
    before = (await ada.api.platform.store.tail()).position
    body = {} if LASTING[name].body else None
    refused = await type_of(ada, token, method, path, body)
    assert refused == REFUSED
    assert (await ada.api.platform.store.tail()).position == before
    assert await type_of(ada, ada.token, method, path, body) != REFUSED


async def test_it_opens_the_rest(ada: Person) -> None:
    token = (await exchanged(ada.api, ada.token))["access_token"]
    assert (await type_of(ada, token, "GET", "/v1/me", None))[0] == 200
    revoke = ("POST", "/v1/sessions/revoke", {"scope": "others"})
    assert (await type_of(ada, token, *revoke))[0] == 204


async def test_an_api_key_is_no_access_token(api: Api) -> None:
    account = {"email": "bob@example.org"}
    answer = await api.owner("POST", "/v1/accounts/import", {"accounts": [account]})
    assert answer.status_code == 200, answer.text


async def test_a_session_steps_up_where_its_access_token_does_not(ada: Person) -> None:
    token = (await exchanged(ada.api, ada.token))["access_token"]
    step_up = ("POST", "/v1/sessions/current/step-up", {"password": PASSWORD})
    assert await type_of(ada, token, *step_up) == REFUSED
    assert (await type_of(ada, ada.token, *step_up))[0] == 201
