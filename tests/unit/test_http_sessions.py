"""Sessions over HTTP: whose they are, and who ends them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.http_platform import OWNER, Api, opened_api
from tests.support.sessions import FIREFOX, HERE, events, opens, sign_in


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        api.http.base_url = HERE
        yield api


async def listed(api: Api, token: str, query: str = "") -> list[dict[str, Any]]:
    answer = await api.ask("GET", f"/v1/sessions{query}", token=token)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_a_person_sees_where_they_are_signed_in(api: Api) -> None:
    first = await api.sign_in()
    answer = await sign_in(api, user_agent=FIREFOX)
    second = answer.json()
    mine = await listed(api, second["token"])
    assert [item.keys() for item in mine] == [
        {"id", "device", "address", "created_at", "last_seen_at", "current"}
    ] * 2
    assert [(item["id"] == second["id"], item["current"]) for item in mine] == [
        (True, True),
        (False, False),
    ]
    assert (mine[0]["device"], mine[0]["address"]) == ("Firefox on Linux", "127.0.0.1")
    assert [item["current"] for item in await listed(api, first)] == [False, True]
    assert len(await listed(api, await api.sign_in("bob@example.org"))) == 1


async def test_nobody_looks_at_the_sessions_of_strangers(api: Api) -> None:
    await api.sign_in()
    [ada] = [event["stream"].partition("/")[2] for event in await events(api, "account.registered")]
    member = await api.sign_in("bob@example.org")
    answer = await api.ask("GET", f"/v1/sessions?account={ada}", token=member)
    assert (answer.status_code, answer.json()["permission"]) == (403, "accounts:read")
    for id_ in ("00000000-0000-7000-8000-000000000000", "nonsense"):
        answer = await api.owner("GET", f"/v1/sessions?account={id_}")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/no-such-account")
    [item] = (await api.owner("GET", f"/v1/sessions?account={ada}")).json()["items"]
    assert (item["role"], item["state"], item["current"]) == ("member", "signed_in", False)


async def test_a_person_ends_one_of_their_sessions(api: Api) -> None:
    lost, kept = await api.sign_in(), await api.sign_in()
    [id_] = [each["id"] for each in await listed(api, kept) if not each["current"]]
    for _ in range(2):
        answer = await api.ask("DELETE", f"/v1/sessions/{id_}", token=kept)
        assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    assert [await opens(api, lost), await opens(api, kept)] == [False, True]
    assert [each["current"] for each in await listed(api, kept)] == [True]
    assert len(await events(api, "session.ended")) == 1


async def test_to_end_sessions_takes_a_fresh_proof(api: Api) -> None:
    stolen, mine = await api.sign_in(), await api.sign_in()
    [id_] = [each["id"] for each in await listed(api, stolen) if not each["current"]]
    api.platform.clock += timedelta(minutes=11)
    for method, path, body in (
        ("DELETE", f"/v1/sessions/{id_}", None),
        ("POST", "/v1/sessions/revoke", {"scope": "others"}),
    ):
        answer = await api.ask(method, path, body, token=stolen)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/step-up-required")
    assert await opens(api, mine)
    assert (await api.ask("DELETE", "/v1/sessions/current", token=stolen)).status_code == 204


async def test_nobody_ends_or_sees_anothers_session(api: Api) -> None:
    mine, other = await api.sign_in(), await api.sign_in("bob@example.org")
    [session] = await listed(api, other)
    unknown = "00000000-0000-7000-8000-000000000000"
    answers = []
    for id_ in (session["id"], unknown, "nonsense"):
        for method, path in (("DELETE", ""), ("GET", "/history")):
            answer = await api.ask(method, f"/v1/sessions/{id_}{path}", token=mine)
            document = answer.json()
            del document["instance"]
            answers.append((answer.status_code, document))
    assert {status for status, _ in answers} == {404}
    assert all(document == answers[0][1] for _, document in answers)
    assert await opens(api, other)


async def test_all_others_end_and_this_one_stays(api: Api) -> None:
    tokens = [await api.sign_in() for _ in range(3)]
    stranger = await api.sign_in("bob@example.org")
    answer = await api.ask("POST", "/v1/sessions/revoke", {"scope": "others"}, token=tokens[1])
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    assert [await opens(api, each) for each in (*tokens, stranger)] == [False, True, False, True]
    assert await opens(api, await api.sign_in())


async def test_all_end_and_the_browser_forgets(api: Api) -> None:
    tokens = [await api.sign_in() for _ in range(2)]
    answer = await api.ask("POST", "/v1/sessions/revoke", {"scope": "all"}, token=tokens[1])
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert [await opens(api, each) for each in tokens] == [False, False]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/scope"), ({"scope": "most"}, "/scope"), ({"scope": "all", "why": 1}, "/why")],
)
async def test_what_is_to_end_is_said_exactly(api: Api, body: Any, pointer: str) -> None:
    token = await api.sign_in()
    answer = await api.ask("POST", "/v1/sessions/revoke", body, token=token)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert await opens(api, token)


async def test_keys_have_no_sessions(api: Api) -> None:
    for method, path, body in (
        ("GET", "/v1/sessions", None),
        ("POST", "/v1/sessions/revoke", {"scope": "others"}),
        ("DELETE", "/v1/sessions/00000000-0000-7000-8000-000000000000", None),
    ):
        answer = await api.ask(method, path, body, token=OWNER)
        assert answer.status_code == 403, answer.text
        assert answer.json()["type"] == "/problems/not-a-person"
        assert ("?account=" in answer.json()["detail"]) == (method == "GET")


@pytest.mark.parametrize("path", ["/v1/sessions/{id}", "/v1/sessions/revoke"])
async def test_an_end_that_nobody_could_confirm_is_recorded_and_said_so(
    api: Api, path: str
) -> None:
    token, other = await api.sign_in(), await api.sign_in()
    [id_] = [each["id"] for each in await listed(api, token) if not each["current"]]
    api.platform.sessions.untold = True
    method, body = ("DELETE", None) if "{id}" in path else ("POST", {"scope": "all"})
    answer = await api.ask(method, path.format(id=id_), body, token=token)
    document = answer.json()
    assert (answer.status_code, document["outcome"]) == (503, "recorded")
    assert "before any session opens anything again" in document["detail"]
    assert answer.headers["retry-after"] == "1"
    ended = await events(api, "session.ended") + await events(api, "account.sessions_revoked")
    assert len(ended) == 1
    assert await opens(api, other), "this store was not told"


async def test_the_history_of_my_session_is_mine_to_read(api: Api) -> None:
    token = await api.sign_in()
    [session] = await listed(api, token)
    path = f"/v1/sessions/{session['id']}/history"
    answer = await api.ask("GET", path, token=token)
    [started] = answer.json()["items"]
    assert started["type"] == "session.started"
    assert started["data"]["address"] == "127.0.0.1"
    assert started["data"]["token_hash"] == {"hidden": True}
    assert (await api.owner("GET", path)).status_code == 200
