"""Flags that were exported and are imported again: switched off is not forgotten."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.http_platform import Api, opened_api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with opened_api() as opened:
        yield opened


async def ask(api: Api, method: str, path: str, body: Any = None) -> Any:
    answer = await api.owner(method, f"/v1/{path}", body)
    assert answer.is_success, answer.text
    return answer.json()


async def copied(api: Api, there: Api, **more: Any) -> Any:
    document = await ask(api, "GET", "flags/export")
    body = {"format": "unleash", "document": document, **more}
    return await ask(there, "POST", "flags/import", body)


@pytest.mark.parametrize("switched", [["kill"], ["archive"], ["kill", "archive"]])
async def test_what_is_switched_off_is_on_again_afterwards(api: Api, switched: list[str]) -> None:
    await ask(api, "PUT", "flags/beta", {"enabled": True})
    for switch in switched:
        await ask(api, "POST", f"flags/beta/{switch}", {} if switch == "kill" else None)
    assert (await copied(api, api, dry_run=True))["plan"] == {}
    async with opened_api() as there:
        await copied(api, there)
        shown = await ask(there, "GET", "flags/beta")
        assert shown["killed"] == ("kill" in switched)
        assert shown["archived"] == ("archive" in switched)
        assert not (await ask(there, "POST", "flags/beta/evaluate", {}))["enabled"]
        for switch in reversed(switched):
            back = {"kill": "release", "archive": "revive"}[switch]
            await ask(there, "POST", f"flags/beta/{back}")
        assert (await ask(there, "POST", "flags/beta/evaluate", {}))["enabled"]


async def test_no_import_takes_a_kill_switch_back(api: Api) -> None:
    await ask(api, "PUT", "flags/beta", {"enabled": True})
    document = await ask(api, "GET", "flags/export")
    await ask(api, "POST", "flags/beta/kill", {})
    body = {"format": "unleash", "document": document, "mode": "replace"}
    await ask(api, "POST", "flags/import", body)
    assert (await ask(api, "GET", "flags/beta"))["killed"]
