"""An experiment on a flag of two variants, over a platform in memory."""

from typing import Any

from domain.experiments.observations import ExperimentExposed
from tests.support.http_platform import Api, MemoryPlatform

VARIANTS = [
    {"name": "red", "weight": 500, "stickiness": "userId"},
    {"name": "blue", "weight": 500, "stickiness": "userId"},
]
BODY = {"flag": "checkout", "control": "red", "metrics": [{"key": "bought"}]}
PATH = "/v1/experiments/buttons"


async def define_flag(api: Api, **change: Any) -> None:
    body = {"enabled": True, "rules": [{}], "variants": VARIANTS, **change}
    answer = await api.owner("PUT", "/v1/flags/checkout", body)
    assert answer.status_code in (200, 201), answer.text


async def define(api: Api, path: str = PATH, **change: Any) -> dict[str, Any]:
    answer = await api.owner("PUT", path, {**BODY, **change})
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def start(api: Api, path: str = PATH) -> None:
    assert (await api.owner("POST", f"{path}/start")).status_code == 200


async def evaluate(api: Api, user: str, **change: Any) -> str:
    body = {"context": {"userId": user}, **change}
    answer = await api.owner("POST", "/v1/flags/checkout/evaluate", body)
    return str(answer.json()["variant"]["name"])


async def exposed(platform: MemoryPlatform) -> list[tuple[str, ExperimentExposed]]:
    await platform.recorder.record()
    stored = await platform.store.read_log(after=0, limit=10_000)
    mine = [each for each in stored if each.type == "experiment.exposed"]
    return [(each.tenant, each.event) for each in await platform.codec.decode(mine)]
