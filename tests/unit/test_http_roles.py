"""Roles over HTTP."""

from datetime import timedelta

import pytest

from domain.access import BUILT_IN, TENANT
from tests.support.http_platform import Api
from tests.support.members import person, refusal, with_role


async def test_a_role_opens_what_it_says_at_once(api: Api) -> None:
    owner = await with_role(api, "ada@example.org", "owner")
    made = await owner.ask("PUT", "/v1/roles/releaser", {"permissions": ["flags:read"]})
    assert made.status_code == 201, made.text
    bob = await with_role(api, "bob@example.org", "releaser")
    assert refusal(await bob.ask("GET", "/v1/flags/f")) == (404, "no-such-flag")
    assert refusal(await bob.ask("GET", "/v1/limits/l")) == (403, "missing-permission")
    await owner.done("PUT", "/v1/roles/releaser", {"permissions": ["limits:read"]})
    assert refusal(await bob.ask("GET", "/v1/limits/l")) == (404, "no-such-limit")
    assert refusal(await bob.ask("GET", "/v1/flags/f")) == (403, "missing-permission")


async def test_an_unknown_permission_is_told_with_those_that_there_are(api: Api) -> None:
    body = {"permissions": ["flags:read", "flags:own", "backups:read"]}
    answer = await api.owner("PUT", "/v1/roles/releaser", body)
    assert answer.status_code == 422
    pointers = [each["pointer"] for each in answer.json()["errors"]]
    assert pointers == ["/permissions/1", "/permissions/2"]
    assert answer.json()["known"] == sorted(TENANT)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
async def test_built_in_roles_stay_as_they_are(api: Api, name: str) -> None:
    changed = await api.owner("PUT", f"/v1/roles/{name}", {"permissions": []})
    assert refusal(changed) == (409, "built-in-role")
    assert refusal(await api.owner("DELETE", f"/v1/roles/{name}")) == (409, "built-in-role")
    shown = await api.owner("GET", f"/v1/roles/{name}")
    assert set(shown.json()["permissions"]) == BUILT_IN[name]


async def test_a_role_in_use_is_not_deleted(api: Api) -> None:
    await api.owner("PUT", "/v1/roles/releaser", {"permissions": ["flags:write"]})
    await with_role(api, "bob@example.org", "releaser")
    await api.owner("POST", "/v1/service-accounts", {"name": "ci", "role": "releaser"})
    answer = await api.owner("DELETE", "/v1/roles/releaser")
    assert refusal(answer) == (409, "role-in-use")
    assert answer.json()["holders"] == 2


async def test_a_role_that_nobody_has_any_more_is_deleted(api: Api) -> None:
    await api.owner("PUT", "/v1/roles/releaser", {"permissions": ["flags:write"]})
    bob = await with_role(api, "bob@example.org", "releaser")
    await api.owner("PUT", f"/v1/members/{bob.account}", {"role": "member"})
    assert (await api.owner("DELETE", "/v1/roles/releaser")).status_code == 204
    assert refusal(await api.owner("GET", "/v1/roles/releaser")) == (404, "no-such-role")
    again = await api.owner("PUT", f"/v1/members/{bob.account}", {"role": "releaser"})
    assert again.status_code == 422
    assert again.json()["errors"][0]["pointer"] == "/role"


async def test_nobody_grants_what_they_lack(api: Api) -> None:
    await api.owner("PUT", "/v1/roles/namer", {"permissions": ["roles:write", "members:write"]})
    namer = await with_role(api, "ada@example.org", "namer")
    bob = await person(api, "bob@example.org")
    wider = await namer.ask("PUT", "/v1/roles/wide", {"permissions": ["flags:write"]})
    assert refusal(wider) == (403, "missing-permission")
    assert wider.json()["permission"] == "flags:write"
    raised = await namer.ask("PUT", f"/v1/members/{bob.account}", {"role": "admin"})
    assert refusal(raised) == (403, "missing-permission")
    asked = await namer.ask("POST", "/v1/invitations", {"email": "c@example.org", "role": "admin"})
    assert refusal(asked) == (403, "missing-permission")


async def test_nobody_takes_from_those_who_may_more(api: Api) -> None:
    admin = await with_role(api, "ada@example.org", "admin")
    owner = await with_role(api, "bob@example.org", "owner")
    path = f"/v1/members/{owner.account}"
    for answer in (
        await admin.ask("PUT", path, {"role": "member"}),
        await admin.ask("DELETE", path),
    ):
        assert refusal(answer) == (403, "missing-permission")
        assert answer.json()["permission"] == "roles:write"


async def test_nobody_takes_from_a_role_what_they_lack(api: Api) -> None:
    await api.owner("PUT", "/v1/roles/ops", {"permissions": ["flags:write"]})
    await api.owner("PUT", "/v1/roles/namer", {"permissions": ["roles:write"]})
    namer = await with_role(api, "ada@example.org", "namer")
    refused = await namer.ask("PUT", "/v1/roles/ops", {"permissions": []})
    assert refusal(refused) == (403, "missing-permission")
    assert refused.json()["permission"] == "flags:write"


async def test_a_sensitive_command_asks_a_person_for_fresh_proof(api: Api) -> None:
    owner = await with_role(api, "ada@example.org", "owner")
    api.platform.clock += timedelta(minutes=11)
    for method, path, body in (
        ("PUT", "/v1/roles/r", {"permissions": []}),
        ("POST", "/v1/api-keys", {"name": "k", "scopes": []}),
        ("PUT", f"/v1/members/{owner.account}", {"role": "owner"}),
        ("POST", "/v1/service-accounts", {"name": "ci", "role": "viewer"}),
    ):
        assert refusal(await owner.ask(method, path, body)) == (403, "step-up-required"), path


async def test_a_role_is_shown_as_it_was(api: Api) -> None:
    first = await api.owner("PUT", "/v1/roles/r", {"permissions": ["flags:read"]})
    await api.owner("PUT", "/v1/roles/r", {"permissions": ["flags:write"]})
    position = first.headers["annals-position"]
    then = (await api.owner("GET", f"/v1/roles/r?position={position}")).json()
    assert then["permissions"] == ["flags:read"]
    history = (await api.owner("GET", "/v1/roles/r/history")).json()["items"]
    assert [each["type"] for each in history] == ["role.defined", "role.defined"]
