"""Tenants over HTTP: made, joined, left, suspended, and picked for a request or a session."""

import asyncio
from datetime import timedelta

import pytest

from tests.support.http_platform import OWNER, Api
from tests.support.letters import invitation_in, letters_in
from tests.support.members import Person, new_tenant, person, refusal, with_role
from tests.support.senders import Sender


@pytest.fixture
async def ada(api: Api) -> Person:
    """The owner of the tenant acme."""
    ada = await person(api, "ada@example.org")
    await new_tenant(api, "acme", ada)
    return ada


async def names(somebody: Person) -> list[str]:
    return [each["name"] for each in (await somebody.done("GET", "/v1/me/tenants"))["items"]]


async def invited(api: Api, by: Person, email: str, role: str = "member") -> str:
    await by.done("POST", "/v1/invitations", {"email": email, "role": role}, tenant="acme")
    return await invitation_in(api.platform)


async def test_a_tenant_belongs_to_the_account_that_it_was_made_for(api: Api, ada: Person) -> None:
    assert await names(ada) == ["acme", "default"]
    current = await ada.done("GET", "/v1/access/current", tenant="acme")
    assert (current["role"], current["tenant"]) == ("owner", "acme")
    again = await api.owner("POST", "/v1/tenants", {"name": "acme"})
    assert refusal(again) == (409, "tenant-taken")


@pytest.mark.parametrize("name", ["default", "system", "Acme", "a_b", "", "-a", "a" * 64])
async def test_some_names_are_no_tenants(api: Api, name: str) -> None:
    answer = await api.owner("POST", "/v1/tenants", {"name": name})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/name"


async def test_a_tenant_is_made_for_an_account_that_there_is(api: Api) -> None:
    body = {"name": "acme", "owner": "00000000-0000-7000-8000-000000000000"}
    answer = await api.owner("POST", "/v1/tenants", body)
    assert answer.json()["errors"][0]["pointer"] == "/owner"
    assert refusal(await api.owner("GET", "/v1/tenants/acme")) == (404, "no-such-tenant")


async def test_where_one_is_nobody_looks_like_nowhere(api: Api, ada: Person) -> None:
    bob = await person(api, "bob@example.org")
    await api.owner("PUT", "/v1/flags/f", {"enabled": True}, annals_tenant="acme")
    answers = [
        await bob.ask("GET", "/v1/flags/f", tenant=name)
        for name in ("acme", "nowhere", "system", "installation", "no name")
    ]
    assert {refusal(each) for each in answers} == {(403, "not-your-tenant")}
    assert len({each.text for each in answers}) == 1
    assert refusal(await ada.ask("GET", "/v1/flags/f")) == (403, "missing-permission")
    assert (await ada.ask("GET", "/v1/flags/f", tenant="acme")).status_code == 200


async def test_the_owners_key_names_any_tenant_that_there_is(api: Api) -> None:
    await new_tenant(api, "acme")
    current = await api.owner("GET", "/v1/access/current", annals_tenant="acme")
    assert current.json()["tenant"] == "acme"
    for name in ("nowhere", "system"):
        answer = await api.owner("GET", "/v1/access/current", annals_tenant=name)
        assert refusal(answer) == (403, "not-your-tenant")


async def test_an_invitation_opens_a_membership_once(api: Api, ada: Person) -> None:
    bob, token = await person(api, "bob@example.org"), await invited(api, ada, "Bob@Example.org")
    joined = await bob.done("POST", "/v1/invitations/accept", {"token": token})
    assert joined == {"tenant": "acme", "role": "member"}
    assert await names(bob) == ["acme", "default"]
    again = await bob.ask("POST", "/v1/invitations/accept", {"token": token})
    assert refusal(again) == (401, "wrong-token")


async def test_a_lost_answer_is_given_again(api: Api, ada: Person) -> None:
    bob, token = await person(api, "bob@example.org"), await invited(api, ada, "bob@example.org")
    answers = [
        await api.ask(
            "POST",
            "/v1/invitations/accept",
            {"token": token},
            token=bob.token,
            idempotency_key="once",
        )
        for _ in range(2)
    ]
    assert [each.json() for each in answers] == [{"tenant": "acme", "role": "member"}] * 2


async def test_whatever_is_wrong_with_a_token_has_one_answer(api: Api, ada: Person) -> None:
    bob, eve = await person(api, "bob@example.org"), await person(api, "eve@example.org")
    token = await invited(api, ada, "bob@example.org")
    foreign = await eve.ask("POST", "/v1/invitations/accept", {"token": token})
    texts = {foreign.text}
    for wrong in (token[:-1], token[:-1] + "~", token.replace("acme", "nowhere"), "x", ""):
        answer = await bob.ask("POST", "/v1/invitations/accept", {"token": wrong})
        assert refusal(answer) == (401, "wrong-token")
        texts.add(answer.text)
    api.platform.clock += timedelta(days=7)
    late = await person(api, "bob@example.org")
    texts.add((await late.ask("POST", "/v1/invitations/accept", {"token": token})).text)
    assert len(texts) == 1


