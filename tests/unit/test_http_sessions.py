"""Sessions over HTTP: whose they are, who ends them, and what a browser may do with a cookie."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.http_platform import OWNER, Api, opened_api

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORD = "correct horse"
HERE = "http://localhost"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        api.http.base_url = HERE
        yield api


async def listed(api: Api, token: str, query: str = "") -> list[dict[str, Any]]:
    answer = await api.ask("GET", f"/v1/sessions{query}", token=token)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def opens(api: Api, token: str) -> bool:
    answer = await api.ask("GET", "/v1/sessions/current", token=token)
    assert answer.status_code in (200, 401)
    return bool(answer.status_code == 200)


async def account_of(api: Api, token: str) -> str:
    return str((await api.ask("GET", "/v1/sessions/current", token=token)).json()["account"])


async def events(api: Api, type_: str) -> list[dict[str, Any]]:
    answer = await api.owner("GET", f"/v1/events?type={type_}")
    return list(answer.json()["items"])


async def sign_in(api: Api, **headers: str) -> Any:
    body = {"email": "ada@example.org", "password": PASSWORD}
    answer = await api.ask("POST", "/v1/sessions", body, **headers)
    api.http.cookies.clear()
    return answer


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


# signing in anew


async def test_a_browser_that_signs_in_again_leaves_its_session(api: Api) -> None:
    old, elsewhere = await api.sign_in(), await api.sign_in()
    new = (await sign_in(api, cookie=f"annals_session={old}")).json()
    assert [await opens(api, each) for each in (old, elsewhere, new["token"])] == [
        *(False, True, True)
    ]
    [ended] = await events(api, "session.ended")
    assert ended["data"]["reason"] == "replaced"
    [*_, started] = await events(api, "session.started")
    assert ended["stream"] == f"session/{started['data']['replaces']}"
    assert ended["meta"]["correlation_id"] == started["meta"]["correlation_id"]


async def test_a_browser_may_change_hands(api: Api) -> None:
    bob = await api.sign_in("bob@example.org")
    await api.sign_in()
    new = (await sign_in(api, cookie=f"annals_session={bob}")).json()
    assert [await opens(api, bob), await opens(api, new["token"])] == [False, True]


@pytest.mark.parametrize("cookie", ["annals_session=as_nonsense", "annals_session=", "other=1"])
async def test_a_cookie_that_opens_nothing_does_not_hinder(api: Api, cookie: str) -> None:
    await api.sign_in()
    assert (await sign_in(api, cookie=cookie)).status_code == 201


async def test_a_wrong_password_ends_nothing(api: Api) -> None:
    token = await api.sign_in()
    body = {"email": "ada@example.org", "password": "wrong"}
    answer = await api.ask("POST", "/v1/sessions", body, cookie=f"annals_session={token}")
    assert answer.status_code == 401
    assert await opens(api, token)


# cookies

EVIL = "https://evil.example"
PAGES = [
    # Sec-Fetch-Site, Origin, whether a request with a cookie passes, whether a sign-in does
    ("same-origin", HERE, True, True),
    ("same-origin", None, True, True),
    ("none", None, True, True),
    ("cross-site", EVIL, False, False),
    ("cross-site", HERE, False, False),
    ("cross-site", None, False, False),
    ("same-site", "http://other.localhost", False, False),
    ("nonsense", HERE, False, False),
    (None, HERE, True, True),
    (None, EVIL, False, False),
    (None, "null", False, False),
    (None, "https://localhost", False, False),
    (None, "http://localhost:81", False, False),
    (None, f"{HERE}.evil.example", False, False),
    (None, None, False, True),
]


def page(site: str | None, origin: str | None) -> dict[str, str]:
    return {
        name: value
        for name, value in (("sec_fetch_site", site), ("origin", origin))
        if value is not None
    }


@pytest.mark.parametrize(("site", "origin", "passes", "_signs_in"), PAGES)
async def test_a_cookie_only_counts_from_our_own_pages(
    api: Api, site: str | None, origin: str | None, *, passes: bool, _signs_in: bool
) -> None:
    token = await api.sign_in()
    headers = {"cookie": f"annals_session={token}", **page(site, origin)}
    answer = await api.ask("POST", "/v1/sessions/revoke", {"scope": "others"}, **headers)
    assert answer.status_code == (204 if passes else 403), answer.text
    if not passes:
        assert answer.json()["type"] == "/problems/cross-site"
    assert (await api.ask("GET", "/v1/sessions/current", **headers)).status_code == 200


@pytest.mark.parametrize(("site", "origin", "_passes", "signs_in"), PAGES)
@pytest.mark.parametrize("with_cookie", [False, True])
async def test_no_page_of_another_site_signs_a_browser_in(
    api: Api,
    site: str | None,
    origin: str | None,
    *,
    _passes: bool,
    signs_in: bool,
    with_cookie: bool,
) -> None:
    token = await api.sign_in()
    cookie = {"cookie": f"annals_session={token}"} if with_cookie else {}
    answer = await sign_in(api, **cookie, **page(site, origin))
    assert answer.status_code == (201 if signs_in else 403), answer.text
    assert ("set-cookie" in answer.headers) == signs_in
    assert await opens(api, token) != (signs_in and with_cookie)


@pytest.mark.parametrize("header", ["authorization", "x_api_key"])
@pytest.mark.parametrize(("site", "origin"), [("cross-site", EVIL), (None, None), (None, EVIL)])
async def test_a_bearer_credential_goes_before_the_cookie(
    api: Api, header: str, site: str | None, origin: str | None
) -> None:
    """No page of another site can send one, so where there is one, it was meant."""
    ada, bob = await api.sign_in(), await api.sign_in("bob@example.org")
    given = {header: f"Bearer {bob}" if header == "authorization" else bob}
    cookie = f"annals_session={ada}"
    answer = await api.ask(
        "POST",
        "/v1/sessions/revoke",
        {"scope": "all"},
        cookie=cookie,
        **given,
        **page(site, origin),
    )
    assert answer.status_code == 204, answer.text
    assert [await opens(api, ada), await opens(api, bob)] == [True, False]


@pytest.mark.parametrize("given", ["Bearer as_wrong", "Bearer", "Basic YWRhOmFkYQ==", ""])
async def test_a_credential_that_opens_nothing_is_not_replaced_by_the_cookie(
    api: Api, given: str
) -> None:
    token = await api.sign_in()
    headers = {"authorization": given, "cookie": f"annals_session={token}"}
    answer = await api.ask("GET", "/v1/sessions/current", **headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("scheme", "name", "secure"),
    [("http", "annals_session", False), ("https", "__Host-annals_session", True)],
)
async def test_a_cookie_is_out_of_reach(api: Api, scheme: str, name: str, *, secure: bool) -> None:
    """`__Host-` and `Secure` where people come over https; browsers refuse both on plain http."""
    await api.sign_in()
    api.http.base_url = f"{scheme}://localhost"
    answer = await sign_in(api)
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert cookie == f"{name}={answer.json()['token']}"
    age, *others = attributes
    assert 43_190 <= int(age.removeprefix("Max-Age=")) <= 43_200
    assert others == ["Path=/", "HttpOnly", "SameSite=Lax", *(["Secure"] if secure else [])]
    token = answer.json()["token"]
    gone = await api.ask("DELETE", "/v1/sessions/current", token=token)
    assert gone.headers["set-cookie"].startswith(f"{name}=; Max-Age=0; ")


async def test_a_cookie_that_plain_http_may_set_opens_nothing_over_https(api: Api) -> None:
    """Whoever can answer for http, or for a sibling's name, could plant one of theirs."""
    token = await api.sign_in()
    statuses = {}
    for scheme in ("http", "https"):
        api.http.base_url = f"{scheme}://localhost"
        for name in ("annals_session", "__Host-annals_session"):
            answer = await api.ask("GET", "/v1/sessions/current", cookie=f"{name}={token}")
            statuses[scheme, name] = answer.status_code
    assert statuses == {
        ("http", "annals_session"): 200,
        ("http", "__Host-annals_session"): 401,
        ("https", "annals_session"): 401,
        ("https", "__Host-annals_session"): 200,
    }


