"""Documents of one kilobyte held against a schema: in bulk over HTTP, and what others notice.

`annals up` serves with one process; a client sends 10,000 documents in one request, again and
again. What counts is the processor time of the API's process, so that the other programs of a
shared machine do not: documents a second of one core. Then a bystander asks for `/health`, one
request after the other, while nothing else goes on and while the bulks do. Beside it stands the
bare validator over values that have been read already.
"""

import json
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any, Self

import httpx
import msgspec
import psutil

from adapters.schemas.validator import JsonSchemaValidator
from benchmarks.load import Figure, figure
from benchmarks.report import Row, Section
from domain import exact_json
from features.driver import Annals
from tests.support.platform import Platform
from tests.support.services import Services

DOCUMENTS = 10_000
ROUNDS = 5
GOAL = 10_000

_LINE = {
    "type": "object",
    "required": ["sku", "quantity"],
    "properties": {
        "sku": {"type": "string", "pattern": "^[A-Z]-[0-9]{4}$"},
        "quantity": {"type": "integer", "minimum": 1},
        "price": {"type": "number", "multipleOf": 0.01},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["id", "at", "customer", "lines"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "at": {"type": "string", "format": "date-time"},
        "customer": {
            "type": "object",
            "required": ["name", "email"],
            "properties": {"name": {"minLength": 1}, "email": {"format": "email"}},
        },
        "lines": {"type": "array", "minItems": 1, "items": _LINE},
    },
}


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Documents a second: of the API's processor time, as the client saw it, and of the validator.

    The bystander's latencies are in milliseconds.
    """

    per_core: float
    seen: float
    wrong_per_core: float
    bare: float
    quiet: Figure
    beside: Figure


def measure(services: Services) -> Judged:
    with tempfile.TemporaryDirectory(prefix="annals-bench-") as directory:
        platform = Platform(
            Path(directory) / "data",
            DATABASE_URL=services.new_database(migrated=False),
            REDIS_URL=services.redis_url,
        )
        platform.start()
        driver = platform.driver()
        try:
            answer = driver.as_owner("PUT", "/v1/schemas/bench", {"schema": SCHEMA})
            assert answer.status_code == 201, answer.text
            return _judged(driver, _api(platform))
        finally:
            driver.close()
            platform.stop()


def _judged(driver: Annals, api: psutil.Process) -> Judged:
    right = documents()
    wrong = documents(quantity=0)
    bulk(driver, api, right)  # warm
    found = [bulk(driver, api, right) for _ in range(ROUNDS)]
    with Bystander(driver.url) as bystander:
        time.sleep(2)  # what a quiet platform is like
    with Bystander(driver.url) as beside:
        for _ in range(3):
            bulk(driver, api, right)
    failed = [bulk(driver, api, wrong) for _ in range(3)]
    return Judged(
        per_core=median(each[0] for each in found),
        seen=median(each[1] for each in found),
        wrong_per_core=median(each[0] for each in failed),
        bare=_bare(right),
        quiet=bystander.figure(),
        beside=beside.figure(),
    )


def documents(quantity: int = 3) -> bytes:
    """So many different documents of one kilobyte, on a line each."""
    return b"\n".join(_document(number, quantity) for number in range(DOCUMENTS))


def _document(number: int, quantity: int) -> bytes:
    lines = [
        {"sku": f"A-{n:04}", "quantity": quantity, "price": 19.99, "note": "as ordered: blue"}
        for n in range(10)
    ]
    value: dict[str, Any] = {
        "id": f"0190f1c2-7b4a-7c3e-9f00-{number:012}",
        "at": "2026-01-02T03:04:05.678Z",
        "customer": {"name": "Ada Lovelace", "email": "ada@example.org", "age": 36},
        "lines": lines,
        "total": 123.45,
        "paid": True,
    }
    value["comment"] = "x" * (1010 - len(json.dumps(value)))
    return json.dumps(value).encode()


def bulk(driver: Annals, api: psutil.Process, body: bytes) -> tuple[float, float]:
    """Documents for each second of the API's processor time, and of the client's clock."""
    busy, began = _busy(api), time.perf_counter()
    answer = driver.http.post(
        "/v1/schemas/bench/validate?only=invalid",
        content=body,
        headers={
            "authorization": f"Bearer {driver.owner}",
            "content-type": "application/x-ndjson",
        },
    )
    took = time.perf_counter() - began
    assert answer.status_code == 200, answer.text
    assert f"lines={DOCUMENTS}," in answer.headers["annals-validated"]
    return DOCUMENTS / (_busy(api) - busy), DOCUMENTS / took


def _busy(process: psutil.Process) -> float:
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def _api(platform: Platform) -> psutil.Process:
    """The API's process, with its workers."""
    return min(platform.children("api"), key=psutil.Process.create_time)


def _bare(body: bytes) -> float:
    """Documents a second of the validator alone, over values that were read before."""
    values = [exact_json.read(line) for line in body.split(b"\n")]
    validator, document = JsonSchemaValidator(), json.dumps(SCHEMA)
    validator.check(document)
    began = time.process_time()
    for value in values:
        assert not validator.faults(document, value)
    return len(values) / (time.process_time() - began)


class Bystander:
    """Asks for the platform's health, one request after the other, on a thread of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._times: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._took = time.perf_counter() - self._began

    def figure(self) -> Figure:
        return figure(self._times, self._took)

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, trust_env=False) as http:
            while not self._ended.wait(0.002):
                began = time.perf_counter()
                http.get("/health")
                self._times.append(time.perf_counter() - began)


def section(found: Judged) -> Section:
    """The figures as lines of the table."""
    return Section(
        title="Documents of 1 KB against a schema, 10,000 in a request",
        rows=[
            Row(
                what="in bulk over HTTP, all valid",
                figure=f"{found.per_core:,.0f}/s of one core",
                beside=f"the validator alone {found.bare:,.0f}/s",
                ratio=f"{found.per_core / found.bare:.2f}x",
                goal=f"{GOAL:,}/s",
                met=found.per_core >= GOAL,
            ),
            Row(
                what="as the client sees it, one request at a time",
                figure=f"{found.seen:,.0f}/s",
            ),
            Row(
                what="ten faults in each, all told",
                figure=f"{found.wrong_per_core:,.0f}/s of one core",
            ),
            Row(
                what="another request meanwhile",
                figure=f"p50 {found.beside.p50:.1f} ms, p99 {found.beside.p99:.1f} ms",
                beside=f"on a quiet platform {found.quiet.p50:.1f} and {found.quiet.p99:.1f} ms",
                goal="p99 under 50 ms",
                met=found.beside.p99 < 50,
            ),
        ],
    )
