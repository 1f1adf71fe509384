"""Flags over HTTP: OFREP and fifty at once beside a no-op, ten thousand flags, and news.

One API process serves them, with its access log on; the load comes from a process of its own.
Projector, worker and scheduler do not run meanwhile. Each flag has three rules: two constraints,
one of them with a segment's worth of values, and a rollout. Then ten thousand flags of the same
shape are imported in another environment, and evaluated all at once. News are timed from the
command's request to the arrival at each of the open streams of two API processes.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import httpx
import msgspec
import psutil

from benchmarks.commands import until_ready
from benchmarks.http_load import Load, Result, post, send_apart
from benchmarks.http_server import LITESTAR
from benchmarks.load import middle
from benchmarks.report import Row, Section
from benchmarks.servers import Installation, installed, running
from features.driver import Annals
from tests.support.platform import free_port
from tests.support.services import Services

CONNECTIONS = 32
SECONDS = 3.0
AT_ONCE = 50
MANY = 10_000
STREAMS, CHANGES = 25, 200
CONTEXT = {"targetingKey": "7", "country": "NO", "plan": "pro", "environment": "default"}


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One after the other, in the same minute on the same server."""

    single: Result
    together: Result
    litestar: Result


class Many(msgspec.Struct, frozen=True, kw_only=True):
    """Ten thousand flags: milliseconds to evaluate them all over HTTP, and what they take in MB."""

    milliseconds: float
    megabytes: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Everything; `news` are seconds to the arrival at each stream."""

    rounds: list[Round]
    many: Many
    news: list[float]


def document(count: int) -> dict[str, Any]:
    """Flags of three rules in Unleash's form."""
    countries = {"contextName": "country", "operator": "IN", "values": ["DK", "SE", "FI"]}
    version = {"contextName": "version", "operator": "SEMVER_GT", "value": "2.0.0"}
    rollout = {"rollout": "50", "stickiness": "default", "groupId": "all"}
    strategies = [
        {"name": "default", "constraints": [countries]},
        {"name": "default", "constraints": [version]},
        {"name": "flexibleRollout", "parameters": rollout},
    ]
    features = [
        {"name": f"flag-{number}", "enabled": True, "strategies": strategies}
        for number in range(count)
    ]
    return {"version": 2, "features": features}


def imported(driver: Annals, count: int, environment: str) -> None:
    body = {"format": "unleash", "environment": environment, "document": document(count)}
    response = driver.as_owner("POST", "/v1/flags/import", body)
    assert response.status_code == 200, response.text[:500]


@contextmanager
def api(installation: Installation) -> Iterator[tuple[int, Annals]]:
    """An API of an installation; its port and a client of it."""
    port = free_port()
    with running("benchmarks.http_server", env={**installation.env, "PORT": str(port)}):
        driver = Annals(f"http://127.0.0.1:{port}", installation.owner_key)
        until_ready(driver.url)
        yield port, driver
        driver.close()


def measure(services: Services, *, rounds: int = 3) -> Measured:
    with installed(services) as installation, ExitStack() as stack:
        port, driver = stack.enter_context(api(installation))
        imported(driver, AT_ONCE, "default")
        found = _paces(port, driver, rounds)
        other, _ = stack.enter_context(api(installation))
        news = _news(driver, [port, other])
        return Measured(rounds=found, many=_many(installation, driver), news=news)


def _paces(port: int, driver: Annals, rounds: int) -> list[Round]:
    keys = [f"flag-{number}" for number in range(AT_ONCE)]
    together = json.dumps({"environment": "default", "keys": keys, "context": CONTEXT})
    requests = {
        "single": post(
            "/ofrep/v1/evaluate/flags/flag-7",
            json.dumps({"context": CONTEXT}).encode(),
            driver.owner,
        ),
        "together": post("/v1/flags/evaluate", together.encode(), driver.owner),
        "litestar": post(LITESTAR, b'{"input":{"to":"ada"}}'),
    }

    def sent(name: str, seconds: float) -> Result:
        load = Load(
            host="127.0.0.1",
            port=port,
            requests=[requests[name]],
            connections=CONNECTIONS,
            seconds=seconds,
        )
        result = send_apart(load)
        assert set(result.statuses) <= {"200", "202"}, result.statuses
        return result

    for name in requests:
        sent(name, 0.5)
    return [Round(**{name: sent(name, SECONDS) for name in requests}) for _ in range(rounds)]


