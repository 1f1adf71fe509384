"""Refresh tokens over HTTP: used once each, and given back."""

import asyncio
from typing import Any

import pytest

from tests.support.http_platform import Api, opened_api
from tests.support.tokens import events, exchanged, opens, refreshed

ADA = {"email": "ada@example.org", "password": "correct horse"}


async def test_a_refresh_token_gives_the_next_one(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    for _ in range(3):
        answer = await refreshed(api, tokens)
        assert answer.status_code == 200, answer.text
        assert answer.json()["refresh_token"] != tokens["refresh_token"]
        tokens = answer.json()
        assert await opens(api, tokens["access_token"]) == 200


async def test_a_refresh_token_that_comes_back_ends_all_that_came_of_it(api: Api) -> None:
    session = await api.sign_in()
    tokens = await exchanged(api, session)
    newer = (await refreshed(api, tokens)).json()
    assert (await refreshed(api, tokens)).status_code == 401
    for token in (tokens["access_token"], newer["access_token"], session):
        assert await opens(api, token) == 401
    assert (await refreshed(api, newer)).status_code == 401
    assert [each for each in await events(api) if each in {"tokens.reused", "session.ended"}] == [
        "tokens.reused",
        "session.ended",
    ]


async def test_reuse_leaves_the_persons_other_sessions_alone(api: Api) -> None:
    other = await api.sign_in()
    tokens = await exchanged(api, await api.sign_in())
    await refreshed(api, tokens)
    await refreshed(api, tokens)
    assert await opens(api, other) == 200


async def test_of_uses_at_once_one_wins(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    answers = await asyncio.gather(*(refreshed(api, tokens) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 401, 401, 401, 401]
    assert (await events(api)).count("tokens.refreshed") == 1
    assert (await events(api)).count("tokens.reused") == 1


async def test_of_uses_at_once_in_two_processes_one_wins(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    shared = {"store": api.platform.store, "vault": api.platform.vault}
    async with opened_api(**shared, sessions=api.platform.sessions) as twin:
        answers = await asyncio.gather(
            *(refreshed(each, tokens) for each in (api, twin, api, twin))
        )
        assert sorted(each.status_code for each in answers) == [200, 401, 401, 401]
        assert (await events(api)).count("tokens.refreshed") == 1
        assert (await events(api)).count("tokens.reused") == 1


async def test_who_has_lost_the_answer_asks_again_under_the_same_key(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    key = {"idempotency_key": "refresh 1"}
    first, again = [await refreshed(api, tokens, **key) for _ in range(2)]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert await opens(api, again.json()["access_token"]) == 200
    twins = await asyncio.gather(
        *(refreshed(api, again.json(), idempotency_key="refresh 2") for _ in range(3))
    )
    assert len({each.text for each in twins}) == 1
    assert twins[0].status_code == 200
    assert (await refreshed(api, tokens, idempotency_key="refresh 3")).status_code == 401


@pytest.mark.parametrize("cut", ["", "art_", "art_x", "{}x", "{:.60}", " {}"])
async def test_what_is_no_refresh_token_has_one_neutral_answer(api: Api, cut: str) -> None:
    tokens = await exchanged(api, await api.sign_in())
    foreign = "art_" + "0" * 32 + "_" + "x" * 43
    wrong = await api.ask("POST", "/v1/tokens/refresh", {"refresh_token": foreign})
    given = cut.format(tokens["refresh_token"])
    answer = await api.ask("POST", "/v1/tokens/refresh", {"refresh_token": given})
    assert (answer.status_code, answer.json()) == (401, wrong.json())
    forged = tokens["refresh_token"][:-43] + "x" * 43
    answer = await api.ask("POST", "/v1/tokens/refresh", {"refresh_token": forged})
    assert (answer.status_code, answer.json()) == (401, wrong.json())
    assert (await refreshed(api, tokens)).status_code == 200  # no forgery has ended it


@pytest.mark.parametrize("body", [{}, {"refresh_token": 7}, {"refresh_token": "x", "more": 1}])
async def test_a_refresh_is_asked_for_in_its_shape(api: Api, body: Any) -> None:
    for path in ("/v1/tokens/refresh", "/v1/tokens/revoke"):
        answer = await api.ask("POST", path, body)
        assert answer.status_code == 422
        assert answer.json()["errors"]


async def test_tokens_given_back_end_and_their_own_session_with_them(api: Api) -> None:
    await api.sign_in()
    tokens = (await api.ask("POST", "/v1/tokens", ADA)).json()
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await api.ask("POST", "/v1/tokens/revoke", body)).status_code == 204
    assert (await refreshed(api, tokens)).status_code == 401
    assert await opens(api, tokens["access_token"]) == 401
    assert (await api.ask("POST", "/v1/tokens/revoke", body)).status_code == 204


async def test_tokens_given_back_leave_the_session_that_was_there_before(api: Api) -> None:
    session = await api.sign_in()
    tokens = await exchanged(api, session)
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await api.ask("POST", "/v1/tokens/revoke", body)).status_code == 204
    assert (await refreshed(api, tokens)).status_code == 401
    assert await opens(api, session) == 200
    assert await opens(api, (await exchanged(api, session))["access_token"]) == 200


async def test_who_gives_back_what_is_no_token_learns_nothing(api: Api) -> None:
    tokens = await exchanged(api, await api.sign_in())
    for text in ("", "art_", tokens["refresh_token"][:-43] + "x" * 43):
        answer = await api.ask("POST", "/v1/tokens/revoke", {"refresh_token": text})
        assert (answer.status_code, answer.text) == (204, "")
    assert (await refreshed(api, tokens)).status_code == 200
