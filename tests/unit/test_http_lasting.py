"""What would outlast an access token, over HTTP: it needs the session itself."""

import re
from typing import Any

import pytest

from adapters.http.app import OPERATIONS
from tests.support.http_platform import Api
from tests.support.second_factors import PASSWORD, Person
from tests.support.tokens import exchanged

NO_ID = "00000000-0000-4000-8000-000000000000"
LASTING = {f"{each.method} {each.path}": each for each in OPERATIONS if each.lasting}
GIVING = {
    "accounts:write", "api-keys:write", "members:write", "own-api-keys:write", "roles:write",
    "service-accounts:write", "signing-keys:write", "tenants:write",
}  # fmt: skip
"""Permissions to change who comes in, how, and what they may do."""

TAKE_BACK = {
    "DELETE /v1/sessions/{id}",
    "POST /v1/sessions/revoke",
    "POST /v1/accounts/{id}/revoke-sessions",
    "DELETE /v1/api-keys/{id}",
    "DELETE /v1/invitations/{id}",
}
"""What takes credentials back, and so can be done with whatever one has."""

REFUSED = (403, "/problems/session-required")


async def type_of(ada: Person, token: str, method: str, path: str, body: Any) -> tuple[int, str]:
    answer = await ada.api.ask(method, path, body, token=token, host="localhost")
    ada.api.http.cookies.clear()
    return answer.status_code, answer.json().get("type", "") if answer.content else ""


def test_what_gives_or_changes_access_is_lasting_but_for_taking_credentials_back() -> None:
    concerning = {
        f"{each.method} {each.path}"
        for each in OPERATIONS
        if each.method != "GET" and (each.fresh or GIVING & set(each.permissions))
    }
    assert concerning - set(LASTING) == TAKE_BACK


@pytest.mark.parametrize("name", LASTING)
async def test_an_access_token_opens_none(ada: Person, name: str) -> None:
    method, path = re.sub(r"\{\w+\}", NO_ID, name).split(" ")
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
