"""Sessions over HTTP: what a check costs, when a revocation is seen, and whether a sign-in is.

A check is `GET /v1/sessions/current` in a session: one round trip to Redis. Beside it stands a
no-op on the same server; one API process serves, with its access log on, and the load comes from a
process of its own. A revocation is timed from its request to the moment at which the last of three
API processes refuses the session, each asked again and again by a client of its own. Then people
sign in at one process and are read at another, right after the answer. Passwords are hashed as
cheaply as possible there: how long that takes is measured elsewhere.
"""

import json
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

import httpx
import msgspec

from benchmarks.commands import SECONDS, USERS
from benchmarks.flags import api
from benchmarks.http_load import Load, Result, post, send_apart
from benchmarks.http_server import BARE
from benchmarks.load import middle
from benchmarks.report import Row, Section
from benchmarks.servers import installed
from benchmarks.session_pairs import Pairs, PairsResult, current, measured_apart
from features.driver import Annals
from tests.support.services import Services

CONNECTIONS = 16
PROCESSES = 3
REVOCATIONS = 300
BETWEEN = 0.003  # seconds between two looks: who asks without a pause measures the asking
PAIRS = 100_000
CHEAP = {"ARGON2_MEMORY_KIB": "8", "ARGON2_ITERATIONS": "1"}
GOAL = 4_000


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One after the other, in the same minute on the same server."""

    check: Result
    bare: Result


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Everything; `seen` are seconds until a revocation counted everywhere."""

    rounds: list[Round]
    seen: list[float]
    pairs: PairsResult


def measure(services: Services, *, rounds: int = 3, pairs: int = PAIRS) -> Measured:
    with installed(services, **CHEAP) as installation, ExitStack() as stack:
        served = [stack.enter_context(api(installation)) for _ in range(PROCESSES)]
        ports = [port for port, _ in served]
        driver = served[0][1]
        return Measured(
            rounds=_checks(ports[0], driver, rounds),
            seen=_seen(driver, ports),
            pairs=_pairs(driver, ports, pairs),
        )


def _checks(port: int, driver: Annals, rounds: int) -> list[Round]:
    tokens = [driver.signed_in().token.encode() for _ in range(USERS)]
    requests = {"check": [current(token) for token in tokens], "bare": [post(BARE, b"{}")]}

    def sent(name: str, seconds: float) -> Result:
        load = Load(
            host="127.0.0.1",
            port=port,
            requests=requests[name],
            connections=CONNECTIONS,
            seconds=seconds,
        )
        result = send_apart(load)
        assert set(result.statuses) <= {"200", "202"}, result.statuses
        return result

    for name in requests:
        sent(name, 0.5)
    return [Round(**{name: sent(name, SECONDS) for name in requests}) for _ in range(rounds)]


class Watcher(threading.Thread):
    """Asks one process with a session's token until it is refused."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)
        self._turn = threading.Condition()
        self._token = ""
        self._refused_at = 0.0

    def watch(self, token: str) -> None:
        """Begin to ask."""
        with self._turn:
            self._token, self._refused_at = token, 0.0
            self._turn.notify_all()

    def refused_at(self) -> float:
        """When it was refused."""
        with self._turn:
            if not self._turn.wait_for(lambda: self._refused_at > 0, 30):
                raise RuntimeError("a revoked session goes on to open something")
            return self._refused_at

    def run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._token)
                headers = {"authorization": f"Bearer {self._token}"}
            while self._client.get("/v1/sessions/current", headers=headers).status_code != 401:
                time.sleep(BETWEEN)
            with self._turn:
                self._token, self._refused_at = "", time.perf_counter()
                self._turn.notify_all()


def _seen(driver: Annals, ports: Sequence[int]) -> list[float]:
    watchers = [Watcher(port) for port in ports]
    for watcher in watchers:
        watcher.start()
    user, taken = driver.signed_in(), []
    own = user.token
    for _ in range(REVOCATIONS):
        started = driver.sign_in(user).json()
        for watcher in watchers:
            watcher.watch(started["token"])
        began = time.perf_counter()
        answer = driver.request("DELETE", f"/v1/sessions/{started['id']}", token=own)
        assert answer.status_code == 204, answer.text
        taken.append(max(watcher.refused_at() for watcher in watchers) - began)
    return taken


def _pairs(driver: Annals, ports: Sequence[int], pairs: int) -> PairsResult:
    people = [driver.register() for _ in range(CONNECTIONS)]
    return measured_apart(
        Pairs(
            create_at=ports[0],
            read_at=ports[1],
            bodies=[json.dumps({"email": p.email, "password": p.password}) for p in people],
            clients=CONNECTIONS,
            pairs=pairs,
        )
    )


def section(found: Measured) -> Section:
    """The lines of the report."""
    check, bare = (
        middle([getattr(each, name) for each in found.rounds]) for name in ("check", "bare")
    )
    late = sorted(found.seen)[len(found.seen) * 99 // 100] * 1000
    pairs = found.pairs
    return Section(
        title="Sessions",
        rows=[
            Row(
                what="checks of a session",
                figure=f"{check.per_second:,.0f}/s, p50 {check.p50:.1f}, p99 {check.p99:.1f} ms",
                beside=f"no-op {bare.per_second:,.0f}/s, p99 {bare.p99:.1f} ms",
                ratio=f"{check.per_second / bare.per_second:.2f}x",
                goal=f"{GOAL:,}/s, p99 under 10 ms",
                met=check.per_second >= GOAL and check.p99 < 10,
            ),
            Row(
                what=f"a revocation, seen by {PROCESSES} processes",
                figure=f"p50 {median(found.seen) * 1000:.1f}, p99 {late:.1f} ms",
                goal="p99 under 100 ms",
                met=late < 100,
            ),
            Row(
                what="sign-ins that the next read missed",
                figure=f"{pairs.misses} of {pairs.pairs:,}",
                beside=f"{pairs.per_second:,.0f} pairs/s",
                goal="0",
                met=pairs.misses == 0,
            ),
        ],
    )
