"""How a person is erased, over ports in memory."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from application.bus import Run
from application.context import Context
from application.erasures import CarryOutErasure
from application.event_store import Outage
from application.personal_data import Person, key_owners
from application.unfinished_erasures import FinishErasure, FinishErasureHandler
from application.unit import Unit
from application.vault import KeyOwner
from domain.accounts import ACCOUNT, ErasedAccount
from domain.recorded import DEFAULT_TENANT, SYSTEM_TENANT
from tests.support.erasures import carry_out, erased_event, handler_of
from tests.support.http_platform import Api
from tests.support.leaving import DEVICE, EMAIL, PASSWORD, PERSON, signed_in
from tests.support.letters import letters_in, post


async def erase(api: Api, token: str, password: str = PASSWORD) -> httpx.Response:
    return await api.ask("DELETE", "/v1/me", {"current_password": password}, token=token)


async def test_an_export_and_an_erasure_need_a_person_who_was_here_lately(api: Api) -> None:
    _, token = await signed_in(api)
    for method, path, body in (
        ("GET", "/v1/me/export", None),
        ("DELETE", "/v1/me", {"current_password": PASSWORD}),
    ):
        assert (await api.ask(method, path, body)).status_code == 401
        program = await api.owner(method, path, body)
        assert (program.status_code, program.json()["type"].rpartition("/")[2]) == (
            403,
            "not-a-person",
        )
    api.platform.clock += timedelta(minutes=11)
    for method, path, body in (
        ("GET", "/v1/me/export", None),
        ("DELETE", "/v1/me", {"current_password": PASSWORD}),
    ):
        late = await api.ask(method, path, body, token=token)
        assert late.status_code == 403
        assert late.json()["type"].endswith("step-up-required")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"current_password": "guessed wrong"}, 401),
        ({}, 422),
        ({"current_password": 1}, 422),
        ({"current_password": PASSWORD, "force": True}, 422),
        ({"current_password": "x" * 1001}, 422),
    ],
)
async def test_without_the_password_nobody_is_erased(
    api: Api, body: dict[str, Any], status: int
) -> None:
    _, token = await signed_in(api)
    before = (await api.platform.store.tail()).position
    refused = await api.ask("DELETE", "/v1/me", body, token=token)
    assert refused.status_code == status
    assert (await api.platform.store.tail()).position == before
    assert (await api.ask("GET", "/v1/me/export", token=token)).status_code == 200


async def test_an_erasure_is_whole_once_it_is_answered(api: Api) -> None:
    account, token = await signed_in(api)
    await post(api.platform, "password-changed", person=account, to=EMAIL)
    gone = await erase(api, token)
    assert gone.status_code == 204
    assert (await api.ask("GET", "/v1/sessions/current", token=token)).status_code == 401
    assert (await api.ask("POST", "/v1/sessions", PERSON)).status_code == 401
    keys = await api.platform.vault.keys(key_owners([account]), create=True)
    assert list(keys.values()) == [None]
    history = await api.owner("GET", f"/v1/accounts/{account}/history")
    events = await api.owner("GET", "/v1/events?limit=100")
    for answer in (history, events):
        assert answer.status_code == 200
        assert "account.erased" in answer.text
        assert EMAIL not in answer.text


async def test_the_worker_finishes_what_was_begun(api: Api) -> None:
    account, token = await signed_in(api)
    await erase(api, token)
    platform = api.platform
    assert await carry_out(platform, handler_of(platform)) is None
    assert await platform.current.get(ACCOUNT, account) == ErasedAccount(
        keys=(account, *(await erased_event(platform)).event.keys[1:]), tenants=(DEFAULT_TENANT,)
    )
    assert await carry_out(platform, handler_of(platform)) == "done before"
    assert await platform.standings.tenants(account) == []


async def test_an_erasure_is_tried_until_it_works(api: Api) -> None:
    account, token = await signed_in(api)
    await erase(api, token)
    platform = api.platform

    async def away(_person: Person) -> None:
        raise Outage("Redis does not answer")

    for attempt in (1, 100):
        retry_at = await carry_out(platform, CarryOutErasure(platform.vault, away), attempt)
        assert retry_at > platform.clock
    state = await platform.current.get(ACCOUNT, account)
    assert isinstance(state, ErasedAccount)
    assert state.pending
    assert await carry_out(platform, handler_of(platform)) is None


async def test_the_address_is_free_for_somebody_else(api: Api) -> None:
    account, token = await signed_in(api)
    await erase(api, token)
    other, _ = await signed_in(api)
    assert other != account


async def test_what_came_to_the_address_before_the_account_is_erased_too(api: Api) -> None:
    platform, letters = api.platform, api.platform.services.letters

    async def person(unit: Unit) -> str:
        return await letters.person(unit, EMAIL)

    context = Context(tenant=SYSTEM_TENANT, correlation_id=uuid4(), deadline=1e12)
    before = (await platform.pipeline.run(person, context)).result
    await post(platform, "password-changed", person=before, to=EMAIL)
    account, token = await signed_in(api)
    await erase(api, token)
    assert set((await erased_event(platform)).event.keys) == {account, before}
    assert all(not isinstance(each.to, str) for each in await letters_in(platform))
    after = (await platform.pipeline.run(person, context)).result
    assert after not in {before, account}
    await post(platform, "password-changed", person=after, to=EMAIL)
    assert (await letters_in(platform))[-1].to == EMAIL


async def test_an_erased_persons_reminder_does_not_fire(api: Api) -> None:
    _, token = await signed_in(api)
    body = {"in": "1h", "title": "oil the engine", "channel": {"kind": "inbox"}}
    made = await api.ask("POST", "/v1/reminders", body, token=token)
    await erase(api, token)
    platform = api.platform
    platform.pipeline.cache.clear()
    platform.clock += timedelta(hours=2)
    from application.reminders import FireReminder  # noqa: PLC0415

    context = Context(correlation_id=uuid4(), deadline=1e12)
    await platform.bus.execute(FireReminder(reminder=made.json()["id"]), context)
    shown = (await api.owner("GET", f"/v1/reminders/{made.json()['id']}")).json()
    assert (shown["state"], shown["title"]) == ("cancelled", None)


async def test_without_its_key_an_account_opens_nothing(api: Api) -> None:
    account, token = await signed_in(api)
    await api.platform.vault.destroy(KeyOwner(SYSTEM_TENANT, "person", account))
    api.platform.pipeline.cache.clear()
    assert (await api.ask("POST", "/v1/sessions", PERSON)).status_code == 401
    assert (await erase(api, token)).status_code == 404


async def test_as_it_was_an_erased_persons_account_tells_nothing(api: Api) -> None:
    account, token = await signed_in(api)
    before = (await api.platform.store.tail()).position
    session = (await api.ask("GET", "/v1/sessions/current", token=token)).json()["id"]
    letter = await post(api.platform, "password-changed", person=account, to=EMAIL)
    await erase(api, token)
    for path in (
        f"/v1/accounts/{account}?position={before}",
        f"/v1/sessions/{session}/history",
        f"/v1/members/{account}?position={before}",
        f"/v1/outbox/{letter}",
        f"/v1/outbox/{letter}/history",
    ):
        shown = await api.owner("GET", path)
        assert shown.status_code in {200, 404}, (path, shown.text)
        for value in (EMAIL, DEVICE):
            assert value not in shown.text, path


async def test_an_outage_in_the_middle_leaves_the_rest_to_the_worker(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, token = await signed_in(api)

    async def away(_owner: KeyOwner) -> None:
        raise Outage("Postgres does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(api.platform.vault, "destroy", away)
        assert (await erase(api, token)).status_code == 503
    assert (await api.ask("POST", "/v1/sessions", PERSON)).status_code == 401
    assert (await erase(api, token)).status_code == 401
    assert await carry_out(api.platform, handler_of(api.platform)) is None
    keys = await api.platform.vault.keys(key_owners([account]), create=True)
    assert list(keys.values()) == [None]


async def test_contexts_that_flags_were_evaluated_in_are_forgotten(api: Api) -> None:
    _, token = await signed_in(api)
    await api.owner("PUT", "/v1/flags/engine", {"enabled": True})
    body = {"context": {"userId": EMAIL}}
    assert (await api.owner("POST", "/v1/flags/engine/evaluate", body)).status_code == 200
    contexts = api.platform.recorded_contexts
    assert EMAIL in str(await contexts.read(DEFAULT_TENANT, "default"))
    await erase(api, token)
    await carry_out(api.platform, handler_of(api.platform))
    assert await contexts.read(DEFAULT_TENANT, "default") == []


async def test_whoever_finds_an_erasure_under_way_leaves_nothing_of_it_undone(api: Api) -> None:
    """As a scheduler does that starts while the worker is behind: the keys are gone already."""
    account, token = await signed_in(api)
    await api.owner("PUT", "/v1/flags/engine", {"enabled": True})
    await api.owner("POST", "/v1/flags/engine/evaluate", {"context": {"userId": EMAIL}})
    await erase(api, token)
    platform, contexts = api.platform, api.platform.recorded_contexts

    async def away(_person: Person) -> None:
        raise Outage("Redis does not answer")

    context = Context(correlation_id=uuid4(), deadline=1e12)
    people, vault = platform.services.people, platform.vault
    without_redis = FinishErasureHandler(people, vault, away, platform.now)
    with pytest.raises(Outage):
        await without_redis(FinishErasure(account=account), Run(platform.pipeline, context))
    assert await contexts.read(DEFAULT_TENANT, "default")
    await platform.bus.execute(FinishErasure(account=account), context)
    assert await contexts.read(DEFAULT_TENANT, "default") == []
    assert await carry_out(platform, handler_of(platform)) == "done before"
