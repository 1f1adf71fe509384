"""Planned changes over HTTP that must not come into force: old drafts, and faulty ones."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from tests.support.flag_changes import (
    EVERYBODY,
    HALF,
    ON,
    act,
    flag,
    look,
    propose,
    time_passes,
    types,
)
from tests.support.http_platform import Api, opened_api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        await api.owner("PUT", "/v1/flags/beta", {"enabled": False})
        yield api


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


async def test_a_failure_points_at_what_the_flag_has_refused(api: Api) -> None:
    condition = {"kind": "constraint", "field": "plan", "operator": "IN", "values": ["pro"]}
    await api.owner("PUT", "/v1/segments/pro", {"condition": condition})
    rule = {"condition": {"kind": "segment", "segment": "pro"}}
    edits = [ON, {"kind": "set_rules", "rules": [rule]}]
    change = await propose(api, edits=edits, at="2026-01-01T02:00:00Z")
    assert (await api.owner("POST", "/v1/segments/pro/archive")).status_code == 200
    failed = await time_passes(api, change, hours=3)
    [error] = failed["failure"]["errors"]
    assert error["code"] == "unknown-segment"
    assert error["pointer"] == "/steps/0/edits/1/rules/0/condition/segment"
    assert (await flag(api))["enabled"] is False


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
