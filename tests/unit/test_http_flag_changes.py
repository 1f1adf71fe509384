"""Planned changes over HTTP: what is proposed, decided and carried out, and what is refused."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from application.context import Context
from application.flags.planned import CarryOutChange
from application.unit import Done
from tests.support.http_platform import Api, opened_api

ON = {"kind": "enable"}
HALF = {"id": "half", "strategy": "flexibleRollout", "parameters": {"rollout": "50"}}
EVERYBODY = {"id": "all"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await api.owner("PUT", "/v1/flags/beta", {"enabled": False})
        yield api


async def admin(api: Api, email: str = "ada@example.org") -> str:
    body = {"email": email, "password": "correct horse"}
    account = (await api.ask("POST", "/v1/accounts", body)).json()["id"]
    await api.owner("PUT", f"/v1/accounts/{account}/role", {"role": "admin"})
    return await api.sign_in(email)


async def protect(api: Api, flag: str = "beta") -> None:
    body = {"enabled": False, "protected": True}
    assert (await api.owner("PUT", f"/v1/flags/{flag}", body)).status_code == 200


async def propose(api: Api, flag: str = "beta", **body: Any) -> dict[str, Any]:
    answer = await api.owner("POST", f"/v1/flags/{flag}/changes", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def act(api: Api, change: dict[str, Any], word: str, token: str = "") -> httpx.Response:
    body: Any = {} if word in {"reject", "cancel"} else None
    path = f"/v1/flag-changes/{change['id']}/{word}"
    if token:
        return await api.ask("POST", path, body, token=token)
    return await api.owner("POST", path, body)  # type: ignore[no-any-return]


async def flag(api: Api, key: str = "beta", environment: str = "default") -> dict[str, Any]:
    path = f"/v1/flags/{key}?environment={environment}"
    return dict((await api.owner("GET", path)).json())


async def look(api: Api, change: dict[str, Any]) -> dict[str, Any]:
    return dict((await api.owner("GET", f"/v1/flag-changes/{change['id']}")).json())


async def time_passes(api: Api, change: dict[str, Any], **length: float) -> dict[str, Any]:
    """What a scheduler does then; the change afterwards."""
    api.platform.clock += timedelta(**length)
    context = Context(actor="scheduler", correlation_id=uuid4(), deadline=1e12, tenant="default")
    command = CarryOutChange(change=change["id"], at=api.platform.now())
    assert isinstance(await api.platform.bus.execute(command, context), Done)
    return await look(api, change)


async def types(api: Api, path: str) -> list[str]:
    items = (await api.owner("GET", f"{path}/history")).json()["items"]
    return [each["type"] for each in items]


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


# drafts


async def test_a_draft_of_an_old_version_is_refused(api: Api) -> None:
    await api.owner("POST", "/v1/flags/beta/enable")
    body = {"edits": [ON], "version": 1}
    answer = await api.owner("POST", "/v1/flags/beta/changes", body)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "/problems/draft-is-old")
    assert problem["version"] == 2
    stale = await api.owner("POST", "/v1/flags/beta/changes", {"edits": [ON]}, if_match='"v1"')
    assert stale.status_code == 412
    fresh = await api.owner(
        "POST", "/v1/flags/beta/changes", {"edits": [ON], "version": 2}, if_match='"v2"'
    )
    assert fresh.status_code == 201


@pytest.mark.parametrize(
    ("edit", "meanwhile"),
    [
        (
            {"kind": "set_rules", "rules": [EVERYBODY]},
            ("PUT", "/v1/flags/beta/rules", {"rules": [HALF]}),
        ),
        (
            {"kind": "describe", "about": {"owner": "us"}},
            ("PUT", "/v1/flags/beta", {"owner": "them"}),
        ),
    ],
)
async def test_a_draft_does_not_replace_what_somebody_has_changed_meanwhile(
    api: Api, edit: dict[str, Any], meanwhile: tuple[str, str, Any]
) -> None:
    change = await propose(api, edits=[edit], at="2026-01-01T02:00:00Z")
    await api.owner(*meanwhile)
    before = await flag(api)
    failed = await time_passes(api, change, hours=3)
    assert (failed["state"], failed["next_at"]) == ("failed", None)
    assert (failed["failure"]["step"], failed["failure"]["code"]) == (1, "draft-is-overtaken")
    assert "version 1" in failed["failure"]["detail"]
    assert await flag(api) == before


async def test_a_draft_replaces_rules_where_only_others_have_changed(api: Api) -> None:
    edit = {"kind": "set_rules", "rules": [EVERYBODY]}
    change = await propose(api, edits=[edit], at="2026-01-01T02:00:00Z")
    await api.owner("PUT", "/v1/flags/beta/rules?environment=staging", {"rules": [HALF]})
    await api.owner("POST", "/v1/flags/beta/enable")
    assert (await time_passes(api, change, hours=3))["state"] == "completed"


async def test_a_change_is_not_overtaken_by_its_own_steps(api: Api) -> None:
    await api.owner("PUT", "/v1/flags/beta/rules", {"rules": [HALF]})
    steps = [
        {"edits": [{"kind": "roll_out", "rollout": 60, "rule": "half"}]},
        {"edits": [{"kind": "set_rules", "rules": [EVERYBODY]}], "pause": "1h"},
        {"edits": [{"kind": "set_rules", "rules": [HALF]}], "pause": "1h"},
    ]
    change = await propose(api, steps=steps)
    assert (await time_passes(api, change, hours=2))["state"] == "scheduled"
    assert (await time_passes(api, change, hours=2))["state"] == "completed"
    assert [rule["id"] for rule in (await flag(api))["rules"]] == ["half"]


async def test_a_step_is_overtaken_behind_earlier_steps_too(api: Api) -> None:
    await api.owner("PUT", "/v1/flags/beta/rules", {"rules": [HALF]})
    steps = [
        {"edits": [{"kind": "roll_out", "rollout": 60, "rule": "half"}], "hold": True},
        {"edits": [{"kind": "set_rules", "rules": [EVERYBODY]}]},
    ]
    change = await propose(api, steps=steps)
    await api.owner("PUT", "/v1/flags/beta/rules", {"rules": [HALF, EVERYBODY]})
    failed = (await act(api, change, "advance")).json()
    assert (failed["state"], failed["failure"]["step"]) == ("failed", 2)
    assert [step["done"] for step in failed["steps"]] == [True, False]
    rules = (await flag(api))["rules"]
    assert [rule["id"] for rule in rules] == ["half", "all"]
    assert rules[0]["parameters"] == {"rollout": "60"}


async def test_what_the_flag_refuses_fails_the_change(api: Api) -> None:
    change = await propose(api, edits=[ON], at="2026-01-01T02:00:00Z")
    await api.owner("POST", "/v1/flags/beta/archive")
    failed = await time_passes(api, change, hours=3)
    assert (failed["state"], failed["failure"]["code"]) == ("failed", "flag-is-archived")
    assert (await act(api, change, "advance")).status_code == 409


async def test_a_change_as_it_was(api: Api) -> None:
    change = await propose(api, edits=[ON], at="2026-02-01T00:00:00Z")
    path = f"/v1/flag-changes/{change['id']}"
    first = (await api.owner("GET", f"{path}/history")).json()["items"][0]["token"]
    await act(api, change, "cancel")
    assert (await look(api, change))["state"] == "cancelled"
    assert (await api.owner("GET", f"{path}?position={first}")).json()["state"] == "scheduled"


async def test_a_change_that_has_changed_since_it_was_read(api: Api) -> None:
    change = await propose(api, edits=[ON], at="2026-02-01T00:00:00Z")
    await act(api, change, "pause")
    path = f"/v1/flag-changes/{change['id']}/resume"
    assert (await api.owner("POST", path, if_match='"v1"')).status_code == 412
    assert (await api.owner("POST", path, if_match='"v2"')).status_code == 200


# refused


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/edits", "required"),
        ({"edits": []}, "/edits", "length"),
        ({"edits": [ON], "steps": [{"edits": [ON]}]}, "/steps", "exclusive"),
        ({"edits": [{"kind": "explode"}]}, "/edits/0/kind", "enum"),
        ({"edits": [{**ON, "what": 1}]}, "/edits/0/what", "unknown"),
        ({"edits": [{**ON, "environment": "a/b"}]}, "/edits/0/environment", "pattern"),
        ({"edits": [ON], "at": "2025-12-31T00:00:00Z"}, "/at", "past"),
        ({"edits": [ON], "at": "0001-01-01T00:00:00+14:00"}, "/at", "range"),
        ({"edits": [ON], "at": "2026-02-01T00:00:00"}, "/at", "type"),
        ({"edits": [{"kind": "roll_out", "rollout": 101}]}, "/edits/0/rollout", "range"),
        (
            {"edits": [ON, {"kind": "roll_out", "rollout": 1, "rule": "x"}]},
            "/edits/1/rule",
            "unknown-rule",
        ),
        (
            {"edits": [{"kind": "set_rules", "rules": [{"serve": "x"}]}]},
            "/edits/0/rules/0/serve",
            "unknown-variant",
        ),
        (
            {
                "edits": [
                    {
                        "kind": "set_rules",
                        "rules": [{"condition": {"kind": "segment", "segment": "x"}}],
                    }
                ]
            },
            "/edits/0/rules/0/condition/segment",
            "unknown-segment",
        ),
        (
            {"edits": [{"kind": "describe", "about": {"prerequisites": [{"flag": "x"}]}}]},
            "/edits/0/about/prerequisites/0/flag",
            "unknown-flag",
        ),
        (
            {"steps": [{"edits": [ON]}, {"edits": [ON], "at": "2025-12-31T00:00:00Z"}]},
            "/steps/1/at",
            "past",
        ),
        (
            {
                "at": "2026-03-01T00:00:00Z",
                "steps": [{"edits": [ON]}, {"edits": [ON], "at": "2026-02-01T00:00:00Z"}],
            },
            "/steps/1/at",
            "order",
        ),
        (
            {
                "at": "2026-03-01T00:00:00Z",
                "steps": [{"edits": [ON], "at": "2026-03-01T00:00:00Z"}],
            },
            "/steps/0/at",
            "exclusive",
        ),
        ({"steps": [{"edits": [ON], "pause": "1h", "hold": True}]}, "/steps/0/hold", "exclusive"),
        ({"steps": [{"edits": [ON], "pause": "999999999d"}]}, "/steps/0/pause", "range"),
        ({"steps": [{"edits": [ON], "pause": "soon"}]}, "/steps/0/pause", "pattern"),
        (
            {
                "steps": [
                    {"edits": [{"kind": "archive"}]},
                    {"edits": [ON, {"kind": "roll_out", "rollout": -1}]},
                ]
            },
            "/steps/1/edits/1/rollout",
            "range",
        ),
    ],
)
async def test_a_faulty_change_is_refused_with_pointers(
    api: Api, body: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await api.owner("POST", "/v1/flags/beta/changes", body)
    assert answer.status_code == 422, answer.text
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        (pointer, code)
    ]
    assert await types(api, "/v1/flags/beta") == ["flag.defined"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"steps": []}, "/steps", "length"),
        ({"steps": [{"rollout": 101}]}, "/steps/0/rollout", "range"),
        ({"rule": "x", "steps": [{"rollout": 10}]}, "/rule", "unknown-rule"),
        ({"steps": [{"rollout": 10}, {"pause": "1h"}]}, "/steps/1/rollout", "required"),
        ({"at": "2025-12-31T00:00:00Z", "steps": [{"rollout": 10}]}, "/at", "past"),
    ],
)
async def test_a_faulty_rollout_is_refused_with_pointers(
    api: Api, body: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await api.owner("POST", "/v1/flags/beta/rollouts", body)
    assert answer.status_code == 422, answer.text
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        (pointer, code)
    ]


async def test_a_step_that_an_earlier_one_makes_impossible_is_refused(api: Api) -> None:
    steps = [{"edits": [{"kind": "archive"}]}, {"edits": [ON], "pause": "1h"}]
    answer = await api.owner("POST", "/v1/flags/beta/changes", {"steps": steps})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/flag-is-archived")
    assert (await flag(api))["archived"] is False


@pytest.mark.parametrize("key", ["nobody", "no body", "%00"])
async def test_what_is_not_there_cannot_be_changed(api: Api, key: str) -> None:
    answer = await api.owner("POST", f"/v1/flags/{key}/changes", {"edits": [ON]})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/no-such-flag")


@pytest.mark.parametrize("id_", [str(UUID(int=1)), "x", "%00"])
async def test_a_change_that_nobody_proposed(api: Api, id_: str) -> None:
    acts: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("GET", "/history", None),
        ("POST", "/approve", None),
        ("POST", "/reject", {}),
        ("POST", "/cancel", {}),
        ("POST", "/pause", None),
        ("POST", "/resume", None),
        ("POST", "/advance", None),
    ]
    for method, word, body in acts:
        answer = await api.owner(method, f"/v1/flag-changes/{id_}{word}", body)
        assert answer.status_code == 404, (word, answer.text)


async def test_members_plan_nothing(api: Api) -> None:
    token = await api.sign_in()
    change = await propose(api, edits=[ON], at="2026-02-01T00:00:00Z")
    for word in ("approve", "cancel", "advance"):
        assert (await act(api, change, word, token)).status_code == 403
    path = "/v1/flags/beta/changes"
    assert (await api.ask("POST", path, {"edits": [ON]}, token=token)).status_code == 403
