"""Addresses whose accounts were erased after the moment that a log was restored to.

Only the keys tell of it: the reservation still names the account, and nobody knows whose it was.
"""

from uuid import uuid4

import pytest

from adapters.crypto.invitation_tokens import parse_invitation_token
from application.context import Context
from application.erasures import LeaveErased
from application.personal_data import key_owners
from application.unfinished_erasures import FinishErasure
from tests.support.erasures import erased_events
from tests.support.http_platform import Api
from tests.support.leaving import EMAIL, PASSWORD, signed_in
from tests.support.letters import invitation_in, letters_in
from tests.support.members import person


@pytest.fixture
async def erased(api: Api) -> str:
    """The account that had the address; whether its memberships have ended yet is all the same."""
    account, _ = await signed_in(api)
    for owner in key_owners([account]):
        await api.platform.vault.destroy(owner)
    api.platform.pipeline.cache.clear()
    context = Context(correlation_id=uuid4(), deadline=1e12)
    await api.platform.bus.execute(FinishErasure(account=account), context)
    return account


async def invited(api: Api) -> str:
    """The token of an invitation that has reached the address."""
    body = {"email": EMAIL, "role": "admin"}
    answer = await api.owner("POST", "/v1/invitations", body)
    assert (answer.status_code, answer.json()["email"]) == (201, EMAIL)
    assert (await letters_in(api.platform))[-1].to == EMAIL
    return await invitation_in(api.platform)


@pytest.mark.parametrize("left", [False, True])
async def test_they_are_invited_like_any_other(api: Api, erased: str, *, left: bool) -> None:
    if left:
        context = Context(correlation_id=uuid4(), deadline=1e12)
        await api.platform.bus.execute(LeaveErased(account=erased), context)
    token = await invited(api)
    account, session = await signed_in(api)
    assert account != erased
    joined = await api.ask("POST", "/v1/invitations/accept", {"token": token}, token=session)
    assert joined.json() == {"tenant": "default", "role": "admin"}


async def test_what_comes_to_them_then_is_the_next_persons(api: Api, erased: str) -> None:
    parsed = parse_invitation_token(await invited(api))
    assert parsed is not None
    invitation = parsed.id
    account, session = await signed_in(api)
    gone = await api.ask("DELETE", "/v1/me", {"current_password": PASSWORD}, token=session)
    assert gone.status_code == 204
    of_first, of_next = await erased_events(api.platform)
    assert of_first.stream_id == erased
    assert of_next.stream_id == account
    assert all(not isinstance(each.to, str) for each in await letters_in(api.platform))
    shown = await api.owner("GET", f"/v1/invitations/{invitation}")
    assert shown.json()["email"] is None


async def test_others_may_change_to_them(api: Api, erased: str) -> None:
    bob = await person(api, "bob@example.org")
    assert bob.account != erased
    body = {"email": EMAIL, "current_password": "correct horse"}
    assert (await bob.ask("POST", "/v1/me/email", body)).status_code == 202
    last = (await letters_in(api.platform))[-1]
    assert (last.kind, last.to) == ("email-change", EMAIL)
