"""Rollouts over HTTP: of a flag without rules, or of one rule."""

from tests.support.http_platform import Api


async def test_a_flag_without_rules_is_rolled_out_itself(api: Api) -> None:
    await api.owner("PUT", "/v1/flags/f", {"enabled": True})
    widened = await api.owner("POST", "/v1/flags/f/rollout", {"rollout": 40})
    assert (widened.status_code, widened.json()["rollout"]) == (200, 40)


async def test_where_there_are_rules_one_must_be_named(api: Api) -> None:
    rule = {"id": "some", "strategy": "flexibleRollout", "parameters": {"rollout": "5"}}
    made = await api.owner("PUT", "/v1/flags/f", {"enabled": True, "rules": [rule]})
    refused = await api.owner("POST", "/v1/flags/f/rollout", {"rollout": 40})
    assert refused.status_code == 422
    [fault] = refused.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/rule", "required")
    assert "some" in fault["detail"]
    assert (await api.owner("GET", "/v1/flags/f")).json()["version"] == made.json()["version"]
    body = {"rollout": 40, "rule": "some"}
    widened = await api.owner("POST", "/v1/flags/f/rollout", body)
    assert widened.json()["rules"][0]["parameters"] == {"rollout": "40"}
