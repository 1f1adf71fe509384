"""Flags that need each other and segments, over HTTP: what is taken away, revived and imported."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http_platform import Api, opened_api

NORWAY = {
    "condition": {"kind": "constraint", "field": "country", "operator": "IN", "values": ["NO"]}
}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as opened:
        yield opened


async def ask(api: Api, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await api.owner(method, f"/v1/{path}", body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def put(api: Api, flag: str, *needs: str, status: int = 201, **more: Any) -> Any:
    prerequisites = [{"flag": name} for name in needs]
    body = {"enabled": True, "prerequisites": prerequisites, **more}
    return await ask(api, "PUT", f"flags/{flag}", body, status)


async def is_on(api: Api, flag: str) -> Any:
    body = {"context": {"country": "NO"}}
    return (await ask(api, "POST", f"flags/{flag}/evaluate", body))["enabled"]


def feature(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    dependencies = [{"feature": each} for each in needs]
    return {"name": name, "enabled": True, "dependencies": dependencies, "strategies": [], **more}


async def take(api: Api, *features: dict[str, Any], status: int = 200) -> Any:
    document = {"version": 2, "features": features}
    body = {"format": "unleash", "document": document}
    return await ask(api, "POST", "flags/import", body, status)


async def test_a_flag_is_not_revived_without_its_segments(api: Api) -> None:
    await ask(api, "PUT", "segments/norway", NORWAY, 201)
    rule = {"condition": {"kind": "segment", "segment": "norway"}}
    await put(api, "beta", rules=[rule])
    await ask(api, "POST", "flags/beta/archive")
    await ask(api, "POST", "segments/norway/archive")
    refused = await ask(api, "POST", "flags/beta/revive", status=409)
    assert (refused["type"], refused["segments"]) == ("/problems/segments-are-gone", ["norway"])
    assert (await ask(api, "GET", "flags/beta"))["archived"]
    await ask(api, "PUT", "segments/norway", NORWAY)
    await ask(api, "POST", "flags/beta/revive")
    assert await is_on(api, "beta")


async def test_what_others_need_is_not_archived(api: Api) -> None:
    await put(api, "base")
    await put(api, "child", "base")
    refused = await ask(api, "POST", "flags/base/archive", status=409)
    assert (refused["type"], refused["flags"]) == ("/problems/flag-is-needed", ["child"])
    await put(api, "child", status=200)
    await ask(api, "POST", "flags/base/archive")


async def test_an_import_archives_what_nothing_needs_after_it(api: Api) -> None:
    await put(api, "base")
    await put(api, "child", "base")
    gone = feature("base", archived=True)
    refused = await take(api, gone, status=409)
    assert (refused["type"], refused["flags"]) == ("/problems/flag-is-needed", ["child"])
    assert await is_on(api, "child")
    await take(api, gone, feature("child"))
    assert (await ask(api, "GET", "flags/base"))["archived"]
    assert await is_on(api, "child")


async def test_an_import_turns_prerequisites_round(api: Api) -> None:
    await put(api, "a")
    await put(api, "b", "a")
    await take(api, feature("b"), feature("a", "b"))
    assert await is_on(api, "a")


@pytest.mark.parametrize("there", [False, True], ids=["new flags", "flags that are there"])
async def test_an_import_closes_no_cycle(api: Api, there: bool) -> None:  # noqa: FBT001
    for name in "abc" if there else "":
        await put(api, name)
    cycle = [feature("a", "b"), feature("b", "c"), feature("c", "a")]
    refused = await take(api, *cycle, status=422)
    [fault] = refused["errors"]
    assert fault["code"] == "cycle"
    assert fault["pointer"] in {f"/document/features/{index}" for index in range(3)}
    for name in "abc":
        shown = await ask(api, "GET", f"flags/{name}", status=200 if there else 404)
        assert shown.get("prerequisites", []) == []


async def test_a_cycle_with_flags_outside_of_the_document_is_found(api: Api) -> None:
    await put(api, "a")
    await put(api, "b", "a")
    refused = await take(api, feature("a", "b"), status=422)
    assert [each["code"] for each in refused["errors"]] == ["cycle"]


async def test_prerequisites_of_one_flag_are_pointed_at(api: Api) -> None:
    await put(api, "a")
    await put(api, "b", "a")
    refused = await put(api, "a", "b", status=422)
    assert refused["errors"][0]["pointer"] == "/prerequisites/0/flag"
    assert refused["errors"][0]["detail"] == "leads back to the flag itself: a -> b -> a"
    refused = await put(api, "c", "a", "nobody", "none", status=422)
    assert [(each["pointer"], each["code"]) for each in refused["errors"]] == [
        ("/prerequisites/1/flag", "unknown-flag"),
        ("/prerequisites/2/flag", "unknown-flag"),
    ]


async def test_a_segment_of_a_protected_flag_does_not_change(api: Api) -> None:
    await ask(api, "PUT", "segments/norway", NORWAY, 201)
    rules = [{"condition": {"kind": "segment", "segment": "norway"}}]
    await put(api, "beta", rules=rules, protected=True)
    everybody = {"condition": {"kind": "all", "of": []}}
    refused = await ask(api, "PUT", "segments/norway", everybody, 409)
    assert (refused["type"], refused["flags"]) == ("/problems/segment-is-protected", ["beta"])
    segment = {"id": 1, "name": "norway", "constraints": []}
    document = {"version": 2, "features": [], "segments": [segment]}
    body = {"format": "unleash", "document": document}
    refused = await ask(api, "POST", "flags/import", body, 409)
    assert refused["type"] == "/problems/segment-is-protected"
    assert (await ask(api, "GET", "segments/norway"))["version"] == 1
    await ask(api, "PUT", "segments/norway", {**NORWAY, "description": "The long one"})


@pytest.mark.parametrize("name", [".", "..", "a/b", ""])
async def test_a_flag_that_no_path_leads_to_is_not_imported(api: Api, name: str) -> None:
    refused = await take(api, feature(name), status=422)
    assert refused["errors"][0]["pointer"].startswith("/document/features/0")


async def test_a_version_whose_segment_is_gone_is_not_gone_back_to(api: Api) -> None:
    await ask(api, "PUT", "segments/norway", NORWAY, 201)
    rule = {"condition": {"kind": "segment", "segment": "norway"}}
    there = (await put(api, "beta", rules=[rule]))["version"]
    await ask(api, "PUT", "flags/beta/rules", {"rules": []})
    await ask(api, "POST", "segments/norway/archive")
    refused = await ask(api, "POST", "flags/beta/revert", {"version": there}, 422)
    [fault] = refused["errors"]
    assert (fault["pointer"], fault["code"]) == ("/version", "unknown-segment")


async def test_versions_are_compared_either_way_round(api: Api) -> None:
    await put(api, "beta")
    there = await ask(api, "GET", "flags/beta/diff?from=0&to=1")
    back = await ask(api, "GET", "flags/beta/diff?from=1&to=0")
    assert [(each["pointer"], each["after"]) for each in there["changes"]] == [
        (each["pointer"], each["before"]) for each in back["changes"]
    ]
    await ask(api, "GET", "flags/nobody/diff?from=1&to=0", status=404)
    await ask(api, "GET", "flags/beta/diff?from=0&until=1", status=422)
