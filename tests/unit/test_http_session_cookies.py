"""Sessions of browsers over HTTP: signing in anew, and cookies."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.support.http_platform import Api, opened_api
from tests.support.sessions import HERE, events, opens, sign_in


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        api.http.base_url = HERE
        yield api


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


@pytest.mark.parametrize(
    ("public_url", "passes"),
    [
        ("https://App.example.org:443/annals", True),
        ("https://app.example.org:8443", False),
        ("http://app.example.org", False),
        ("https://example.org", False),
    ],
)
async def test_pages_of_the_public_url_are_ours_whatever_host_a_proxy_asks_for(
    api: Api, public_url: str, *, passes: bool
) -> None:
    token = await api.sign_in()
    settings = msgspec.structs.replace(api.platform.settings, public_url=public_url)
    api.platform.settings = settings
    headers = {"cookie": f"annals_session={token}", **page(None, "https://app.example.org")}
    answer = await api.ask("POST", "/v1/sessions/revoke", {"scope": "others"}, **headers)
    assert answer.status_code == (204 if passes else 403), answer.text
    if not passes:
        assert "PUBLIC_URL" in answer.json()["detail"]


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
