"""Tokens for who has a second factor, or works in more than one tenant."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.http_platform import Api, opened_api
from tests.support.second_factors import EMAIL, PASSWORD, Person, enrolled, person


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        yield api


@pytest.fixture
async def ada(api: Api) -> Person:
    return await person(api)


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
