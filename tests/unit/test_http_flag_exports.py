"""Exports of flag sets: what another form has no words for, and how our own rules come back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http_platform import Api, opened_api

NORWAY = {"kind": "constraint", "field": "country", "operator": "IN", "values": ["NO"]}
BETA = {"kind": "constraint", "field": "plan", "operator": "IN", "values": ["beta"]}
TEXTS = [{"name": name, "weight": 500} for name in ("blue", "green")]
FLAGD_SPLIT = {"id": "split", "bucketing": "flagd", "variants": TEXTS}
FORMS = ["format=unleash&version=1", "format=unleash&version=2", "format=flagd"]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as opened:
        yield opened


async def ask(api: Api, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await api.owner(method, f"/v1/{path}", body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def put(api: Api, key: str, **body: Any) -> None:
    await ask(api, "PUT", f"flags/{key}", {"enabled": True, **body}, 201)


async def taken(api: Api, query: str, document: Any) -> Any:
    form = "flagd" if "flagd" in query else "unleash"
    return await ask(api, "POST", "flags/import", {"format": form, "document": document})


async def test_what_the_form_has_no_words_for_is_listed_whole(api: Api) -> None:
    await put(api, "plain")
    for key in ("first", "second"):
        await put(api, key, rules=[FLAGD_SPLIT])
    refused = await ask(api, "GET", "flags/export", status=409)
    assert refused["type"] == "/problems/inexpressible"
    assert [(each["kind"], each["name"]) for each in refused["left_out"]] == [
        ("flag", "first"),
        ("flag", "second"),
    ]
    assert refused["left_out"][0]["reasons"] == [
        "rule split: its variants are spread as flagd does it"
    ]


async def test_an_export_goes_without_it_where_that_is_wanted(api: Api) -> None:
    await put(api, "plain")
    await put(api, "odd", rules=[FLAGD_SPLIT])
    await put(api, "child", prerequisites=[{"flag": "odd"}])
    await put(api, "grandchild", prerequisites=[{"flag": "child"}])
    await ask(api, "POST", "flags/grandchild/disable")
    document = await ask(api, "GET", "flags/export?skip=true")
    assert [each["name"] for each in document["features"]] == ["plain"]
    skipped = {each["name"]: each["reasons"] for each in document["annals"]["skipped"]}
    assert skipped.keys() == {"odd", "child", "grandchild"}
    assert skipped["child"] == ["it depends on odd, left out too"]
    async with opened_api() as there:
        assert (await taken(there, "", document))["imported"] == 1


async def test_flagd_goes_without_segments_and_those_who_name_them(api: Api) -> None:
    strange = {"kind": "constraint", "field": "name", "operator": "REGEX", "values": ["a.c"]}
    await ask(api, "PUT", "segments/strange", {"condition": strange}, 201)
    await put(api, "plain")
    await put(api, "odd", rules=[{"condition": {"kind": "segment", "segment": "strange"}}])
    refused = await ask(api, "GET", "flags/export?format=flagd", status=409)
    assert [each["name"] for each in refused["left_out"]] == ["odd", "strange"]
    document = await ask(api, "GET", "flags/export?format=flagd&skip=true")
    assert list(document["flags"]) == ["plain"]
    assert [each["kind"] for each in document["annals"]["skipped"]] == ["flag", "segment"]


@pytest.mark.parametrize("form", FORMS)
async def test_rules_come_back_in_their_shape(api: Api, form: str) -> None:
    nested = {"kind": "any", "of": [NORWAY, {"kind": "all", "of": [BETA]}]}
    variants = [
        {"name": "blue", "weight": 1000, "payload": {"type": "string", "value": "b"}},
        {"name": "green", "weight": 0, "payload": {"type": "string", "value": "g"}},
    ]
    rules = [{"id": "nested", "condition": nested, "serve": "green"}, {"id": "rest"}]
    await put(api, "nested", kind="string", rules=rules, variants=variants)
    if form != "format=flagd":
        await put(api, "share", rollout=37)
    await put(api, "nobody", rollout=0)
    document = await ask(api, "GET", f"flags/export?{form}")
    async with opened_api() as there:
        answer = await taken(there, form, document)
        assert answer["warnings"] == []
        for key in ("nested", "nobody", *(["share"] if form != "format=flagd" else [])):
            before = await ask(api, "GET", f"flags/{key}")
            after = await ask(there, "GET", f"flags/{key}")
            for said in ("enabled", "rollout", "rules", "variants"):
                assert after[said] == before[said], (key, said)


@pytest.mark.parametrize("form", FORMS[1:])
async def test_what_was_changed_in_a_document_counts(api: Api, form: str) -> None:
    await put(api, "beta", rollout=0)
    document = await ask(api, "GET", f"flags/export?{form}")
    assert document["annals"]["shapes"] == {"beta": {"rollout": 0}}
    if form == "format=flagd":
        document["flags"]["beta"] |= {"variants": {"on": True}, "defaultVariant": "on"}
    else:
        document["features"][0]["strategies"][0]["parameters"]["rollout"] = "100"
    async with opened_api() as there:
        answer = await taken(there, form, document)
        [warning] = answer["warnings"]
        assert (warning["pointer"], warning["code"]) == ("/document/annals/shapes/beta", "shape")
        found = await ask(there, "POST", "flags/beta/evaluate", {"context": {"userId": "7"}})
        assert found["enabled"] is True


@pytest.mark.parametrize(
    "shape",
    [7, {"rollout": "all"}, {"rollout": 700}, {"rules": [{"strategy": "none"}]}, {"rules": [3]}],
)
async def test_shapes_that_are_none_break_nothing(api: Api, shape: Any) -> None:
    document = {"version": 2, "features": [{"name": "beta", "enabled": True, "strategies": []}]}
    document["annals"] = {"shapes": {"beta": shape, "nobody": {}}}
    answer = await taken(api, "", document)
    assert {each["pointer"] for each in answer["warnings"]} == {
        "/document/annals/shapes/beta",
        "/document/annals/shapes/nobody",
    }
    found = await ask(api, "POST", "flags/beta/evaluate", {"context": {"userId": "7"}})
    assert found["enabled"] is True
