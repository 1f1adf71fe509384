"""Whether this process lives, whether it can work, and its numbers for Prometheus."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Literal

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.operations import ANYONE, operation
from adapters.telemetry.metrics import CONTENT_TYPE

PATIENCE = 2.0  # seconds that a check may take


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether requests can be served; `checks` says of each thing "ok" or what is wrong."""

    status: Literal["ready", "draining", "not ready"]
    checks: dict[str, str]


@operation("GET", "/health", needs=ANYONE, answers={200: Alive})
async def get_health(call: Call) -> Answer:
    """Whether the process lives; it asks nothing else, so that an outage restarts nobody."""
    del call
    return json_answer(Alive())


@operation("GET", "/health/ready", needs=ANYONE, answers={200: Readiness, 503: Readiness})
async def get_readiness(call: Call) -> Answer:
    """Whether the process can serve requests, and what is missing where it cannot."""
    platform = call.platform
    asked = {"postgres": platform.store.tail(), "redis": platform.redis.execute("PING")}
    results = await asyncio.gather(*map(_ask, asked.values()))
    checks = dict(zip(asked, results, strict=True))
    if platform.draining.has_begun:
        return json_answer(Readiness(status="draining", checks=checks), 503)
    if any(result != "ok" for result in results):
        return json_answer(Readiness(status="not ready", checks=checks), 503)
    return json_answer(Readiness(status="ready", checks=checks))


async def _ask(question: Awaitable[Any]) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            await question
    except Exception as error:  # noqa: BLE001 - a check that fails tells just that
        return f"does not answer ({type(error).__name__})"
    return "ok"


@operation(
    "GET",
    "/metrics",
    needs="metrics:read",
    scraped=True,
    answers={200: str},
    media_type="text/plain; version=0.0.4",
)
async def get_metrics(call: Call) -> Answer:
    """The numbers of all processes together, in Prometheus's text format."""
    text = await asyncio.to_thread(call.platform.metrics.render)
    return Answer(200, text, media_type=CONTENT_TYPE)


OPERATIONS = (get_health, get_readiness, get_metrics)
