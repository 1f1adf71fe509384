"""Going back to a version as a planned change: at a time, step by step, with four eyes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.flag_changes import (
    EVERYBODY,
    HALF,
    act,
    admin,
    flag,
    look,
    propose,
    protect,
    time_passes,
)
from tests.support.http_platform import Api, opened_api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as opened:
        await opened.owner("PUT", "/v1/flags/beta", {"enabled": True, "rules": [EVERYBODY]})
        yield opened


async def version(api: Api) -> int:
    return int((await flag(api))["version"])


async def set_rules(api: Api, *rules: Any) -> None:
    body = {"rules": list(rules)}
    assert (await api.owner("PUT", "/v1/flags/beta/rules", body)).status_code == 200


async def refused(api: Api, **body: Any) -> Any:
    answer = await api.owner("POST", "/v1/flags/beta/changes", body)
    assert answer.status_code == 422
    return [(each["pointer"], each["code"]) for each in answer.json()["errors"]]


def revert(to: int) -> dict[str, Any]:
    return {"kind": "revert", "version": to}


async def test_a_protected_flag_goes_back_once_somebody_has_approved(api: Api) -> None:
    await api.owner("PUT", "/v1/flags/beta", {"enabled": True, "protected": True})
    there = await version(api)
    change = await propose(api, edits=[{"kind": "set_rules", "rules": [HALF]}])
    token = await admin(api)
    await act(api, change, "approve", token)
    assert [each["id"] for each in (await flag(api))["rules"]] == ["half"]
    direct = await api.owner("POST", "/v1/flags/beta/revert", {"version": there})
    assert direct.status_code == 409
    back = await propose(api, edits=[revert(there)])
    assert back["state"] == "proposed"
    assert [each["kind"] for each in back["steps"][0]["edits"]] == ["set_rules"]
    assert [each["id"] for each in (await flag(api))["rules"]] == ["half"]
    await act(api, back, "approve", token)
    assert (await look(api, back))["state"] == "completed"
    assert [each["id"] for each in (await flag(api))["rules"]] == ["all"]


async def test_it_may_have_its_time_and_come_behind_other_steps(api: Api) -> None:
    there = await version(api)
    steps = [{"edits": [{"kind": "disable"}]}, {"edits": [revert(there)], "pause": "1h"}]
    change = await propose(api, steps=steps)
    assert change["steps"][1]["edits"] == [{"kind": "enable", "environment": "default"}]
    assert (await flag(api))["enabled"] is False
    await time_passes(api, change, hours=1)
    assert (await flag(api))["enabled"] is True


async def test_what_somebody_has_changed_since_is_not_replaced(api: Api) -> None:
    there = await version(api)
    await set_rules(api, HALF)
    change = await propose(api, steps=[{"edits": [revert(there)], "hold": True}])
    await set_rules(api, HALF, EVERYBODY)
    await act(api, change, "advance")
    assert (await look(api, change))["failure"]["code"] == "draft-is-overtaken"


async def test_a_version_that_never_was_is_pointed_at(api: Api) -> None:
    assert await refused(api, edits=[revert(99)]) == [("/edits/0/version", "unknown-version")]
    steps = [{"edits": [{"kind": "disable"}]}, {"edits": [revert(99)]}]
    assert await refused(api, steps=steps) == [("/steps/1/edits/0/version", "unknown-version")]


async def test_a_version_whose_segment_is_gone_is_pointed_at(api: Api) -> None:
    condition = {"kind": "constraint", "field": "plan", "operator": "IN", "values": ["pro"]}
    await api.owner("PUT", "/v1/segments/pro", {"condition": condition})
    await set_rules(api, {"condition": {"kind": "segment", "segment": "pro"}})
    there = await version(api)
    await set_rules(api, HALF)
    await api.owner("POST", "/v1/segments/pro/archive")
    assert await refused(api, edits=[revert(there)]) == [("/edits/0/version", "unknown-segment")]


async def test_it_is_the_only_edit_of_its_step(api: Api) -> None:
    edits = [{"kind": "disable"}, revert(1)]
    assert await refused(api, edits=edits) == [("/edits/1", "exclusive")]


async def test_a_flag_that_is_so_already_stays_so(api: Api) -> None:
    await protect(api)
    there = await version(api)
    change = await propose(api, edits=[revert(there)])
    assert change["state"] == "completed"
    assert await version(api) == there
