"""Who is let in and takes their time over the body: what they may do is asked again after it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.support.http_platform import Api
from tests.support.second_factors import Person, person

ROLE = ("PUT", "/v1/roles/ops", {"permissions": ["flags:write", "members:write", "members:read"]})
FLAG = ("PUT", "/v1/flags/beta", {"enabled": True})


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every body counts as slow."""
    monkeypatch.setattr("adapters.http.operations.ADMITTED_FOR", 0.0)


@pytest.fixture
async def member(api: Api) -> Person:
    """Somebody with a role that acme has defined."""
    await api.owner("POST", "/v1/tenants", {"name": "acme"})
    await api.owner(*ROLE, annals_tenant="acme")
    member = await person(api)
    joins = ("PUT", f"/v1/members/{member.account}", {"role": "ops"})
    assert (await api.owner(*joins, annals_tenant="acme")).is_success
    member.token = (await member.sign_in()).json()["token"]
    return member


async def defined(api: Api, token: str, meanwhile: Callable[[], Awaitable[Any]]) -> httpx.Response:
    """What is answered to a flag's definition, the body of which ends only after something."""
    method, path, body = FLAG
    text = json.dumps(body).encode()

    async def slowly() -> AsyncIterator[bytes]:
        yield text[:1]
        await meanwhile()
        yield text[1:]

    headers = {
        "authorization": f"Bearer {token}",
        "annals-tenant": "acme",
        "content-type": "application/json",
    }
    return await api.http.request(method, path, content=slowly(), headers=headers)


async def of_acme(api: Api, method: str, path: str, body: Any = None) -> None:
    answer = await api.owner(method, path, body, annals_tenant="acme")
    assert answer.is_success, answer.text


async def test_who_still_may_is_heard(api: Api, member: Person) -> None:
    async def nothing() -> None:
        pass

    assert (await defined(api, member.token, nothing)).status_code == 201


Change = tuple[str, str, Any]


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        (("DELETE", "/v1/members/{account}", None), "not-your-tenant"),
        (("PUT", "/v1/roles/ops", {"permissions": []}), "missing-permission"),
        (("POST", "/v1/tenants/acme/suspend", {"reason": "unpaid"}), "tenant-suspended"),
    ],
)
async def test_a_member_who_may_not_any_more_changes_nothing(
    api: Api, member: Person, change: Change, slug: str
) -> None:
    method, path, body = change

    async def happens() -> None:
        await of_acme(api, method, path.format(account=member.account), body)

    refused = await defined(api, member.token, happens)
    assert refused.json()["type"] == f"/problems/{slug}", refused.text
    events = await api.platform.store.read_log(after=0, limit=10_000)
    assert not [each for each in events if each.stream == "flag/beta"]


async def test_a_revoked_key_changes_nothing(api: Api, member: Person) -> None:
    del member
    body = {"name": "deploys", "scopes": ["flags:write"]}
    made = (await api.owner("POST", "/v1/api-keys", body, annals_tenant="acme")).json()

    async def revoked() -> None:
        await of_acme(api, "DELETE", f"/v1/api-keys/{made['id']}")

    refused = await defined(api, made["key"], revoked)
    assert refused.json()["type"] == "/problems/unauthenticated", refused.text
