"""Acknowledgements of webhooks at 500 a second, beside everything that they cause.

`annals up` runs everything on this machine, its access log on. A provider sends messages of 1 KB,
each another one and signed by Standard Webhooks; each is verified, sealed, recorded, answered, and
then queues a job that writes a line. So that the machine's own pace is known, `GET /health` is
asked at the same pace in the same minute. Then a thousand copies of one message come at once.
"""

import asyncio
import base64
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import msgspec
from standardwebhooks.webhooks import Webhook

from adapters.postgres.connect import connect
from benchmarks.jobs import outcomes
from benchmarks.paced_load import PacedLoad, PacedResult, send_apart
from benchmarks.report import Row, Section
from features.driver import Annals
from tests.support.platform import Platform
from tests.support.services import Services

PACE = 500.0  # a second
SECONDS = 10.0
CONNECTIONS = 32
COPIES, COPYISTS = 1000, 16
GOAL = 25.0  # milliseconds
SECRET = "whsec_" + base64.b64encode(b"benchmarks have one, too").decode()


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One after the other; `jobs` is how many jobs a second ended until the last one had."""

    acknowledged: PacedResult
    health: PacedResult
    jobs: float


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """All rounds, and what a thousand copies came to."""

    rounds: list[Round]
    copies: PacedResult
    effects: int


def message(path: str, number: str, *, size: int = 1000) -> bytes:
    """A signed request as bytes."""
    body = json.dumps({"id": number, "text": "x" * (size - 40)})
    at = datetime.now(UTC)
    signature = Webhook(SECRET).sign(number, at, body)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: annals\r\ncontent-type: application/json\r\n"
        f"webhook-id: {number}\r\nwebhook-timestamp: {int(at.timestamp())}\r\n"
        f"webhook-signature: {signature}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def measure(services: Services, *, rounds: int = 3, seconds: float = SECONDS) -> Acknowledged:
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as directory:
        database = services.new_database(migrated=False)
        data = Path(directory) / "data"
        platform = Platform(data, DATABASE_URL=database, REDIS_URL=services.redis_url)
        platform.start()
        driver = platform.driver()
        try:
            path = prepared(driver)
            _round(driver, database, path, "warm", seconds=1.0)
            found = [
                _round(driver, database, path, f"round{n}", seconds=seconds) for n in range(rounds)
            ]
            copies, effects = _copies(driver, database, path)
        finally:
            driver.close()
            platform.stop()
    return Acknowledged(rounds=found, copies=copies, effects=effects)


def prepared(driver: Annals) -> str:
    """An action that writes a line, and a source that runs it; the address."""
    driver.define_action("bench", "", input_schema=None, executor={"kind": "log"})
    body = {
        "preset": "standard-webhooks",
        "secrets": [SECRET],
        "target": {"kind": "action", "name": "bench"},
    }
    answer = driver.as_owner("PUT", "/v1/webhooks/sources/bench", body)
    return str(answer.json()["url"])


def _round(driver: Annals, database: str, path: str, name: str, *, seconds: float) -> Round:
    count = int(PACE * seconds)
    before = asyncio.run(_tail(database))
    began = time.perf_counter()
    acknowledged = _sent(driver, [message(path, f"{name}-{n}") for n in range(count)])
    assert acknowledged.statuses == {"202": count}, acknowledged.statuses
    asyncio.run(_ended(database, before, count))
    jobs = count / (time.perf_counter() - began)
    health = _sent(driver, [b"GET /health HTTP/1.1\r\nhost: annals\r\n\r\n"] * count)
    return Round(acknowledged=acknowledged, health=health, jobs=jobs)


def _copies(driver: Annals, database: str, path: str) -> tuple[PacedResult, int]:
    before = asyncio.run(_tail(database))
    copies = _sent(driver, [message(path, "copied")] * COPIES, pace=1e6, connections=COPYISTS)
    assert copies.statuses == {"202": COPIES}, copies.statuses
    asyncio.run(_ended(database, before, 1))
    return copies, asyncio.run(_queued(database, before))


def _sent(
    driver: Annals, requests: list[bytes], *, pace: float = PACE, connections: int = CONNECTIONS
) -> PacedResult:
    host, _, port = urlsplit(driver.url).netloc.partition(":")
    return send_apart(
        PacedLoad(
            host=host,
            port=int(port),
            requests=requests,
            connections=connections,
            per_second=pace,
        )
    )


async def _tail(database: str) -> int:
    return await _number(database, "SELECT coalesce(max(position), 0) FROM annals.events")


async def _queued(database: str, after: int) -> int:
    sql = "SELECT count(*) FROM annals.events WHERE type = 'job.queued' AND position > $1"
    return await _number(database, sql, after)


async def _number(database: str, sql: str, *values: int) -> int:
    connection = await connect(database, role="annals_reader")
    try:
        return int(await connection.fetchval(sql, *values))
    finally:
        await connection.close()


async def _ended(database: str, before: int, count: int) -> None:
    connection = await connect(database, role="annals_reader")
    try:
        await outcomes(connection, before, count)
    finally:
        await connection.close()


def section(found: Acknowledged) -> Section:
    """The lines of the report."""
    p50 = median(each.acknowledged.p50 for each in found.rounds)
    p99 = median(each.acknowledged.p99 for each in found.rounds)
    health = median(each.health.p99 for each in found.rounds)
    return Section(
        title="Webhooks at 500 a second, everything running",
        rows=[
            Row(
                what="verified, recorded and acknowledged, 1 KB each",
                figure=f"p50 {p50:.2f} ms, p99 {p99:.2f} ms",
                beside=f"GET /health p99 {health:.2f} ms",
                ratio=f"{p99 / health:.1f}x",
                goal=f"p99 under {GOAL:g} ms",
                met=p99 < GOAL,
            ),
            Row(
                what="meanwhile: each a job, to its outcome",
                figure=f"{median(each.jobs for each in found.rounds):,.0f} jobs/s",
            ),
            Row(
                what=f"{COPIES:,} copies over {COPYISTS} connections",
                figure=f"{found.effects} effect",
                beside=f"{found.copies.per_second:,.0f} answers/s",
                goal="1 effect",
                met=found.effects == 1,
            ),
        ],
    )
