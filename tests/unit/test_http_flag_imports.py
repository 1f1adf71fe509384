"""Imports over HTTP: a flag may come as broken as it was elsewhere, but none is broken here."""

import asyncio
from typing import Any

import pytest

from tests.support.http_platform import Api


def feature(**said: Any) -> dict[str, Any]:
    return {"name": "f", "enabled": True, "strategies": [{"name": "default"}], **said}


def constrained(operator: str, value: str) -> dict[str, Any]:
    constraint = {"contextName": "a", "operator": operator, "value": value, "values": [value]}
    return feature(strategies=[{"name": "default", "constraints": [constraint]}])


async def imported(api: Api, *features: dict[str, Any], **more: Any) -> Any:
    document = {"version": 2, "features": list(features)}
    body = {"format": "unleash", "environment": "e", "document": document, **more}
    return await api.owner("POST", "/v1/flags/import", body)


async def answer(api: Api, key: str = "f", **context: Any) -> Any:
    body = {"environment": "e", "keys": [key], "context": context}
    return (await api.owner("POST", "/v1/flags/evaluate", body)).json()["flags"][key]


BROKEN = [
    (constrained("REGEX", "(regex"), "/document/features/0/strategies/0/constraints/0/value"),
    (constrained("SEMVER_GT", "v2"), "/document/features/0/strategies/0/constraints/0/value"),
    (constrained("NUM_GT", "many"), "/document/features/0/strategies/0/constraints/0/value"),
    (constrained("IN_CIDR", "10/99"), "/document/features/0/strategies/0/constraints/0/values/0"),
    (constrained("NEARLY", "x"), "/document/features/0/strategies/0/constraints/0/operator"),
    (
        feature(strategies=[{"name": "default", "segments": [404]}]),
        "/document/features/0/strategies/0/segments/0",
    ),
    (feature(dependencies=[{"feature": "nobody"}]), "/document/features/0"),
]


@pytest.mark.parametrize(("broken", "pointer"), BROKEN)
async def test_what_works_is_not_broken_by_an_import(
    api: Api, broken: dict[str, Any], pointer: str
) -> None:
    assert (await imported(api, feature())).status_code == 200
    refused = await imported(api, broken)
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]
    assert (await answer(api, a="x"))["version"] == 3
    assert (await answer(api, a="x"))["enabled"] is True


@pytest.mark.parametrize(("broken", "pointer"), BROKEN)
async def test_what_is_broken_elsewhere_comes_broken_and_lets_nobody_in(
    api: Api, broken: dict[str, Any], pointer: str
) -> None:
    taken = await imported(api, broken)
    assert (taken.status_code, taken.json()["imported"]) == (200, 1)
    warned = [each["pointer"] for each in taken.json()["warnings"]]
    assert warned == [pointer] or "dependencies" in broken
    for value in ("x", "(regex", "10.0.0.1"):
        assert (await answer(api, a=value))["enabled"] is False
    assert (await imported(api, broken)).json()["changed"] == 0


async def test_weights_are_tenths_of_a_percent_or_shares_of_at_most_a_hundred(api: Api) -> None:
    def parted(*weights: int) -> dict[str, Any]:
        variants = [{"name": f"v{n}", "weight": weight} for n, weight in enumerate(weights)]
        return feature(variants=variants)

    for weights in ((600, 300), (700, 700), (0, 0), (-1, 1001)):
        refused = await imported(api, parted(*weights))
        assert refused.status_code == 422, weights
        assert refused.json()["errors"][0]["pointer"].startswith("/document/features/0/variants")
    for weights in ((33, 33, 33), (1, 1)):
        taken = await imported(api, parted(*weights))
        assert [each["code"] for each in taken.json()["warnings"]] == ["percents"]
        assert (await answer(api, userId="7"))["variant"]["name"] in {"v0", "v1", "v2"}


async def test_a_cycle_is_refused_and_nothing_is_there(api: Api) -> None:
    one = feature(name="a", dependencies=[{"feature": "b"}])
    other = feature(name="b", dependencies=[{"feature": "a"}])
    refused = await imported(api, feature(), one, other)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "cycle"
    assert (await answer(api))["error"] == "FLAG_NOT_FOUND"


async def test_what_depends_on_a_dependent_is_off_as_in_unleashs_clients(api: Api) -> None:
    features = [
        feature(name="root"),
        feature(name="child", dependencies=[{"feature": "root"}]),
        feature(name="grandchild", dependencies=[{"feature": "child"}]),
    ]
    taken = await imported(api, *features)
    assert [each["code"] for each in taken.json()["warnings"]] == ["nested-dependency"]
    assert [(await answer(api, each["name"]))["enabled"] for each in features] == [
        True,
        True,
        False,
    ]


async def test_unleashs_clients_can_ask_for_one_feature(api: Api) -> None:
    await imported(api, feature(), environment="default")
    found = await api.owner("GET", "/api/client/features/f")
    everything = (await api.owner("GET", "/api/client/features")).json()
    assert everything["features"] == [found.json()]
    assert (await api.owner("GET", "/api/client/features/g")).status_code == 404


async def test_what_came_with_a_foreign_name_can_be_planned_to_change(api: Api) -> None:
    await imported(api, feature(name="på æ"))
    path = "/v1/flags/p%C3%A5%20%C3%A6/changes"
    edits = [{"kind": "disable", "environment": "e"}]
    assert (await api.owner("POST", path, {"edits": edits})).status_code == 201
    assert (await answer(api, "på æ"))["enabled"] is False


async def test_others_get_their_turn_while_many_flags_are_imported(api: Api) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    many = [feature(name=f"f{number}") for number in range(500)]
    for dry_run in (True, False):
        turns = 0
        beside = asyncio.create_task(others())
        assert (await imported(api, *many, dry_run=dry_run)).json()["changed"] == 500
        beside.cancel()
        assert turns > 30


@pytest.mark.parametrize("word", ["contexts", "evaluate", "export", "import"])
async def test_a_flag_that_nobody_could_ask_for_is_refused(api: Api, word: str) -> None:
    refused = await imported(api, feature(), feature(name=word))
    assert refused.status_code == 422
    [fault] = refused.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/document/features/1", "reserved")
    assert (await answer(api))["error"] == "FLAG_NOT_FOUND"
    for near in (f"{word}s", word.upper()):
        assert (await imported(api, feature(name=near))).status_code == 200
        assert (await api.owner("GET", f"/v1/flags/{near}")).json()["key"] == near


async def test_a_tag_without_a_value_is_refused_unless_it_is_empty(api: Api) -> None:
    empty = {"type": "simple", "value": ""}
    assert (await imported(api, feature(tags=[empty]))).status_code == 200
    refused = await imported(api, feature(tags=[{"type": "simple"}]))
    assert refused.json()["errors"][0]["pointer"] == "/document/features/0/tags/0/value"
