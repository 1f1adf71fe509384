"""Contexts that drafts are tried on: sampled, shared, shown to few, and erased."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from application.event_store import Outage
from application.flags import recorded_contexts
from application.flags.recorded_contexts import KEPT_FOR, RecordedContexts
from tests.support.http_platform import Api, opened_api
from tests.support.keys import key_of

DRAFT = {"enabled": False}
TRY = "/v1/flags/one/try"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await api.owner("PUT", "/v1/flags/one", {"enabled": True})
        yield api


async def evaluate(api: Api, *contexts: Any, environment: str = "default", token: str = "") -> None:
    for context in contexts:
        body = {"context": context, "environment": environment}
        ask = api.ask("POST", "/v1/flags/evaluate", body, token=token) if token else None
        answer = await (ask or api.owner("POST", "/v1/flags/evaluate", body))
        assert answer.status_code == 200, answer.text


async def recorded(api: Api, environment: str = "default", token: str = "") -> list[Any]:
    """The contexts that a draft is tried on, which switches the flag off for all of them."""
    body = {**DRAFT, "environment": environment}
    ask = api.ask("POST", TRY, body, token=token) if token else api.owner("POST", TRY, body)
    answer = await ask
    assert answer.status_code == 200, answer.text
    trial = answer.json()
    assert trial["tried"] == trial["flipped"] == len(trial["flips"])
    contexts = [flip["context"] for flip in trial["flips"]]
    assert all(context.pop("environment", environment) == environment for context in contexts)
    return contexts


async def test_a_draft_is_tried_on_what_was_asked(api: Api) -> None:
    context = {"userId": "ada", "properties": {"plan": "gold"}}
    await evaluate(api, context, {"targetingKey": "bob"})
    await api.owner("POST", "/ofrep/v1/evaluate/flags/one", {"context": {"targetingKey": "eve"}})
    assert await recorded(api) == [{"targetingKey": "eve"}, {"targetingKey": "bob"}, context]


async def test_looking_back_and_trying_records_nothing(api: Api) -> None:
    position = len(await api.platform.store.read_log(after=0, limit=100))
    for path in ("/v1/flags/one/explain", f"/v1/flags/one/evaluate?position={position}"):
        await api.owner("POST", path, {"context": {"userId": "ada"}})
    await api.owner("POST", TRY, {"contexts": [{"userId": "ada"}]})
    assert await recorded(api) == []


async def test_a_subject_is_recorded_once_with_its_newest_context(api: Api) -> None:
    for number in range(5):
        await evaluate(api, {"userId": "ada", "n": number}, {"sessionId": "s", "n": number})
    await evaluate(api, {"n": 1}, {"n": 1}, {"n": 2})
    assert await recorded(api) == [
        {"n": 2},
        {"n": 1},
        {"sessionId": "s", "n": 4},
        {"userId": "ada", "n": 4},
    ]


async def test_they_are_shown_to_who_may_change_flags(api: Api) -> None:
    await evaluate(api, {"userId": "ada"})
    token = await api.sign_in()
    assert (await api.ask("POST", TRY, DRAFT, token=token)).status_code == 403
    assert (await api.ask("DELETE", "/v1/flags/contexts", token=token)).status_code == 403
    reader = await key_of(api, "default", "member")
    assert (await api.ask("POST", TRY, DRAFT, token=reader)).status_code == 403


async def test_tenants_do_not_see_each_others(api: Api) -> None:
    await evaluate(api, {"userId": "ada"})
    theirs = await key_of(api, "acme")
    await api.ask("PUT", "/v1/flags/one", {"enabled": True}, token=theirs)
    assert await recorded(api, token=theirs) == []
    await evaluate(api, {"userId": "bob"}, token=theirs)
    assert await recorded(api, token=theirs) == [{"userId": "bob"}]
    assert await recorded(api) == [{"userId": "ada"}]


async def test_they_never_reach_the_log(api: Api) -> None:
    await evaluate(api, {"userId": "a-secret-name"})
    await recorded(api)
    await api.platform.recorder.record()
    stored = await api.platform.store.read_log(after=0, limit=1000)
    assert not any(b"a-secret-name" in each.data + each.meta for each in stored)


async def test_they_are_erased_in_every_process(api: Api) -> None:
    clock = api.platform._timestamp
    other = RecordedContexts(api.platform.context_store, interval=1.0, now=clock)
    flags = await api.platform.flag_sets.of("default")
    other.offer(flags, "default", "default", {"userId": "bob"})
    await other.share()
    other.offer(flags, "default", "default", {"userId": "eve"})
    await evaluate(api, {"userId": "ada"})
    assert len(await recorded(api)) == 2
    assert (await api.owner("DELETE", "/v1/flags/contexts")).status_code == 204
    assert await other.read("default", "default") == []
    api.platform.context_store.down = True
    assert await other.read("default", "default") == []
    assert await recorded(api) == []


async def test_without_the_store_a_process_has_its_own(api: Api) -> None:
    api.platform.context_store.down = True
    await evaluate(api, {"userId": "ada"}, {"userId": "bob"})
    assert await recorded(api) == [{"userId": "bob"}, {"userId": "ada"}]
    assert (await api.owner("DELETE", "/v1/flags/contexts")).status_code == 503
    api.platform.context_store.down = False
    await evaluate(api, {"userId": "eve"})
    assert await recorded(api) == [{"userId": "eve"}]


async def test_they_are_forgotten_after_a_week(api: Api) -> None:
    now = [1.0]
    store = api.platform.context_store
    contexts = RecordedContexts(store, interval=1.0, now=lambda: now[0])
    flags = await api.platform.flag_sets.of("default")
    contexts.offer(flags, "default", "default", {"userId": "ada"})
    assert len(await contexts.read("default", "default")) == 1
    for down in (False, True):
        store.down, now[0] = down, 2.0 + KEPT_FOR
        assert await contexts.read("default", "default") == []


async def test_what_is_sampled_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_contexts, "KEPT", 30)
    contexts = api.platform.recorded_contexts
    await evaluate(api, *({"userId": f"user-{number}"} for number in range(120)))
    await evaluate(api, *({"n": "x" * size} for size in (10_000, 100_000)))
    for number in range(20):
        await evaluate(api, {"userId": "ada"}, environment=f"nowhere-{number}")
    [(place, fresh)] = contexts._fresh.items()
    assert place == ("default", "default")
    assert len(fresh) == 100
    api.platform.context_store.down = True
    with pytest.raises(Outage):
        await contexts.share()
    assert [len(own) for own in contexts._own.values()] == [30]


@pytest.mark.parametrize("context", [{"userId": 5}, {"userId": {}}, {"userId": "😀"}, {}])
async def test_any_context_can_be_recorded(api: Api, context: Any) -> None:
    await evaluate(api, context)
    assert await recorded(api) == [context]
