"""Invitations into the tenant where everybody who registers is a member, over HTTP."""

from typing import Any

import pytest

from adapters.crypto.invitation_tokens import parse_invitation_token
from tests.support.http_platform import Api
from tests.support.letters import invitation_in
from tests.support.members import Person, person, refusal, with_role


@pytest.fixture
async def ada(api: Api) -> Person:
    """An admin of the tenant default."""
    return await with_role(api, "ada@example.org", "admin")


async def invited(ada: Person, role: str, email: str = "bob@example.org") -> str:
    await ada.done("POST", "/v1/invitations", {"email": email, "role": role})
    return await invitation_in(ada.api.platform)


async def accepted(somebody: Person, token: str) -> Any:
    return await somebody.done("POST", "/v1/invitations/accept", {"token": token})


async def role_of(ada: Person, somebody: Person) -> str:
    return str((await ada.done("GET", f"/v1/members/{somebody.account}"))["role"])


async def state_of(ada: Person, token: str) -> str:
    """How the invitation of a token stands."""
    invitation = parse_invitation_token(token)
    assert invitation is not None
    return str((await ada.done("GET", f"/v1/invitations/{invitation.id}"))["state"])


async def test_who_registers_after_the_invitation_gets_its_role(api: Api, ada: Person) -> None:
    token = await invited(ada, "admin")
    bob = await person(api, "bob@example.org")
    assert await role_of(ada, bob) == "member"
    assert await accepted(bob, token) == {"tenant": "default", "role": "admin"}
    assert await role_of(ada, bob) == "admin"
    assert await state_of(ada, token) == "accepted"
    again = await bob.ask("POST", "/v1/invitations/accept", {"token": token})
    assert refusal(again) == (401, "wrong-token")


async def test_other_sessions_end_and_the_one_that_asks_goes_on(api: Api, ada: Person) -> None:
    token = await invited(ada, "admin")
    bob = await person(api, "bob@example.org")
    other = await api.sign_in("bob@example.org")
    await accepted(bob, token)
    assert (await api.ask("GET", "/v1/me", token=other)).status_code == 401
    assert (await bob.done("GET", "/v1/access/current"))["role"] == "admin"
    history = await api.owner("GET", f"/v1/accounts/{bob.account}/history")
    revoked = [
        each for each in history.json()["items"] if each["type"] == "account.sessions_revoked"
    ]
    assert [each["data"]["reason"] for each in revoked] == ["role_changed"]


async def test_a_role_that_opens_nothing_new_changes_nothing(api: Api, ada: Person) -> None:
    token = await invited(ada, "member")
    bob = await person(api, "bob@example.org")
    other = await api.sign_in("bob@example.org")
    assert await accepted(bob, token) == {"tenant": "default", "role": "member"}
    assert await state_of(ada, token) == "accepted"
    assert (await api.ask("GET", "/v1/me", token=other)).status_code == 200


async def test_an_owner_who_was_invited_counts_as_one(api: Api) -> None:
    ada = await with_role(api, "ada@example.org", "owner")
    token = await invited(ada, "owner")
    bob = await person(api, "bob@example.org")
    await accepted(bob, token)
    await ada.done("POST", "/v1/me/leave")
    assert refusal(await bob.ask("POST", "/v1/me/leave")) == (409, "last-owner")


async def test_whose_role_somebody_has_changed_keeps_it(api: Api, ada: Person) -> None:
    token = await invited(ada, "admin")
    bob = await person(api, "bob@example.org")
    for role in ("admin", "member"):
        await ada.done("PUT", f"/v1/members/{bob.account}", {"role": role})
    bob = await person(api, "bob@example.org")
    answer = await bob.ask("POST", "/v1/invitations/accept", {"token": token})
    assert refusal(answer) == (409, "already-a-member")
    assert await role_of(ada, bob) == "member"


async def test_who_invites_a_member_hears_what_to_do_instead(api: Api, ada: Person) -> None:
    await person(api, "bob@example.org")
    details = []
    for role in ("admin", "member"):
        body = {"email": "bob@example.org", "role": role}
        answer = await ada.ask("POST", "/v1/invitations", body)
        assert refusal(answer) == (409, "already-a-member")
        details.append(answer.json()["detail"])
    assert ["PUT /v1/members/{account}" in each for each in details] == [True, False]
