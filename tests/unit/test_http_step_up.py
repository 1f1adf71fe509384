"""Step-up over HTTP: what is sensitive needs a fresh proof, and a proof is a new session."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.memory.lockout import MemoryLockout
from tests.support.authenticator import Authenticator
from tests.support.http_platform import OWNER, Api, opened_api
from tests.support.second_factors import HOST, PASSWORD, Person, enrolled, person

SENSITIVE = ("POST", "/v1/me/totp")
STALE = timedelta(minutes=10, seconds=1)


async def step_up(ada: Person, **body: Any) -> httpx.Response:
    return await ada.ask("POST", "/v1/sessions/current/step-up", {"password": PASSWORD, **body})


async def opens(ada: Person, token: str) -> bool:
    answer = await ada.api.ask("GET", "/v1/sessions/current", token=token)
    return answer.status_code == 200


async def test_what_is_sensitive_needs_a_fresh_proof(ada: Person) -> None:
    assert (await ada.ask(*SENSITIVE)).status_code == 201
    ada.api.platform.clock += STALE
    refused = await ada.ask(*SENSITIVE)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/step-up-required")
    ada.token = (await step_up(ada)).json()["token"]
    assert (await ada.ask(*SENSITIVE)).status_code == 201
    ada.api.platform.clock += STALE
    assert (await ada.ask(*SENSITIVE)).status_code == 403


async def test_a_proof_is_a_new_session_that_ends_when_the_old_one_would_have(ada: Person) -> None:
    before = (await ada.ask("GET", "/v1/sessions/current")).json()
    ada.api.platform.clock += timedelta(hours=2)
    answer = await step_up(ada)
    assert (answer.status_code, "set-cookie" in answer.headers) == (201, True)
    after = answer.json()
    assert after["id"] != before["id"]
    assert after["token"] != ada.token
    assert after["expires_at"] == before["expires_at"]
    assert [await opens(ada, ada.token), await opens(ada, after["token"])] == [False, True]
    [*_, started] = (await ada.api.owner("GET", "/v1/events?type=session.started")).json()["items"]
    [ended] = (await ada.api.owner("GET", "/v1/events?type=session.ended")).json()["items"]
    assert started["data"]["replaces"] == before["id"]
    assert started["data"]["methods"] == ["pwd"]
    assert (ended["stream"], ended["data"]["reason"]) == (f"session/{before['id']}", "replaced")


async def test_a_wrong_password_leaves_everything_as_it_was(ada: Person) -> None:
    ada.api.platform.clock += STALE
    answer = await step_up(ada, password="wrong horse")
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/wrong-credentials")
    assert await opens(ada, ada.token)
    assert (await ada.ask(*SENSITIVE)).status_code == 403


async def test_guesses_at_a_password_are_locked_out_here_too() -> None:
    async with opened_api(lockout=MemoryLockout()) as api:
        ada = await person(api)
        statuses = [(await step_up(ada, password=f"guess {n}")).status_code for n in range(40)]
        assert 429 in statuses
        assert (await step_up(ada)).status_code == 429
        assert await opens(ada, ada.token)


async def test_a_second_factor_is_asked_for_where_there_is_one(ada: Person) -> None:
    [*_, recovery] = await enrolled(ada)
    required = await step_up(ada)
    assert required.status_code == 401
    assert required.json()["type"] == "/problems/second-factor-required"
    assert required.json()["methods"] == ["totp", "recovery_code"]
    wrong = await step_up(ada, code="000000")
    assert wrong.json()["type"] == "/problems/wrong-second-factor"
    assert await opens(ada, ada.token)
    code = ada.next_code()
    ada.token = (await step_up(ada, code=code)).json()["token"]
    again = await step_up(ada, code=code)
    assert again.json()["type"] == "/problems/wrong-second-factor", "a code counts once"
    assert (await step_up(ada, recovery_code=recovery)).status_code == 201
    both = await step_up(ada, code=code, recovery_code=recovery)
    assert both.status_code in (401, 422)


async def test_a_passkey_proves_it_as_well(ada: Person) -> None:
    passkey = Authenticator()
    assert (await ada.register(passkey)).status_code == 201
    required = (await step_up(ada)).json()
    answer = await step_up(ada, passkey=passkey.get(required["passkey"]))
    assert answer.status_code == 201, answer.text
    token = answer.json()["token"]
    [*_, started] = (await ada.api.owner("GET", "/v1/events?type=session.started")).json()["items"]
    assert started["data"]["methods"] == ["pwd", "pop", "user", "mfa"]
    assert await opens(ada, token)


async def test_a_session_that_has_ended_meanwhile_is_not_brought_back(ada: Person) -> None:
    """The store has not heard yet that it was ended; the log has."""
    kept = dict(ada.api.platform.sessions.by_hash)
    assert (await ada.ask("DELETE", "/v1/sessions/current")).status_code == 204
    ada.api.platform.sessions.by_hash = kept
    answer = await step_up(ada)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")
    ada.api.platform.sessions.by_hash = {}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"password": None}, "/password"),
        ({"password": "x" * 1001}, "/password"),
        ({"pin": "1"}, "/pin"),
        ({"code": 123456}, "/code"),
    ],
)
async def test_bad_input_is_pointed_at(ada: Person, body: dict[str, Any], pointer: str) -> None:
    answer = await step_up(ada, **body)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_a_page_of_another_site_proves_nothing(ada: Person) -> None:
    headers = {"cookie": f"annals_session={ada.token}", "sec_fetch_site": "cross-site", **HOST}
    path = "/v1/sessions/current/step-up"
    answer = await ada.api.ask("POST", path, {"password": PASSWORD}, **headers)
    assert answer.status_code == 403
    assert await opens(ada, ada.token)


async def test_keys_prove_nothing(api: Api) -> None:
    path = "/v1/sessions/current/step-up"
    answer = await api.ask("POST", path, {"password": PASSWORD}, token=OWNER)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/no-current-session")


async def test_a_proof_that_is_sent_again_comes_from_a_session_that_has_ended(ada: Person) -> None:
    path, body = "/v1/sessions/current/step-up", {"password": PASSWORD}
    first = await ada.ask("POST", path, body, idempotency_key="once")
    assert first.status_code == 201
    assert not await opens(ada, ada.token)
    again = await ada.ask("POST", path, body, idempotency_key="once")
    assert again.status_code == 401, "the session that sends it has ended"
