"""Segments as Unleash's SDKs are served them: as their engine can read them."""

import pytest
from yggdrasil_engine.engine import UnleashEngine

from tests.support.http_platform import Api, opened_api

CONSTRAINT = {"kind": "constraint", "operator": "IN"}
FOLDED = {**CONSTRAINT, "field": "country", "values": ["no"], "case_insensitive": True}
BACKSLASH = {**CONSTRAINT, "field": "path", "values": ["a\\"]}
QUOTE = {**CONSTRAINT, "field": 'a"b', "values": ["x"]}
NAMED = {"kind": "segment"}


async def define(api: Api, name: str, condition: object) -> None:
    """A segment, and a flag of the same name for those in it."""
    for path, body in (
        (f"segments/{name}", {"condition": condition}),
        (f"flags/{name}", {"enabled": True, "rules": [{"condition": {**NAMED, "segment": name}}]}),
    ):
        assert (await api.owner("PUT", f"/v1/{path}", body)).status_code == 201


@pytest.mark.parametrize("country", ["no", "NO", "SE"])
async def test_case_is_folded_there_too(country: str) -> None:
    async with opened_api() as api:
        await define(api, "folded", FOLDED)
        engine = UnleashEngine()
        engine.take_state((await api.owner("GET", "/api/client/features")).text)
        context = {"properties": {"country": country}}
        asked = await api.owner("POST", "/v1/flags/folded/evaluate", {"context": context})
    assert engine.is_enabled("folded", context).is_enabled == asked.json()["enabled"]


async def test_what_it_cannot_read_is_not_served_to_it() -> None:
    async with opened_api() as api:
        for name, condition in (("folded", FOLDED), ("backslash", BACKSLASH), ("quote", QUOTE)):
            await define(api, name, condition)
        served = (await api.owner("GET", "/api/client/features")).json()
    assert [each["name"] for each in served["features"]] == ["folded"]
    assert [each["name"] for each in served["segments"]] == ["folded"]
