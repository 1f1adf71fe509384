"""API keys and the service accounts that have them, over HTTP."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.crypto.tokens import hash_token
from tests.support.http_platform import OWNER, Api
from tests.support.keys import key_with
from tests.support.members import Person, new_tenant, person, refusal, with_role


async def new_key(maker: Person, *scopes: str, **more: Any) -> str:
    body = {"name": "ci", "scopes": list(scopes), **more}
    return str((await maker.done("POST", "/v1/api-keys", body))["key"])


async def test_a_key_opens_its_scopes_and_nothing_else(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    key = await new_key(ada, "flags:read")
    current = (await api.ask("GET", "/v1/access/current", token=key)).json()
    assert (current["permissions"], current["role"]) == (["flags:read"], "admin")
    assert current["actor"].startswith("api-key/")
    assert (await api.ask("GET", "/v1/flags/f", token=key)).status_code == 404
    assert refusal(await api.ask("GET", "/v1/limits/l", token=key)) == (403, "missing-permission")


async def test_a_key_is_told_once(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    made = await ada.done("POST", "/v1/api-keys", {"name": "ci", "scopes": ["flags:read"]})
    assert set(made) == {"id", "key"}
    path = f"/v1/api-keys/{made['id']}"
    shown = await ada.ask("GET", path)
    assert made["key"].startswith(shown.json()["prefix"])
    assert len(shown.json()["prefix"]) < len(made["key"]) / 2
    secret = made["key"][-43:]
    for text in (shown.text, (await ada.ask("GET", f"{path}/history")).text):
        assert secret not in text
        assert hash_token(made["key"]) not in text


async def test_no_key_has_what_its_maker_lacks(api: Api) -> None:
    bob = await person(api, "bob@example.org")
    answer = await bob.ask("POST", "/v1/api-keys", {"name": "ci", "scopes": ["flags:write"]})
    assert refusal(answer) == (403, "missing-permission")
    assert answer.json()["permission"] == "flags:write"


async def test_a_persons_key_loses_what_the_person_loses(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    key = await new_key(ada, "flags:read", "flags:evaluate")
    member = f"/v1/members/{ada.account}"
    await api.owner("PUT", member, {"role": "member"})
    assert refusal(await api.ask("GET", "/v1/flags/f", token=key)) == (403, "missing-permission")
    assert (await api.ask("GET", "/v1/access/current", token=key)).json()["permissions"] == [
        "flags:evaluate"
    ]
    await api.owner("DELETE", member)
    assert (await api.ask("GET", "/v1/access/current", token=key)).status_code == 401


async def test_a_closed_accounts_keys_open_nothing(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    key = await new_key(ada, "flags:read")
    assert (await api.owner("POST", f"/v1/accounts/{ada.account}/close")).status_code == 204
    assert (await api.ask("GET", "/v1/flags/f", token=key)).status_code == 401


async def test_a_role_is_not_deleted_while_somebody_is_given_it(api: Api) -> None:
    await api.owner("PUT", "/v1/roles/r", {"permissions": []})
    bob = await person(api, "bob@example.org")
    given, deleted = await asyncio.gather(
        api.owner("PUT", f"/v1/members/{bob.account}", {"role": "r"}),
        api.owner("DELETE", "/v1/roles/r"),
    )
    assert (given.status_code, deleted.status_code) in {(200, 409), (422, 204)}


async def test_a_key_expires_and_never_before_it_is_made(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    at = api.platform.clock
    past = {"name": "ci", "scopes": [], "expires_at": (at - timedelta(hours=1)).isoformat()}
    answer = await ada.ask("POST", "/v1/api-keys", past)
    assert answer.json()["errors"][0]["pointer"] == "/expires_at"
    key = await new_key(ada, "flags:read", expires_at=(at + timedelta(hours=1)).isoformat())
    assert (await api.ask("GET", "/v1/access/current", token=key)).status_code == 200
    api.platform.clock += timedelta(hours=2)
    assert (await api.ask("GET", "/v1/access/current", token=key)).status_code == 401


async def test_a_revoked_key_opens_nothing(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    made = await ada.done("POST", "/v1/api-keys", {"name": "ci", "scopes": ["flags:read"]})
    for _ in range(2):
        await ada.done("DELETE", f"/v1/api-keys/{made['id']}")
    assert (await api.ask("GET", "/v1/flags/f", token=made["key"])).status_code == 401
    history = await ada.done("GET", f"/v1/api-keys/{made['id']}/history")
    assert [each["type"] for each in history["items"]] == ["api_key.issued", "api_key.revoked"]


async def test_members_see_and_revoke_their_own_keys_alone(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    bob = await person(api, "bob@example.org")
    adas = await ada.done("POST", "/v1/api-keys", {"name": "ci", "scopes": []})
    bobs = await bob.done("POST", "/v1/api-keys", {"name": "ci", "scopes": ["flags:evaluate"]})
    for method, path in (("GET", ""), ("GET", "/history"), ("DELETE", "")):
        answer = await bob.ask(method, f"/v1/api-keys/{adas['id']}{path}")
        assert refusal(answer) == (404, "no-such-api-key")
    await bob.done("GET", f"/v1/api-keys/{bobs['id']}")
    await ada.done("DELETE", f"/v1/api-keys/{bobs['id']}")


async def test_a_key_makes_no_keys(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    key = await new_key(ada, "own-api-keys:write")
    body = {"name": "more", "scopes": ["own-api-keys:write"]}
    answer = await api.ask("POST", "/v1/api-keys", body, token=key)
    assert refusal(answer) == (403, "keys-make-no-keys")


async def test_the_installations_keys_are_no_tenants(api: Api) -> None:
    body = {"name": "nightly", "scopes": ["backups:read"]}
    made = (await api.owner("POST", "/v1/api-keys", body)).json()
    current = (await api.ask("GET", "/v1/access/current", token=made["key"])).json()
    assert current["permissions"] == ["backups:read"]
    owner = await with_role(api, "ada@example.org", "owner")
    for method in ("GET", "DELETE"):
        answer = await owner.ask(method, f"/v1/api-keys/{made['id']}")
        assert refusal(answer) == (404, "no-such-api-key")
    assert refusal(await owner.ask("GET", "/v1/api-keys?installation=true"))[0] == 403
    assert (await api.owner("DELETE", f"/v1/api-keys/{made['id']}")).status_code == 204


async def test_the_owners_key_is_not_revoked(api: Api) -> None:
    key = "00000000-0000-0000-0000-000000000007"
    assert refusal(await api.owner("DELETE", f"/v1/api-keys/{key}")) == (409, "owners-key-stays")


async def test_a_key_for_one_thing_opens_no_tenant_but_its_own(api: Api) -> None:
    await new_tenant(api, "acme")
    key = await key_with(api, ["flags:read"])
    answer = await api.ask("GET", "/v1/flags/f", token=key, annals_tenant="acme")
    assert refusal(answer) == (403, "not-your-tenant")


async def test_a_service_account_acts_under_its_own_name(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    made = await ada.done("POST", "/v1/service-accounts", {"name": "ci", "role": "viewer"})
    key = await new_key(ada, "flags:read", "flags:write", service_account=made["id"])
    current = (await api.ask("GET", "/v1/access/current", token=key)).json()
    assert current["actor"] == f"service-account/{made['id']}"
    assert (current["role"], current["permissions"]) == ("viewer", ["flags:read"])
    await ada.done("DELETE", f"/v1/service-accounts/{made['id']}")
    assert (await api.ask("GET", "/v1/flags/f", token=key)).status_code == 401
    path = f"/v1/service-accounts/{made['id']}"
    assert refusal(await ada.ask("GET", path)) == (404, "no-such-service-account")
    history = await ada.done("GET", f"{path}/history")
    assert len(history["items"]) == 2


async def test_a_key_is_for_a_service_account_that_there_is(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    body = {"name": "ci", "scopes": [], "service_account": str(uuid4())}
    answer = await ada.ask("POST", "/v1/api-keys", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/service_account"


async def test_no_service_account_is_more_than_its_maker(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    answer = await ada.ask("POST", "/v1/service-accounts", {"name": "ci", "role": "owner"})
    assert refusal(answer) == (403, "missing-permission")


async def test_the_same_request_again_makes_no_second_key(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "admin")
    body = {"name": "ci", "scopes": ["flags:read"]}
    answers = [
        await api.ask("POST", "/v1/api-keys", body, token=ada.token, idempotency_key="once")
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"


async def test_what_is_kept_tells_whose_a_credential_is_without_a_look_into_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await person(api, "ada@example.org")
    await new_tenant(api, "acme", ada)
    await ada.done("PUT", "/v1/roles/r", {"permissions": ["flags:read"]}, tenant="acme")
    service = {"name": "ci", "role": "r"}
    made = await ada.done("POST", "/v1/service-accounts", service, tenant="acme")
    key = {"name": "k", "scopes": ["flags:read"]}
    keys = [
        (await ada.done("POST", "/v1/api-keys", {**key, **more}, tenant="acme"))["key"]
        for more in ({}, {"service_account": made["id"]})
    ]
    for token in (ada.token, OWNER, *keys):
        ask = ("GET", "/v1/access/current")
        first = await api.ask(*ask, token=token, annals_tenant="acme")
        assert first.json()["permissions"]
        with monkeypatch.context() as patch:
            for read in ("read_stream", "read_log", "versions", "tail"):
                patch.setattr(api.platform.store, read, None)
            again = await api.ask(*ask, token=token, annals_tenant="acme")
        assert again.json() == first.json()
