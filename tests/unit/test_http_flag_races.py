"""What flags need, archived in the same moment as a flag begins to need it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from adapters.memory.event_store import MemoryEventStore
from application.event_store import Append
from tests.support.flag_changes import act, look, propose
from tests.support.http_platform import Api, opened_api

NORWAY = {
    "condition": {"kind": "constraint", "field": "country", "operator": "IN", "values": ["NO"]}
}
IN_NORWAY = {"rules": [{"condition": {"kind": "segment", "segment": "norway"}}]}


class Crossed(MemoryEventStore):
    """Lets something else happen just before one stream is written for the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = ""
        self.other: Callable[[], Awaitable[Any]] | None = None

    async def append(self, item: Append) -> Any:
        other = self.other
        if other is not None and any(each.stream == self.stream for each in item.writes):
            self.other = None
            await other()
        return await super().append(item)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api(store=Crossed()) as opened:
        yield opened


def cross(api: Api, stream: str, *request: Any) -> list[Any]:
    """Carry a request out just before a stream is written; its answer comes into the list."""
    answers: list[Any] = []

    async def other() -> None:
        answers.append(await api.owner(*request))

    store: Any = api.platform.store
    store.stream, store.other = stream, other
    return answers


async def put(api: Api, path: str, body: Any) -> None:
    assert (await api.owner("PUT", f"/v1/{path}", body)).is_success


async def test_a_segment_that_a_flag_has_just_begun_to_use_is_not_archived(api: Api) -> None:
    await put(api, "segments/norway", NORWAY)
    used = cross(api, "segment/norway", "PUT", "/v1/flags/beta", {"enabled": True, **IN_NORWAY})
    archived = await api.owner("POST", "/v1/segments/norway/archive")
    assert [each.status_code for each in used] == [201]
    assert (archived.status_code, archived.json()["flags"]) == (409, ["beta"])
    body = {"context": {"country": "NO"}}
    found = (await api.owner("POST", "/v1/flags/beta/evaluate", body)).json()
    assert (found["enabled"], found["reason"]) == (True, "TARGETING_MATCH")


async def test_a_segment_that_was_just_archived_is_not_used(api: Api) -> None:
    await put(api, "segments/norway", NORWAY)
    archived = cross(api, "flag/beta", "POST", "/v1/segments/norway/archive")
    used = await api.owner("PUT", "/v1/flags/beta", {"enabled": True, **IN_NORWAY})
    assert [each.status_code for each in archived] == [200]
    assert used.status_code == 422
    assert used.json()["errors"][0]["code"] == "unknown-segment"


async def test_a_flag_that_another_has_just_begun_to_need_is_not_archived(api: Api) -> None:
    await put(api, "flags/base", {"enabled": True})
    child = {"enabled": True, "prerequisites": [{"flag": "base"}]}
    used = cross(api, "flag/base", "PUT", "/v1/flags/child", child)
    archived = await api.owner("POST", "/v1/flags/base/archive")
    assert [each.status_code for each in used] == [201]
    assert (archived.status_code, archived.json()["flags"]) == (409, ["child"])
    found = (await api.owner("POST", "/v1/flags/child/evaluate", {"context": {}})).json()
    assert found["enabled"] is True


async def test_what_an_import_has_just_begun_to_need_is_not_archived(api: Api) -> None:
    await put(api, "flags/base", {"enabled": True})
    feature = {"name": "child", "enabled": True, "dependencies": [{"feature": "base"}]}
    document = {"version": 2, "features": [{**feature, "strategies": []}]}
    body = {"format": "unleash", "document": document}
    used = cross(api, "flag/base", "POST", "/v1/flags/import", body)
    archived = await api.owner("POST", "/v1/flags/base/archive")
    assert [each.status_code for each in used] == [200]
    assert (archived.status_code, archived.json()["flags"]) == (409, ["child"])


async def test_an_archived_flag_is_no_new_prerequisite(api: Api) -> None:
    await put(api, "flags/other", {"enabled": True})
    await put(api, "flags/base", {"enabled": True})
    assert (await api.owner("POST", "/v1/flags/base/archive")).is_success
    needs = [{"flag": "other"}, {"flag": "base"}]
    refused = await api.owner("PUT", "/v1/flags/child", {"enabled": True, "prerequisites": needs})
    assert refused.status_code == 422
    [fault] = refused.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/prerequisites/1/flag", "archived-flag")
    assert (await api.owner("GET", "/v1/flags/child")).status_code == 404


async def test_a_flag_is_not_revived_before_what_it_needs(api: Api) -> None:
    await put(api, "flags/base", {"enabled": True})
    await put(api, "flags/child", {"enabled": True, "prerequisites": [{"flag": "base"}]})
    for key in ("child", "base"):
        assert (await api.owner("POST", f"/v1/flags/{key}/archive")).is_success
    refused = await api.owner("POST", "/v1/flags/child/revive")
    assert (refused.status_code, refused.json()["flags"]) == (409, ["base"])
    for key in ("base", "child"):
        assert (await api.owner("POST", f"/v1/flags/{key}/revive")).is_success


async def test_a_planned_step_that_is_refused_by_others_changes_nothing(api: Api) -> None:
    await put(api, "flags/beta", {"enabled": True})
    change = await propose(api, steps=[{"edits": [{"kind": "archive"}], "hold": True}])
    await put(api, "flags/child", {"enabled": True, "prerequisites": [{"flag": "beta"}]})
    await act(api, change, "advance")
    assert (await look(api, change))["failure"]["code"] == "flag-is-needed"
    assert (await api.owner("GET", "/v1/flags/beta")).json()["archived"] is False