async def test_a_revoked_invitation_opens_nothing(api: Api, ada: Person) -> None:
    bob = await person(api, "bob@example.org")
    body = {"email": "bob@example.org", "role": "member"}
    sent = await ada.done("POST", "/v1/invitations", body, tenant="acme")
    token, path = await invitation_in(api.platform), f"/v1/invitations/{sent['id']}"
    assert (sent["state"], sent["email"], sent["version"]) == ("open", "bob@example.org", 1)
    await ada.done("DELETE", path, tenant="acme")
    assert (await ada.done("GET", path, tenant="acme"))["state"] == "revoked"
    answer = await bob.ask("POST", "/v1/invitations/accept", {"token": token})
    assert refusal(answer) == (401, "wrong-token")


async def test_nobody_is_invited_twice_who_is_a_member(api: Api, ada: Person) -> None:
    bob = await person(api, "bob@example.org")
    first, second = [await invited(api, ada, "bob@example.org") for _ in range(2)]
    await bob.done("POST", "/v1/invitations/accept", {"token": first})
    answer = await bob.ask("POST", "/v1/invitations/accept", {"token": second})
    assert refusal(answer) == (409, "already-a-member")
    body = {"email": "bob@example.org", "role": "member"}
    asked = await ada.ask("POST", "/v1/invitations", body, tenant="acme")
    assert refusal(asked) == (409, "already-a-member")


async def test_an_invitation_does_not_tell_who_has_an_account(api: Api, ada: Person) -> None:
    bob = await person(api, "bob@example.org")
    told = []
    for email in ("bob@example.org", "nobody@example.org"):
        sent = await ada.done(
            "POST", "/v1/invitations", {"email": email, "role": "member"}, tenant="acme"
        )
        history = await ada.ask("GET", f"/v1/invitations/{sent['id']}/history", tenant="acme")
        assert bob.account not in history.text
        told.append(
            {name: type(value) for name, value in history.json()["items"][0]["data"].items()}
        )
    assert told[0] == told[1]


async def test_nobody_is_flooded_with_invitations(ada: Person) -> None:
    body = {"email": "bob@example.org", "role": "member"}
    for _ in range(5):
        await ada.done("POST", "/v1/invitations", body, tenant="acme")
    answer = await ada.ask("POST", "/v1/invitations", body, tenant="acme")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    await ada.done("POST", "/v1/invitations", {**body, "email": "c@example.org"}, tenant="acme")


async def test_bad_invitations_are_told_where(api: Api, ada: Person) -> None:
    for body, pointer in (
        ({"email": "nobody", "role": "member"}, "/email"),
        ({"email": "bob@example.org", "role": "emperor"}, "/role"),
    ):
        answer = await ada.ask("POST", "/v1/invitations", body, tenant="acme")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert "invitation" not in {each.kind for each in await letters_in(api.platform)}


async def test_who_leaves_is_nobody_there(api: Api, ada: Person) -> None:
    bob = await with_role(api, "bob@example.org", "admin", "acme")
    await bob.done("POST", "/v1/me/leave", tenant="acme")
    assert await names(bob) == ["default"]
    assert refusal(await bob.ask("GET", "/v1/flags/f")) == (403, "missing-permission")
    left = await ada.done("GET", f"/v1/members/{bob.account}/history", tenant="acme")
    assert [each["type"] for each in left["items"]] == ["membership.granted", "membership.ended"]


async def test_the_last_owner_stays(api: Api, ada: Person) -> None:
    assert refusal(await ada.ask("POST", "/v1/me/leave", tenant="acme")) == (409, "last-owner")
    path = f"/v1/members/{ada.account}"
    for answer in (
        await ada.ask("DELETE", path, tenant="acme"),
        await ada.ask("PUT", path, {"role": "admin"}, tenant="acme"),
    ):
        assert refusal(answer) == (409, "last-owner")
    bob = await with_role(api, "bob@example.org", "owner", "acme")
    await ada.done("POST", "/v1/me/leave", tenant="acme")
    assert refusal(await bob.ask("POST", "/v1/me/leave", tenant="acme")) == (409, "last-owner")


async def test_of_two_owners_who_leave_at_once_one_stays(api: Api, ada: Person) -> None:
    bob = await with_role(api, "bob@example.org", "owner", "acme")
    left = await asyncio.gather(
        *(each.ask("POST", "/v1/me/leave", tenant="acme") for each in (ada, bob))
    )
    assert sorted(each.status_code for each in left) == [204, 409]


async def test_of_two_who_use_a_token_at_once_one_joins(api: Api, ada: Person) -> None:
    bob, token = await person(api, "bob@example.org"), await invited(api, ada, "bob@example.org")
    body = {"token": token}
    both = await asyncio.gather(
        *(bob.ask("POST", "/v1/invitations/accept", body) for _ in range(2))
    )
    assert sorted(each.status_code for each in both) == [200, 401]


async def test_of_two_tenants_of_one_name_one_is_made(api: Api) -> None:
    body = {"name": "acme"}
    both = await asyncio.gather(*(api.owner("POST", "/v1/tenants", body) for _ in range(2)))
    assert sorted(each.status_code for each in both) == [201, 409]


