"""Schemas over HTTP, on ports in memory: publish, look, and hold values against them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http_platform import OWNER, Api, opened_api

ORDER = {
    "type": "object",
    "required": ["id", "lines"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "mail": {"type": "string", "format": "email"},
        "lines": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    },
    "additionalProperties": False,
}
PATH = "/v1/schemas/order"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as api:
        answer = await api.owner("PUT", PATH, {"schema": ORDER, "compatibility": "backward"})
        assert answer.status_code == 201
        yield api


async def send(api: Api, path: str, text: str, media_type: str = "application/json") -> Any:
    headers = {"authorization": f"Bearer {OWNER}", "content-type": media_type}
    return await api.http.post(path, content=text.encode(), headers=headers)


async def codes(api: Api, value: str) -> list[tuple[str, str]]:
    answer = await send(api, f"{PATH}/validate", f'{{"value":{value}}}')
    assert answer.status_code == 200, answer.text
    verdict = answer.json()
    assert verdict["valid"] == (not verdict["errors"])
    return [(each["pointer"], each["code"]) for each in verdict["errors"]]


async def test_a_version_is_shown_with_its_exact_text(api: Api) -> None:
    text = '{"maximum":1e400,"const":0.1234567890123456789012345}'
    headers = {"authorization": f"Bearer {OWNER}", "content-type": "application/json"}
    body = f'{{"schema":{text}}}'.encode()
    answer = await api.http.put("/v1/schemas/exact", content=body, headers=headers)
    assert (answer.status_code, answer.json()["version"]) == (201, 1)
    assert answer.headers["location"] == "/v1/schemas/exact/versions/1"
    assert text in (await api.owner("GET", "/v1/schemas/exact")).text
    assert text in (await api.owner("GET", "/v1/schemas/exact/versions/1")).text


async def test_the_same_again_is_no_new_version(api: Api) -> None:
    again = dict(reversed(ORDER.items()))
    answer = await api.owner("PUT", PATH, {"schema": again})
    assert (answer.status_code, answer.json()) == (
        200,
        {"name": "order", "version": 1, "compatibility": "backward"},
    )
    assert len((await api.owner("GET", f"{PATH}/history")).json()["items"]) == 1


async def test_what_breaks_compatibility_is_named_and_nothing_changes(api: Api) -> None:
    stricter = {**ORDER, "required": ["id", "lines", "mail"]}
    answer = await api.owner("PUT", PATH, {"schema": stricter})
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "/problems/schema-incompatible"
    assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
        ("/required", "required-added")
    ]
    assert (await api.owner("GET", PATH)).json()["versions"] == 1


async def test_versions_are_numbered_and_stay_as_they_were(api: Api) -> None:
    wider = {**ORDER, "required": ["id"]}
    published = await api.owner("PUT", PATH, {"schema": wider})
    assert published.json()["version"] == 2
    listed = (await api.owner("GET", f"{PATH}/versions?limit=1")).json()
    assert [each["version"] for each in listed["items"]] == [1]
    more = (await api.owner("GET", f"{PATH}/versions?cursor={listed['next']}")).json()
    assert ([each["version"] for each in more["items"]], more["next"]) == ([2], None)
    assert (await api.owner("GET", f"{PATH}/versions/1")).json()["schema"] == ORDER
    assert (await api.owner("GET", f"{PATH}?version=1")).json()["schema"] == ORDER
    assert (await api.owner("GET", PATH)).json()["schema"] == wider
    assert (await api.owner("GET", f"{PATH}/versions/3")).status_code == 404
    assert (await api.owner("GET", f"{PATH}/versions/one")).status_code == 404
    first = (await api.owner("GET", f"{PATH}/history")).json()["items"][0]["position"]
    assert (await api.owner("GET", f"{PATH}?position={first}")).json()["version"] == 1


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ('{"schema":{"type":"nope"}}', [("/schema/type", "anyOf")]),
        ('{"schema":{"type":"string","type":"null"}}', [("/schema/type", "duplicate-key")]),
        ('{"schema":{"maximum":NaN}}', [("/schema/maximum", "not-finite")]),
        ('{"schema":7}', [("/schema", "type")]),
        ('{"schema":true,"compatibility":"sideways"}', [("/compatibility", "enum")]),
        ('{"schema":true,"kind":1}', [("/kind", "unknown")]),
        ("{}", [("/schema", "required")]),
        ('{"schema":{"$ref":"http://127.0.0.1:1/x"}}', [("/schema", "reference")]),
        ('{"schema":{"$ref":"#/nowhere"}}', [("/schema", "reference")]),
        ('{"schema":{"pattern":"("}}', [("/schema/pattern", "pattern")]),
        ('{"schema":{"pattern":"((a{100}){100}){100}"}}', [("/schema/pattern", "pattern")]),
        (
            '{"schema":{"$schema":"http://json-schema.org/draft-07/schema#"}}',
            [("/schema/$schema", "dialect")],
        ),
    ],
)
async def test_what_is_no_schema_is_refused_where_it_is_wrong(
    api: Api, body: str, faults: list[tuple[str, str]]
) -> None:
    headers = {"authorization": f"Bearer {OWNER}", "content-type": "application/json"}
    answer = await api.http.put(PATH, content=body.encode(), headers=headers)
    assert answer.status_code == 422, answer.text
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == faults


async def test_every_fault_of_a_value_is_told(api: Api) -> None:
    found = await codes(api, '{"id":0,"mail":"nobody","lines":[1,"a"],"x/y":1}')
    assert sorted(found) == [
        ("/id", "minimum"),
        ("/lines/0", "anyOf"),
        ("/mail", "format"),
        ("/x~1y", "additionalProperties"),
    ]
    assert await codes(api, '{"id":1,"lines":[null]}') == []


async def test_a_fault_says_what_came_and_what_was_wanted(api: Api) -> None:
    answer = await send(api, f"{PATH}/validate", '{"value":{"id":"7","lines":[]}}')
    assert answer.json() == {
        "valid": False,
        "errors": [
            {
                "pointer": "/id",
                "code": "type",
                "params": {"expected": ["integer"]},
                "detail": "must be integer",
                "received": "string",
            }
        ],
    }


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ('{"id":1,"lines":[],"id":2}', ("/id", "duplicate-key")),
        ('{"id":NaN,"lines":[]}', ("/id", "not-finite")),
        ('{"id":-Infinity,"lines":[]}', ("/id", "not-finite")),
        ('{"id":1e99999,"lines":[]}', ("/id", "number")),
        (f'{{"id":{"9" * 5000},"lines":[]}}', ("", "number")),
        ('{"id":1,"lines":["\\ud800"]}', ("/lines/0", "surrogate")),
        ("[" * 70 + "]" * 70, ("", "depth")),
        (f'"{"x" * 1_048_576}"', ("", "size")),
    ],
)
async def test_what_no_reader_may_rely_on_has_a_code_of_its_own(
    api: Api, value: str, fault: tuple[str, str]
) -> None:
    assert await codes(api, value) == [fault]


async def test_large_numbers_are_compared_exactly(api: Api) -> None:
    limit = 2**70
    await api.owner("PUT", "/v1/schemas/big", {"schema": {"maximum": 0}})
    headers = {"authorization": f"Bearer {OWNER}", "content-type": "application/json"}
    body = f'{{"schema":{{"type":"integer","maximum":{limit}}}}}'.encode()
    await api.http.put("/v1/schemas/big", content=body, headers=headers)
    for value, valid in ((limit, True), (limit + 1, False), ("1e21", True), ("1.5e21", False)):
        answer = await send(api, "/v1/schemas/big/validate", f'{{"value":{value}}}')
        assert answer.json()["valid"] == valid, value


async def test_a_tree_has_the_shape_of_the_value(api: Api) -> None:
    body = '{"value":{"id":0,"lines":[1]}}'
    tree = (await send(api, f"{PATH}/validate?view=tree", body)).json()["tree"]
    assert [each["code"] for each in tree["members"]["id"]["errors"]] == ["minimum"]
    (item,) = tree["members"]["lines"]["members"]["0"]["errors"]
    assert [[each["code"] for each in branch] for branch in item["alternatives"]] == [
        ["type"],
        ["type"],
    ]


async def test_a_form_has_sentences_by_field(api: Api) -> None:
    body = '{"value":{"id":0}}'
    form = (await send(api, f"{PATH}/validate?view=form", body)).json()["form"]
    assert form == {
        "form": [],
        "fields": {"/id": ["must be at least 1"], "/lines": ["is required"]},
    }


async def test_many_values_are_judged_line_by_line(api: Api) -> None:
    lines = '{"id":1,"lines":[]}\n\n{"id":0,"lines":[]}\nnot json\n{"id":1,"lines":[],"id":1}'
    answer = await send(api, f"{PATH}/validate", lines, "application/x-ndjson")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["annals-validated"] == "lines=4, valid=1, invalid=3"
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [(each["line"], [e["code"] for e in each["errors"]]) for each in found] == [
        (1, []),
        (3, ["minimum"]),
        (4, ["json"]),
        (5, ["duplicate-key"]),
    ]
    only = await send(api, f"{PATH}/validate?only=invalid", lines, "application/x-ndjson")
    assert [json.loads(line)["line"] for line in only.text.splitlines()] == [3, 4, 5]


@pytest.mark.parametrize(
    ("text", "status"),
    [("{", 400), ("", 400), ("[]", 422), ('{"value":1,"value":2}', 422), ('{"other":1}', 422)],
)
async def test_a_body_without_one_value_is_refused(api: Api, text: str, status: int) -> None:
    answer = await send(api, f"{PATH}/validate", text)
    assert answer.status_code == status, answer.text


async def test_a_value_cannot_be_held_against_nothing(api: Api) -> None:
    for path in ("/v1/schemas/other/validate", f"{PATH}/validate?version=9"):
        assert (await send(api, path, '{"value":1}')).status_code == 404
    assert (await send(api, f"{PATH}/validate", "1", "text/plain")).status_code == 415


async def test_a_draft_is_not_tried_on_what_never_was(api: Api) -> None:
    body = {"schema": {}, "actions": ["shpi"], "sources": ["shop"]}
    refused = await api.owner("POST", f"{PATH}/try", body)
    assert refused.status_code == 422
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        ("/actions/0", "no-such-action"),
        ("/sources/0", "no-such-source"),
    ]
