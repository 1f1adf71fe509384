"""Acknowledgements of webhooks at 500 a second, beside everything that they cause.

`annals up` runs everything on this machine, its access log on. A provider sends messages of 1 KB,
each another one and signed by Standard Webhooks; each is verified, sealed, recorded and answered,
and a worker then writes a line, or queues a job that does. So that the machine's own pace is known,
`GET /health` is asked at the same pace in the same minute. Then a thousand copies of one message
come at once.
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
from benchmarks.load import middle
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


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one source; `ended` is how many a second had their effect, until the last one."""

    acknowledged: PacedResult
    ended: float


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One after the other: to a source with either target, and to nobody."""

    log: Sent
    action: Sent
    health: PacedResult


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
            provider = Provider(driver, database)
            provider.round("warm", int(PACE))
            count = int(PACE * seconds)
            found = [provider.round(f"round{number}", count) for number in range(rounds)]
            copies, effects = provider.copies()
        finally:
            driver.close()
            platform.stop()
    return Acknowledged(rounds=found, copies=copies, effects=effects)


class Provider:
    """Sends to two sources: one that writes lines, and one that runs an action."""

    def __init__(self, driver: Annals, database: str) -> None:
        self._driver = driver
        self._database = database
        driver.define_action("bench", "", input_schema=None, executor={"kind": "log"})
        self._to_log = self._source("to-log", {"kind": "log"})
        self._to_action = self._source("to-action", {"kind": "action", "name": "bench"})

    def _source(self, name: str, target: dict[str, str]) -> str:
        body = {"preset": "standard-webhooks", "secrets": [SECRET], "target": target}
        return str(self._driver.as_owner("PUT", f"/v1/webhooks/sources/{name}", body).json()["url"])

    def round(self, name: str, count: int) -> Round:
        health = [b"GET /health HTTP/1.1\r\nhost: annals\r\n\r\n"] * count
        return Round(
            log=self._messages(self._to_log, f"{name}-log", count, "webhook.processed"),
            action=self._messages(self._to_action, f"{name}-action", count, "job.succeeded"),
            health=self._sent(health),
        )

    def copies(self) -> tuple[PacedResult, int]:
        """A thousand at once, and how many jobs came of it."""
        before = asyncio.run(_tail(self._database))
        copy = message(self._to_action, "copied")
        copies = self._sent([copy] * COPIES, pace=1e6, connections=COPYISTS)
        assert copies.statuses == {"202": COPIES}, copies.statuses
        asyncio.run(_ended(self._database, "job.succeeded", before, 1))
        return copies, asyncio.run(_count(self._database, "job.queued", before))

    def _messages(self, path: str, name: str, count: int, effect: str) -> Sent:
        before = asyncio.run(_tail(self._database))
        messages = [message(path, f"{name}-{number}") for number in range(count)]
        began = time.perf_counter()
        acknowledged = self._sent(messages)
        assert acknowledged.statuses == {"202": count}, acknowledged.statuses
        asyncio.run(_ended(self._database, effect, before, count))
        ended = count / (time.perf_counter() - began)
        return Sent(acknowledged=acknowledged, ended=ended)

    def _sent(
        self, requests: list[bytes], *, pace: float = PACE, connections: int = CONNECTIONS
    ) -> PacedResult:
        host, _, port = urlsplit(self._driver.url).netloc.partition(":")
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


async def _count(database: str, type_: str, after: int) -> int:
    sql = "SELECT count(*) FROM annals.events WHERE type = $1 AND position > $2"
    return await _number(database, sql, type_, after)


async def _ended(database: str, type_: str, after: int, count: int) -> None:
    """Wait until there are so many events of a type behind a position."""
    while await _count(database, type_, after) < count:  # noqa: ASYNC110 - another process's events
        await asyncio.sleep(0.05)


async def _number(database: str, sql: str, *values: object) -> int:
    connection = await connect(database, role="annals_reader")
    try:
        return int(await connection.fetchval(sql, *values))
    finally:
        await connection.close()


def section(found: Acknowledged) -> Section:
    """The lines of the report."""
    health = median(each.health.p99 for each in found.rounds)
    rows = []
    for name, what in (("log", "then a line in the log"), ("action", "then a job, to its end")):
        sent: list[Sent] = [getattr(each, name) for each in found.rounds]
        figure = middle([each.acknowledged for each in sent])
        ended = median(each.ended for each in sent)
        rows.append(
            Row(
                what=f"verified, recorded, acknowledged; {what}",
                figure=f"p50 {figure.p50:.2f} ms, p99 {figure.p99:.2f} ms; {ended:,.0f}/s ended",
                beside=f"GET /health p99 {health:.2f} ms",
                ratio=f"{figure.p99 / health:.1f}x",
                goal=f"p99 under {GOAL:g} ms",
                met=figure.p99 < GOAL,
            )
        )
    rows.append(
        Row(
            what=f"{COPIES:,} copies over {COPYISTS} connections",
            figure=f"{found.effects} effect",
            beside=f"{found.copies.per_second:,.0f} answers/s",
            goal="1 effect",
            met=found.effects == 1,
        )
    )
    return Section(title="Webhooks of 1 KB, 500 a second, everything running", rows=rows)