@pytest.mark.parametrize(
    ("host", "given"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.1:8000", True),
        ("127.1.2.3", True),
        ("[::1]:8000", True),
        ("annals", False),
        ("annals.example.org:8000", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("10.0.0.1:8000", False),
        ("[::2]", False),
        ("[::1", False),
    ],
)
async def test_over_plain_http_only_this_machine_has_cookies(
    api: Api, host: str, *, given: bool
) -> None:
    token = await api.sign_in()
    cookie = {"cookie": f"annals_session={token}", "host": host}
    answer = await api.ask("GET", "/v1/sessions/current", **cookie)
    assert answer.status_code == (200 if given else 401)
    signed_in = await sign_in(api, host=host)
    assert (signed_in.status_code, "set-cookie" in signed_in.headers) == (201, given)
    gone = await api.ask("DELETE", "/v1/sessions/current", token=token, host=host)
    assert (gone.status_code, "set-cookie" in gone.headers) == (204, given)


async def test_a_token_is_256_random_bits_and_kept_as_a_hash_alone(api: Api) -> None:
    tokens = {await api.sign_in() for _ in range(20)}
    assert {len(token.removeprefix("as_")) for token in tokens} == {43}
    kept = repr(api.platform.sessions.by_hash) + repr(
        await api.platform.store.read_log(after=0, limit=999)
    )
    assert not [token for token in tokens if token in kept or token[3:] in kept]