async def test_a_key_leaves_nothing(api: Api) -> None:
    assert refusal(await api.owner("POST", "/v1/me/leave")) == (403, "not-a-person")


async def test_a_suspended_tenant_serves_nobody(api: Api, ada: Person) -> None:
    body = {"name": "ci", "scopes": ["flags:read", "flags:evaluate"]}
    key = (await ada.done("POST", "/v1/api-keys", body, tenant="acme"))["key"]
    suspended = await api.owner("POST", "/v1/tenants/acme/suspend", {"reason": "unpaid"})
    assert (suspended.json()["state"], suspended.json()["reason"]) == ("suspended", "unpaid")
    for answer in (
        await ada.ask("GET", "/v1/flags/f", tenant="acme"),
        await api.ask("GET", "/v1/flags/f", token=key),
        await api.ask("GET", "/api/client/features", token=f"*:production.{key}"),
        await api.ask("GET", "/v1/flags/f", token=OWNER, annals_tenant="acme"),
    ):
        assert refusal(answer) == (403, "tenant-suspended")
    assert (await api.owner("GET", "/v1/flags/f")).status_code == 404
    await api.owner("POST", "/v1/tenants/acme/resume")
    assert (await ada.ask("GET", "/v1/flags/f", tenant="acme")).status_code == 404


async def test_nothing_is_taken_in_for_a_suspended_tenant(api: Api, ada: Person) -> None:
    secret = Sender("standard-webhooks").secret
    source = {"preset": "standard-webhooks", "secrets": [secret], "target": {"kind": "log"}}
    hook = (await ada.done("PUT", "/v1/webhooks/sources/shop", source, tenant="acme"))["url"]
    assert refusal(await api.ask("POST", hook, {}))[0] == 401
    await api.owner("POST", "/v1/tenants/acme/suspend", {})
    assert refusal(await api.ask("POST", hook, {})) == (403, "tenant-suspended")


async def test_people_still_find_their_way_out_of_a_suspended_tenant(api: Api, ada: Person) -> None:
    token = await invited(api, ada, "bob@example.org")
    await api.owner("POST", "/v1/tenants/acme/suspend", {})
    mine = (await ada.done("GET", "/v1/me/tenants", tenant="acme"))["items"]
    assert [each["suspended"] for each in mine] == [True, False]
    bob = await person(api, "bob@example.org")
    answer = await bob.ask("POST", "/v1/invitations/accept", {"token": token})
    assert refusal(answer) == (403, "tenant-suspended")


async def test_the_tenant_of_the_installation_is_never_suspended(api: Api) -> None:
    answer = await api.owner("POST", "/v1/tenants/default/suspend", {})
    assert refusal(answer) == (404, "no-such-tenant")


async def test_a_session_is_for_a_tenant(api: Api, ada: Person) -> None:
    body = {"email": ada.email, "password": "correct horse", "tenant": "acme"}
    token = (await api.ask("POST", "/v1/sessions", body)).json()["token"]
    api.http.cookies.clear()
    assert (await api.ask("GET", "/v1/access/current", token=token)).json()["role"] == "owner"
    for name in ("nowhere", "other"):
        answer = await api.ask("POST", "/v1/sessions", {**body, "tenant": name})
        assert refusal(answer) == (403, "not-your-tenant")


async def test_choosing_a_tenant_is_another_session_of_the_same_proof(
    api: Api, ada: Person
) -> None:
    api.platform.clock += timedelta(minutes=11)
    chosen = await ada.done("PUT", "/v1/sessions/current/tenant", {"tenant": "acme"})
    api.http.cookies.clear()
    assert (await ada.ask("GET", "/v1/access/current")).status_code == 401
    there = Person(api, ada.email, ada.account, chosen["token"])
    assert (await there.done("GET", "/v1/access/current"))["tenant"] == "acme"
    stale = await there.ask("PUT", "/v1/roles/r", {"permissions": []})
    assert refusal(stale) == (403, "step-up-required")
    answer = await there.ask("PUT", "/v1/sessions/current/tenant", {"tenant": "nowhere"})
    assert refusal(answer) == (403, "not-your-tenant")


async def test_an_account_is_shown_to_its_tenants_alone(api: Api, ada: Person) -> None:
    bob = await person(api, "bob@example.org")
    answer = await ada.ask("GET", f"/v1/accounts/{bob.account}", tenant="acme")
    assert refusal(answer) == (404, "no-such-account")
    await ada.done("GET", f"/v1/accounts/{ada.account}/history", tenant="acme")


async def test_the_systems_events_are_the_installations_owners(api: Api, ada: Person) -> None:
    answer = await ada.ask("GET", f"/v1/streams/account/{ada.account}", tenant="acme")
    assert refusal(answer) == (404, "no-such-stream")
    seen = await ada.done("GET", "/v1/events", tenant="acme")
    assert {each["tenant"] for each in seen["items"]} == {"acme"}
    everything = (await api.owner("GET", "/v1/events", annals_tenant="acme")).json()["items"]
    assert {each["tenant"] for each in everything} == {"acme", "system"}
