"""An invitation opens nothing that whoever has sent it may not open any more."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.crypto.invitation_tokens import make_invitation_token
from application.context import Context
from application.unit import Unit
from domain.invitations import INVITATION, SendInvitation
from tests.support.http_platform import Api
from tests.support.letters import invitation_in
from tests.support.members import Person, new_tenant, person, refusal, with_role

EVE = "eve@example.org"
INVITES = ("members:write", "flags:read")

Ending = Callable[[Api, Person, Person], Awaitable[Any]]


@pytest.fixture
async def ada(api: Api) -> Person:
    """The owner of the tenant acme, where readers read flags."""
    ada = await person(api, "ada@example.org")
    await new_tenant(api, "acme", ada)
    await ada.done("PUT", "/v1/roles/reader", {"permissions": ["flags:read"]}, tenant="acme")
    return ada


@pytest.fixture
async def mallory(api: Api, ada: Person) -> Person:
    """An admin there."""
    assert ada.account
    return await with_role(api, "mallory@example.org", "admin", "acme")


async def invited(api: Api, credential: str, role: str = "admin") -> str:
    """The token that Eve is mailed."""
    body = {"email": EVE, "role": role}
    sent = await api.ask("POST", "/v1/invitations", body, token=credential, annals_tenant="acme")
    assert sent.status_code == 201, sent.text
    return await invitation_in(api.platform)


async def accepted(api: Api, token: str) -> tuple[int, str]:
    eve = await person(api, EVE)
    answer = await eve.ask("POST", "/v1/invitations/accept", {"token": token})
    return (200, answer.json()["role"]) if answer.is_success else refusal(answer)


async def removed(_api: Api, ada: Person, mallory: Person) -> None:
    await ada.done("DELETE", f"/v1/members/{mallory.account}", tenant="acme")


async def demoted(_api: Api, ada: Person, mallory: Person) -> None:
    path = f"/v1/members/{mallory.account}"
    await ada.done("PUT", path, {"role": "viewer"}, tenant="acme")


async def closed(api: Api, _ada: Person, mallory: Person) -> None:
    answer = await api.owner("POST", f"/v1/accounts/{mallory.account}/close")
    assert answer.is_success, answer.text


async def erased(api: Api, _ada: Person, mallory: Person) -> None:
    answer = await api.owner("DELETE", f"/v1/accounts/{mallory.account}", {"reason": "requested"})
    assert answer.is_success, answer.text


@pytest.mark.parametrize("ended", [removed, demoted, closed, erased])
async def test_whoever_is_gone_lets_nobody_in(
    api: Api, ada: Person, mallory: Person, ended: Ending
) -> None:
    token = await invited(api, mallory.token)
    await ended(api, ada, mallory)
    assert await accepted(api, token) == (401, "wrong-token")


async def test_whoever_may_still_invite_has_invited(api: Api, mallory: Person) -> None:
    token = await invited(api, mallory.token)
    assert await accepted(api, token) == (200, "admin")


async def test_nobody_comes_in_as_what_the_sender_is_no_more(api: Api, ada: Person) -> None:
    inviting = {"permissions": list(INVITES)}
    await ada.done("PUT", "/v1/roles/doorkeeper", inviting, tenant="acme")
    mallory = await with_role(api, "mallory@example.org", "admin", "acme")
    great = await invited(api, mallory.token, "admin")
    small = await invited(api, mallory.token, "doorkeeper")
    path = f"/v1/members/{mallory.account}"
    await ada.done("PUT", path, {"role": "doorkeeper"}, tenant="acme")
    assert await accepted(api, great) == (401, "wrong-token")
    assert await accepted(api, small) == (200, "doorkeeper")


async def new_key(maker: Person, **more: Any) -> dict[str, Any]:
    body = {"name": "k", "scopes": list(INVITES), **more}
    made: dict[str, Any] = await maker.done("POST", "/v1/api-keys", body, tenant="acme")
    return made


async def test_a_key_that_is_revoked_lets_nobody_in(api: Api, ada: Person) -> None:
    body = {"name": "ci", "role": "admin"}
    service = await ada.done("POST", "/v1/service-accounts", body, tenant="acme")
    for more in ({}, {"service_account": service["id"]}):
        key = await new_key(ada, **more)
        token = await invited(api, key["key"], "reader")
        await ada.done("DELETE", f"/v1/api-keys/{key['id']}", tenant="acme")
        assert await accepted(api, token) == (401, "wrong-token")


async def test_a_key_lets_in_while_it_counts(api: Api, ada: Person) -> None:
    until = (api.platform.now() + timedelta(days=1)).isoformat()
    key = await new_key(ada, expires_at=until)
    first, second = [await invited(api, key["key"], "reader") for _ in range(2)]
    assert await accepted(api, first) == (200, "reader")
    eve = await person(api, EVE)
    await ada.done("DELETE", f"/v1/members/{eve.account}", tenant="acme")
    api.platform.clock += timedelta(days=2)
    assert await accepted(api, second) == (401, "wrong-token")


async def test_a_key_lets_nobody_in_where_its_holder_is_gone(
    api: Api, ada: Person, mallory: Person
) -> None:
    key = await new_key(mallory)
    token = await invited(api, key["key"], "reader")
    await removed(api, ada, mallory)
    assert await accepted(api, token) == (401, "wrong-token")


async def test_the_installations_owner_invites_into_any_tenant(api: Api, ada: Person) -> None:
    assert ada.account
    body = {"email": EVE, "role": "owner"}
    sent = await api.owner("POST", "/v1/invitations", body, annals_tenant="acme")
    assert sent.status_code == 201
    assert await accepted(api, await invitation_in(api.platform)) == (200, "owner")


async def test_an_invitation_of_before_that_names_no_sender_is_good(api: Api, ada: Person) -> None:
    assert ada.account
    id_ = uuid4()
    token = make_invitation_token("acme", id_)
    send = SendInvitation(
        person="address-e",
        email=EVE,
        address=api.platform.services.email_hash(EVE),
        role="admin",
        token_hash=token.hash,
        expires_at=api.platform.now() + timedelta(days=7),
        inviter="",
        at=api.platform.now(),
    )

    async def decide(unit: Unit) -> None:
        unit.begin(INVITATION, str(id_), send)

    context = Context(tenant="acme", correlation_id=uuid4(), deadline=1e12)
    await api.platform.pipeline.run(decide, context)
    assert await accepted(api, token.text) == (200, "admin")
