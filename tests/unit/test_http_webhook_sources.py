"""Sources of webhooks over HTTP: defined, shown, disabled, deleted, and each tenant's own."""

import json
from typing import Any
from uuid import UUID

import pytest

from tests.support.hooks import SECRET, SOURCE, define, receipt_of, send, signed
from tests.support.http_platform import Api
from tests.support.keys import key_of


async def test_a_source_is_defined_shown_and_keeps_its_address(api: Api) -> None:
    first = await api.owner("PUT", "/v1/webhooks/sources/github", SOURCE)
    assert first.status_code == 201
    shown = first.json()
    assert shown["name"] == "github"
    assert shown["url"].startswith("/hooks/")
    assert (shown["secrets"], shown["tolerance"], shown["enabled"]) == (1, "5m", True)
    again = await api.owner("PUT", "/v1/webhooks/sources/github", SOURCE)
    assert (again.status_code, again.json()) == (200, shown)
    change = {"preset": "github", "target": {"kind": "log", "name": "ci"}, "tolerance": "1h"}
    changed = (await api.owner("PUT", "/v1/webhooks/sources/github", change)).json()
    assert changed["url"] == shown["url"]
    assert changed["secrets"] == 1
    assert (changed["target"], changed["tolerance"]) == ({"kind": "log", "name": "ci"}, "1h")
    assert (await api.owner("GET", "/v1/webhooks/sources/github")).json() == changed
    then = await api.owner("GET", "/v1/webhooks/sources/github?position=3")
    assert then.json() == shown
    history = (await api.owner("GET", "/v1/webhooks/sources/github/history")).json()["items"]
    assert [each["type"] for each in history] == ["webhook_source.defined"] * 2
    assert SECRET not in json.dumps(history)


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"preset": "gitlab"}, ["/preset"]),
        ({"secrets": []}, ["/secrets"]),
        ({"secrets": ["long enough"] * 3}, ["/secrets"]),
        ({"secrets": ["long enough", "short"]}, ["/secrets/1"]),
        ({"secrets": None}, ["/secrets"]),
        ({"tolerance": "0s"}, ["/tolerance"]),
        ({"tolerance": "2d"}, ["/tolerance"]),
        ({"tolerance": "soon"}, ["/tolerance"]),
        ({"target": {"kind": "action", "name": "nobody"}}, ["/target/name"]),
        ({"target": {"kind": "mail"}}, ["/target/kind"]),
        ({"dedup": {"header": "X-Id", "pointer": "/id"}}, ["/dedup"]),
        ({"dedup": {"pointer": "id"}}, ["/dedup/pointer"]),
        ({"dedup": "sometimes"}, ["/dedup"]),
        ({"scheme": {}}, ["/scheme"]),
        ({"schema": "nobody"}, ["/schema"]),
        ({"unknown": 1, "preset": 7}, ["/preset", "/unknown"]),
        ({"preset": "standard-webhooks"}, ["/secrets/0"]),
    ],
)
async def test_a_bad_definition_is_pointed_at_and_changes_nothing(
    api: Api, change: dict[str, Any], pointers: list[str]
) -> None:
    before = (await api.platform.store.tail()).position
    answer = await api.owner("PUT", "/v1/webhooks/sources/github", {**SOURCE, **change})
    assert answer.status_code == 422, answer.text
    assert sorted(each["pointer"] for each in answer.json()["errors"]) == pointers
    assert (await api.platform.store.tail()).position == before


async def test_a_disabled_source_answers_like_none_and_an_enabled_one_again(api: Api) -> None:
    url = await define(api)
    disabled = await api.owner("POST", "/v1/webhooks/sources/github/disable")
    assert disabled.json()["enabled"] is False
    assert (await send(api, url, b"{}")).status_code == 404
    await api.owner("POST", "/v1/webhooks/sources/github/enable")
    assert (await send(api, url, b"{}")).status_code == 202


async def test_a_deleted_source_is_gone_and_its_address_with_it(api: Api) -> None:
    url = await define(api)
    kept = await receipt_of(api, await send(api, url, b"{}"))
    assert (await api.owner("DELETE", "/v1/webhooks/sources/github")).status_code == 204
    assert (await api.owner("DELETE", "/v1/webhooks/sources/github")).status_code == 404
    assert (await send(api, url, b"{}")).status_code == 404
    assert (await api.owner("GET", "/v1/webhooks/sources/github")).status_code == 404
    anew = await api.owner("PUT", "/v1/webhooks/sources/github", SOURCE)
    assert anew.status_code == 201
    assert anew.json()["url"] != url
    assert (await send(api, url, b"{}")).status_code == 404
    assert (await send(api, anew.json()["url"], b"{}")).json()["receipt"] != kept["id"]


async def test_two_tenants_have_a_source_of_one_name_and_see_only_their_own(api: Api) -> None:
    ours = await define(api)
    other = await key_of(api, "acme", "owner")
    theirs_secret = {**SOURCE, "secrets": ["another secret"]}
    answer = await api.ask("PUT", "/v1/webhooks/sources/github", theirs_secret, token=other)
    theirs = answer.json()["url"]
    assert answer.status_code == 201
    assert theirs != ours
    assert (await send(api, theirs, b"{}")).status_code == 401
    mine = await send(api, ours, b"{}")
    body = b"{}"
    hers = await send(api, theirs, body, signed(body, "another secret"))
    assert hers.status_code == 202
    assert hers.json() != mine.json()
    path = f"/v1/webhooks/receipts/{mine.json()['receipt']}"
    for suffix in ("", "/body", "/history"):
        assert (await api.ask("GET", path + suffix, token=other)).status_code == 404
    assert (await api.ask("POST", path + "/replay", token=other)).status_code == 404


async def test_a_secret_is_rotated_without_a_gap(api: Api) -> None:
    url = await define(api)
    await define(api, secrets=["the successor", SECRET])
    old, new = b'{"n":1}', b'{"n":2}'
    by_old = await receipt_of(api, await send(api, url, old))
    by_new = await receipt_of(api, await send(api, url, new, signed(new, "the successor")))
    assert (by_old["verdict"]["secret"], by_new["verdict"]["secret"]) == (2, 1)
    await define(api, secrets=["the successor"])
    assert (await send(api, url, b'{"n":3}')).status_code == 401


async def test_only_who_administers_the_tenant_sees_or_changes_anything(api: Api) -> None:
    await define(api)
    member = await api.sign_in()
    receipt = str(UUID(int=1))
    for method, path, permission in (
        ("GET", "/v1/webhooks/sources", "webhooks:read"),
        ("GET", "/v1/webhooks/sources/github", "webhooks:read"),
        ("PUT", "/v1/webhooks/sources/github", "webhooks:write"),
        ("DELETE", "/v1/webhooks/sources/github", "webhooks:write"),
        ("POST", "/v1/webhooks/sources/github/disable", "webhooks:write"),
        ("GET", "/v1/webhooks/receipts", "webhooks:read"),
        ("GET", f"/v1/webhooks/receipts/{receipt}", "webhooks:read"),
        ("GET", f"/v1/webhooks/receipts/{receipt}/body", "personal:read"),
        ("POST", f"/v1/webhooks/receipts/{receipt}/replay", "webhooks:write"),
    ):
        answer = await api.ask(method, path, SOURCE if method == "PUT" else None, token=member)
        assert (answer.status_code, answer.json()["permission"]) == (403, permission), path
