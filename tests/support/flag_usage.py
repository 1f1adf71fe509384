"""Flags that are evaluated, and what was recorded of that."""

from typing import Any

from domain.flags.usage import FlagUsageCounted
from tests.support.http_platform import Api, MemoryPlatform

VARIANTS = [
    {"name": "blue", "weight": 1000, "payload": {"type": "string", "value": "#00f"}},
    {"name": "red", "weight": 0},
]


async def define(api: Api, key: str, **change: Any) -> None:
    answer = await api.owner("PUT", f"/v1/flags/{key}", {"enabled": True, **change})
    assert answer.status_code in (200, 201), answer.text


async def evaluate(api: Api, *keys: str, environment: str = "default", **change: Any) -> None:
    body = {"keys": keys or None, "environment": environment, **change}
    answer = await api.owner("POST", "/v1/flags/evaluate", body)
    assert answer.status_code == 200, answer.text


async def recorded(platform: MemoryPlatform) -> list[tuple[str, FlagUsageCounted]]:
    """What was recorded, with the tenants, in order."""
    stored = await platform.store.read_log(after=0, limit=10_000)
    mine = [each for each in stored if each.type == "flag.usage_counted"]
    return [(each.tenant, each.event) for each in await platform.codec.decode(mine)]
