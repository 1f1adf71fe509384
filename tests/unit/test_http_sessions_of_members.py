"""What a tenant sees of what its members do elsewhere, over ports in memory: nothing."""

import pytest

from tests.support.http_platform import OWNER, Api
from tests.support.members import Person, new_tenant, person, refusal, with_role


@pytest.fixture(autouse=True)
async def ada(api: Api) -> Person:
    """The owner of the tenant acme."""
    ada = await person(api, "ada@example.org")
    await new_tenant(api, "acme", ada)
    return ada


@pytest.fixture
async def vera(api: Api) -> dict[str, str]:
    """A member of acme and of beta, who has signed in for each; her sessions by tenant."""
    await new_tenant(api, "beta")
    there = [
        await with_role(api, "vera@example.org", role, tenant)
        for tenant, role in (("acme", "member"), ("beta", "admin"))
    ]
    api.http.headers["user-agent"] = "Mozilla/5.0"
    ids = {"account": there[0].account}
    for tenant in ("acme", "beta"):
        body = {"email": there[0].email, "password": "correct horse", "tenant": tenant}
        started = (await api.ask("POST", "/v1/sessions", body)).json()
        api.http.cookies.clear()
        ids |= {tenant: started["id"], f"{tenant}-token": started["token"]}
    return ids


async def test_a_tenant_sees_sessions_that_were_begun_for_it(
    api: Api, ada: Person, vera: dict[str, str]
) -> None:
    path = f"/v1/sessions?account={vera['account']}"
    seen = {each["id"] for each in (await ada.done("GET", path, tenant="acme"))["items"]}
    assert vera["acme"] in seen
    assert vera["beta"] not in seen
    beta = await with_role(api, "bob@example.org", "owner", "beta")
    assert vera["beta"] in {each["id"] for each in (await beta.done("GET", path))["items"]}


async def test_the_history_of_a_session_for_another_tenant_is_of_none(
    ada: Person, vera: dict[str, str]
) -> None:
    mine = await ada.done("GET", f"/v1/sessions/{vera['acme']}/history", tenant="acme")
    [started] = mine["items"]
    assert started["data"]["tenant"] == "acme"
    nobodys = "00000000-0000-7000-8000-000000000000"
    for id_ in (vera["beta"], nobodys):
        answer = await ada.ask("GET", f"/v1/sessions/{id_}/history", tenant="acme")
        assert refusal(answer) == (404, "no-such-session")


async def test_that_stays_so_when_the_session_has_ended(
    api: Api, ada: Person, vera: dict[str, str]
) -> None:
    for tenant in ("acme", "beta"):
        token = vera[f"{tenant}-token"]
        await api.ask("DELETE", "/v1/sessions/current", token=token)
    for tenant, status in (("acme", 200), ("beta", 404)):
        path = f"/v1/sessions/{vera[tenant]}/history"
        assert (await ada.ask("GET", path, tenant="acme")).status_code == status


async def test_who_names_no_tenant_signs_in_for_the_default_one(
    api: Api, ada: Person, vera: dict[str, str]
) -> None:
    """Everybody belongs to `default`; what one does there is that tenant's, as of any other."""
    token = await api.sign_in("vera@example.org")
    here = (await api.ask("GET", "/v1/sessions/current", token=token)).json()["id"]
    path = f"/v1/sessions?account={vera['account']}"
    default = await with_role(api, "dora@example.org", "admin")
    seen = {each["id"] for each in (await default.done("GET", path))["items"]}
    assert here in seen
    assert not seen & {vera["acme"], vera["beta"]}
    answer = await ada.ask("GET", f"/v1/sessions/{here}/history", tenant="acme")
    assert refusal(answer) == (404, "no-such-session")
    assert (await default.ask("GET", f"/v1/sessions/{here}/history")).status_code == 200


async def test_ones_own_are_shown_in_any_tenant(api: Api, vera: dict[str, str]) -> None:
    for query in ("", f"?account={vera['account']}"):
        answer = await api.ask("GET", f"/v1/sessions{query}", token=vera["beta-token"])
        assert {vera["acme"], vera["beta"]} <= {each["id"] for each in answer.json()["items"]}
    path = f"/v1/sessions/{vera['acme']}/history"
    assert (await api.ask("GET", path, token=vera["beta-token"])).status_code == 200


async def test_who_runs_the_installation_sees_all_of_them(api: Api, vera: dict[str, str]) -> None:
    path = f"/v1/sessions?account={vera['account']}"
    seen = (await api.owner("GET", path, annals_tenant="acme")).json()["items"]
    assert {vera["acme"], vera["beta"]} <= {each["id"] for each in seen}
    for tenant in ("acme", "beta"):
        history = await api.owner("GET", f"/v1/sessions/{vera[tenant]}/history")
        assert history.status_code == 200


async def test_an_accounts_history_is_its_own_and_the_installations(
    api: Api, ada: Person, vera: dict[str, str]
) -> None:
    """It tells who has changed a role in another tenant, and when."""
    path, role = f"/v1/accounts/{vera['account']}/history", f"/v1/members/{vera['account']}"
    bob = await with_role(api, "bob@example.org", "owner", "beta")
    await bob.done("PUT", role, {"role": "viewer"})
    for id_ in (vera["account"], "00000000-0000-7000-8000-000000000000"):
        answer = await ada.ask("GET", f"/v1/accounts/{id_}/history", tenant="acme")
        assert refusal(answer) == (403, "missing-permission")
        assert answer.json()["permission"] == "accounts:write"
    body = {"email": "vera@example.org", "password": "correct horse", "tenant": "beta"}
    token = (await api.ask("POST", "/v1/sessions", body)).json()["token"]
    for reader in (token, OWNER):
        history = await api.ask("GET", path, token=reader)
        actors = {each["type"]: each["meta"]["actor"] for each in history.json()["items"]}
        assert actors["account.sessions_revoked"] == f"account/{bob.account}"
    told = await ada.done("GET", f"/v1/members/{vera['account']}/history", tenant="acme")
    assert {each["tenant"] for each in told["items"]} == {"acme"}
