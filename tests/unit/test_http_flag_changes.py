"""Planned changes over HTTP: proposed, decided about, carried out in their times."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.flag_changes import (
    HALF,
    ON,
    act,
    admin,
    flag,
    propose,
    protect,
    time_passes,
    types,
)
from tests.support.http_platform import Api, opened_api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await api.owner("PUT", "/v1/flags/beta", {"enabled": False})
        yield api


# carried out at once


async def test_what_waits_for_nothing_is_carried_out_at_once(api: Api) -> None:
    answer = await api.owner("POST", "/v1/flags/beta/changes", {"edits": [ON], "reason": "go"})
    change = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/flag-changes/{change['id']}"
    assert answer.headers["etag"] == '"v3"'
    assert (change["state"], change["flag_version"], change["reason"]) == ("completed", 1, "go")
    assert change["steps"] == [
        {
            "edits": [{"kind": "enable", "environment": "default"}],
            "at": None,
            "pause": None,
            "hold": False,
            "done": True,
        }
    ]
    assert (await flag(api))["enabled"] is True
    assert await types(api, f"/v1/flag-changes/{change['id']}") == [
        "flag_change.proposed",
        "flag_change.step_carried_out",
        "flag_change.completed",
    ]


async def test_this_process_evaluates_with_what_was_carried_out(api: Api) -> None:
    asked = {"keys": ["beta"], "context": {"userId": "7"}}
    before = await api.owner("POST", "/v1/flags/evaluate", asked)
    await propose(api, edits=[ON])
    after = await api.owner("POST", "/v1/flags/evaluate", asked)
    answers = [each.json()["flags"]["beta"]["enabled"] for each in (before, after)]
    assert answers == [False, True]


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "describe", "about": {"owner": "team"}},
        {"kind": "enable"},
        {"kind": "disable"},
        {"kind": "roll_out", "rollout": 10},
        {"kind": "set_rules", "rules": [HALF]},
        {"kind": "kill", "reason": "fire"},
        {"kind": "release"},
        {"kind": "archive"},
        {"kind": "revive"},
        {"kind": "mark", "stale": True},
    ],
)
async def test_every_edit_can_be_planned(api: Api, edit: dict[str, Any]) -> None:
    change = await propose(api, edits=[edit])
    assert change["state"] == "completed"
    assert change["steps"][0]["edits"][0]["kind"] == edit["kind"]


async def test_a_repeated_request_makes_no_second_change(api: Api) -> None:
    path, body = "/v1/flags/beta/changes", {"edits": [ON]}
    first, second = [await api.owner("POST", path, body, idempotency_key="k") for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"


# times, steps, people


async def test_a_change_waits_for_its_time(api: Api) -> None:
    at = api.platform.clock + timedelta(hours=1)
    change = await propose(api, edits=[ON], at=at.isoformat())
    assert (change["state"], datetime.fromisoformat(change["next_at"])) == ("scheduled", at)
    early = await time_passes(api, change, minutes=59)
    assert (early["state"], (await flag(api))["enabled"]) == ("scheduled", False)
    late = await time_passes(api, change, days=2)
    assert (late["state"], (await flag(api))["enabled"]) == ("completed", True)


async def test_a_rollout_goes_from_pause_to_pause(api: Api) -> None:
    steps = [{"rollout": 10}, {"rollout": 50, "pause": "1h"}, {"rollout": 100, "hold": True}]
    answer = await api.owner("POST", "/v1/flags/beta/rollouts", {"steps": steps})
    change = answer.json()
    assert (answer.status_code, change["state"]) == (201, "scheduled")
    assert [each["pause"] for each in change["steps"]] == [None, "1h", None]
    assert (await flag(api))["rollout"] == 10
    assert (await time_passes(api, change, minutes=61))["state"] == "held"
    assert (await flag(api))["rollout"] == 50
    assert (await time_passes(api, change, days=9))["state"] == "held"
    assert (await act(api, change, "advance")).json()["state"] == "completed"
    assert (await flag(api))["rollout"] == 100


async def test_somebody_need_not_wait_for_a_pause(api: Api) -> None:
    change = await propose(api, edits=[ON], at="2026-02-01T00:00:00Z")
    assert (await act(api, change, "advance")).json()["state"] == "completed"
    assert (await flag(api))["enabled"] is True


async def test_a_rollout_by_one_rule(api: Api) -> None:
    await api.owner("PUT", "/v1/flags/beta/rules", {"rules": [HALF]})
    body = {"rule": "half", "steps": [{"rollout": 60}, {"rollout": 70}]}
    answer = await api.owner("POST", "/v1/flags/beta/rollouts", body)
    assert answer.json()["state"] == "completed"
    assert (await flag(api))["rules"][0]["parameters"] == {"rollout": "70"}


async def test_a_paused_change_begins_its_pause_anew(api: Api) -> None:
    steps = [{"rollout": 10}, {"rollout": 50, "pause": "1h"}]
    change = (await api.owner("POST", "/v1/flags/beta/rollouts", {"steps": steps})).json()
    assert (await act(api, change, "pause")).json()["state"] == "paused"
    assert (await act(api, change, "advance")).json()["type"].endswith("flag-change-is-paused")
    assert (await time_passes(api, change, hours=2))["state"] == "paused"
    assert (await act(api, change, "resume")).json()["state"] == "scheduled"
    assert (await time_passes(api, change, minutes=59))["state"] == "scheduled"
    assert (await time_passes(api, change, minutes=2))["state"] == "completed"


async def test_a_cancelled_change_keeps_what_was_carried_out(api: Api) -> None:
    steps = [{"rollout": 10}, {"rollout": 50, "pause": "1h"}]
    change = (await api.owner("POST", "/v1/flags/beta/rollouts", {"steps": steps})).json()
    path = f"/v1/flag-changes/{change['id']}"
    ended = (await api.owner("POST", f"{path}/cancel", {"reason": "too slow"})).json()
    assert (ended["state"], ended["outcome_reason"]) == ("cancelled", "too slow")
    assert (await time_passes(api, change, hours=2))["state"] == "cancelled"
    assert (await flag(api))["rollout"] == 10
    for word in ("pause", "resume", "advance", "approve", "reject"):
        refused = await act(api, change, word)
        assert (refused.status_code, refused.json()["state"]) == (409, "cancelled"), word
    assert (await act(api, change, "cancel")).status_code == 200


# approval


async def test_a_protected_flag_changes_by_approval_alone(api: Api) -> None:
    await protect(api)
    refused = await api.owner("POST", "/v1/flags/beta/enable")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/flag-is-protected")
    change = await propose(api, edits=[ON])
    assert (change["state"], change["approver"]) == ("proposed", None)
    own = await act(api, change, "approve")
    assert (own.status_code, own.json()["type"]) == (403, "/problems/proposer-approves")
    early = await act(api, change, "advance")
    assert early.json()["type"] == "/problems/flag-change-waits-for-approval"
    approved = (await act(api, change, "approve", await admin(api))).json()
    assert approved["state"] == "completed"
    assert approved["approver"].startswith("account/")
    assert (await flag(api))["enabled"] is True


async def test_an_approved_change_still_waits_for_its_time(api: Api) -> None:
    await protect(api)
    change = await propose(api, edits=[ON], at="2026-01-01T02:00:00Z")
    approved = (await act(api, change, "approve", await admin(api))).json()
    assert approved["state"] == "scheduled"
    assert (await time_passes(api, change, hours=3))["state"] == "completed"
    assert (await flag(api))["enabled"] is True


async def test_a_rejected_change_changes_nothing(api: Api) -> None:
    await protect(api)
    change = await propose(api, edits=[ON])
    assert (await act(api, change, "reject", await admin(api))).json()["state"] == "rejected"
    assert (await flag(api))["enabled"] is False


async def test_a_kill_switch_waits_for_nobody(api: Api) -> None:
    await protect(api)
    assert (await propose(api, edits=[{"kind": "kill"}]))["state"] == "completed"
    assert (await propose(api, edits=[{"kind": "kill"}, ON]))["state"] == "proposed"


async def test_what_was_never_approved_fails_on_a_flag_that_is_protected_meanwhile(
    api: Api,
) -> None:
    change = await propose(api, edits=[ON], at="2026-01-01T02:00:00Z")
    await protect(api)
    failed = await time_passes(api, change, hours=3)
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "flag-is-protected")


async def test_members_plan_nothing(api: Api) -> None:
    token = await api.sign_in()
    change = await propose(api, edits=[ON], at="2026-02-01T00:00:00Z")
    for word in ("approve", "cancel", "advance"):
        assert (await act(api, change, word, token)).status_code == 403
    path = "/v1/flags/beta/changes"
    assert (await api.ask("POST", path, {"edits": [ON]}, token=token)).status_code == 403