def _many(installation: Installation, importer: Annals) -> Many:
    """Import them, then let a process that has just started load and evaluate them."""
    imported(importer, MANY, "many")
    body = {"environment": "many", "context": CONTEXT}
    with api(installation) as (port, driver):
        before = _memory(port)
        taken = []
        for _ in range(12):
            began = time.perf_counter()
            response = driver.as_owner("POST", "/v1/flags/evaluate", body)
            taken.append(1000 * (time.perf_counter() - began))
            assert len(response.json()["flags"]) == MANY
        return Many(milliseconds=median(taken[2:]), megabytes=_memory(port) - before)


def _memory(port: int) -> float:
    """MB that the processes behind a port hold."""
    holders = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN"
    }
    return sum(psutil.Process(pid).memory_info().rss for pid in holders if pid) / 1e6


class Listener(threading.Thread):
    """One open stream: when each event came."""

    def __init__(self, port: int, driver: Annals) -> None:
        super().__init__(daemon=True)
        self.arrivals: list[float] = []
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {driver.owner}"},
            trust_env=False,
            timeout=30.0,
        )
        self.news = threading.Condition()
        self.open = threading.Event()

    def arrival(self, number: int) -> float:
        """When the event of this number came."""
        with self.news:
            if not self.news.wait_for(lambda: len(self.arrivals) > number, 30):
                raise RuntimeError("a change was not told")
            return self.arrivals[number]

    def run(self) -> None:
        with self._client.stream("GET", "/ofrep/v1/stream") as response:
            for line in response.iter_lines():
                self.open.set()
                if line.startswith("data:"):
                    with self.news:
                        self.arrivals.append(time.perf_counter())
                        self.news.notify_all()


def _news(driver: Annals, ports: list[int]) -> list[float]:
    listeners = [Listener(ports[nth % len(ports)], driver) for nth in range(STREAMS * len(ports))]
    for listener in listeners:
        listener.start()
    for listener in listeners:
        listener.open.wait(30)
    taken: list[float] = []
    for nth in range(CHANGES):
        path = f"/v1/flags/flag-0/{'disable' if nth % 2 == 0 else 'enable'}"
        began = time.perf_counter()
        assert driver.as_owner("POST", path).status_code == 200
        taken += [listener.arrival(nth) - began for listener in listeners]
    return taken


def section(found: Measured) -> Section:
    """The lines of the report."""
    single, together, litestar = (
        middle([getattr(each, name) for each in found.rounds])
        for name in ("single", "together", "litestar")
    )
    noop = f"Litestar's no-op {litestar.per_second:,.0f}/s"
    share = single.per_second / litestar.per_second
    late = sorted(found.news)[int(len(found.news) * 0.99)] * 1000
    return Section(
        title="Flags over HTTP",
        rows=[
            Row(
                what="OFREP, one flag of three rules",
                figure=f"{single.per_second:,.0f}/s",
                beside=noop,
                ratio=f"{share:.0%}",
                goal="60 %",
                met=share >= 0.6,
            ),
            Row(
                what=f"{AT_ONCE} flags at once",
                figure=f"{together.per_second:,.0f}/s",
                beside=noop,
                ratio=f"{together.per_second / litestar.per_second:.0%}",
                goal="4,000/s",
                met=together.per_second >= 4000,
            ),
            Row(
                what=f"{MANY:,} flags at once",
                figure=f"{found.many.milliseconds:.0f} ms, {found.many.megabytes:.0f} MB",
                goal="under 50 ms, 100 MB",
                met=found.many.milliseconds < 50 and found.many.megabytes < 100,
            ),
            Row(
                what=f"a change, at {2 * STREAMS} streams of two processes",
                figure=f"p50 {median(found.news) * 1000:.0f} ms, p99 {late:.0f} ms",
                goal="p99 under 250 ms",
                met=late < 250,
            ),
        ],
    )
