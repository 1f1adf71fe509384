"""Service accounts whose name or role changes, over HTTP."""

from typing import Any
from uuid import uuid4

from tests.support.http_platform import Api
from tests.support.members import Person, new_tenant, person, refusal, with_role

ADMINS = "ada@example.org"


async def made(maker: Person, role: str, tenant: str = "") -> str:
    """The path of a new service account."""
    body = {"name": "ci", "role": role}
    answer = await maker.done("POST", "/v1/service-accounts", body, tenant=tenant)
    return f"/v1/service-accounts/{answer['id']}"


async def key_of(maker: Person, path: str, *scopes: str) -> str:
    body = {"name": "k", "scopes": list(scopes), "service_account": path.rpartition("/")[2]}
    return str((await maker.done("POST", "/v1/api-keys", body))["key"])


async def opened(api: Api, key: str) -> Any:
    return (await api.ask("GET", "/v1/access/current", token=key)).json()["permissions"]


async def types(maker: Person, path: str) -> list[str]:
    items = (await maker.done("GET", f"{path}/history"))["items"]
    return [each["type"].removeprefix("service_account.") for each in items]


async def test_its_keys_open_what_the_new_role_does(api: Api) -> None:
    ada = await with_role(api, ADMINS, "admin")
    path = await made(ada, "admin")
    key = await key_of(ada, path, "flags:read", "flags:write")
    assert await opened(api, key) == ["flags:read", "flags:write"]
    changed = await ada.ask("PATCH", path, {"role": "viewer"})
    assert (changed.status_code, changed.json()["role"]) == (200, "viewer")
    assert changed.headers["etag"] == '"v2"'
    assert await opened(api, key) == ["flags:read"]
    await ada.done("PATCH", path, {"role": "admin"})
    assert await opened(api, key) == ["flags:read", "flags:write"]


async def test_a_name_and_a_role_change_together_and_only_once(api: Api) -> None:
    ada = await with_role(api, ADMINS, "admin")
    path = await made(ada, "viewer")
    for _ in range(2):
        changed = await ada.done("PATCH", path, {"name": "cd", "role": "member"})
        assert (changed["name"], changed["role"]) == ("cd", "member")
    assert await ada.done("PATCH", path, {}) == changed
    assert await ada.done("GET", path) == changed
    assert await types(ada, path) == ["created", "renamed", "role_changed"]


async def test_nobody_gives_what_they_lack_or_changes_who_may_more(api: Api) -> None:
    ada = await with_role(api, ADMINS, "admin")
    zoe = await with_role(api, "zoe@example.org", "owner")
    mine, owners = await made(ada, "viewer"), await made(zoe, "owner")
    for path, body in ((mine, {"role": "owner"}), (owners, {"role": "viewer"}), (owners, {})):
        assert refusal(await ada.ask("PATCH", path, body)) == (403, "missing-permission")
    assert await types(ada, owners) == ["created"]
    assert (await zoe.done("PATCH", owners, {"role": "viewer"}))["role"] == "viewer"


async def test_the_last_owner_stays_one(api: Api) -> None:
    ada = await person(api, ADMINS)
    await new_tenant(api, "acme", ada)
    path = await made(ada, "owner", "acme")
    leave = await ada.ask("POST", "/v1/me/leave", tenant="acme")
    assert leave.status_code == 204
    answer = await api.owner("PATCH", path, {"role": "viewer"}, annals_tenant="acme")
    assert refusal(answer) == (409, "last-owner")
    renamed = await api.owner("PATCH", path, {"name": "cd"}, annals_tenant="acme")
    assert renamed.json()["role"] == "owner"


async def test_a_role_is_in_use_while_a_service_account_has_it(api: Api) -> None:
    zoe = await with_role(api, "zoe@example.org", "owner")
    await zoe.done("PUT", "/v1/roles/r", {"permissions": ["flags:read"]})
    path = await made(zoe, "viewer")
    await zoe.done("PATCH", path, {"role": "r"})
    assert refusal(await zoe.ask("DELETE", "/v1/roles/r")) == (409, "role-in-use")
    await zoe.done("PATCH", path, {"role": "viewer"})
    await zoe.done("DELETE", "/v1/roles/r")


async def test_what_is_not_there_or_out_of_date_is_refused(api: Api) -> None:
    ada = await with_role(api, ADMINS, "admin")
    path = await made(ada, "viewer")
    unknown = await ada.ask("PATCH", path, {"role": "no-such-role"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/role")
    stale = await api.ask("PATCH", path, {"name": "cd"}, token=ada.token, if_match='"v7"')
    assert stale.status_code == 412
    nobodys = f"/v1/service-accounts/{uuid4()}"
    missing = await ada.ask("PATCH", nobodys, {"name": "cd"})
    assert refusal(missing) == (404, "no-such-service-account")
