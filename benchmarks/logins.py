"""Sign-ins over HTTP beside the bare hash, what failures tell by their time, and who waits.

- Right passwords from many connections, one account each, beside argon2-cffi alone at the same cost
  in as many threads, in a process of its own as well.
- Wrong passwords of known and of unknown addresses, one after the other, and requests for a new
  password: the medians must tell nothing.
- What somebody else's request takes while 600 sign-ins queue, beside what it takes without them.

The API trusts the address that a proxy names, so that every client comes from a place of its own.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from statistics import median

import argon2
import httpx
import msgspec

from benchmarks.commands import until_ready
from benchmarks.http_load import Load, Result, send_apart
from benchmarks.load import Figure, figure
from benchmarks.report import Row, Section
from benchmarks.servers import installed, running
from features.driver import Annals
from tests.support.platform import free_port
from tests.support.services import Services

CONNECTIONS = 32
CROWD = 600
SECONDS = 3.0
THREADS = 2
PAIRS = 40
_PASSWORD = "correct horse battery staple"  # noqa: S105 - an example
_ACCOUNTS = 200


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Medians in milliseconds of the same request about a known and an unknown address."""

    known: float
    unknown: float


class Logins(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; `alone` and `amid` are another's requests without and with the crowd."""

    logins: list[Result]
    bare: list[float]
    sign_in: Told
    reset: Told
    alone: Figure
    amid: Figure
    crowd: Result


def hashed(seconds: float) -> float:
    """Passwords per second that argon2-cffi checks by itself, at our costs."""
    hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    kept = hasher.hash(_PASSWORD)
    until = time.perf_counter() + seconds

    def check(_thread: int) -> int:
        for done in count():
            if time.perf_counter() >= until:
                return done
            hasher.verify(kept, _PASSWORD)
        raise AssertionError

    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        done = sum(threads.map(check, range(THREADS)))
    return done / (time.perf_counter() - began)


def hashed_apart(seconds: float) -> float:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.logins", str(seconds)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


@contextmanager
def api(services: Services) -> Iterator[tuple[int, Annals]]:
    """A fresh installation's API, alone, behind a proxy; its port and a client of it."""
    port = free_port()
    with (
        installed(services, PORT=str(port), TRUSTED_PROXIES="127.0.0.0/8") as fresh,
        running("benchmarks.http_server", env=fresh.env),
    ):
        driver = Annals(f"http://127.0.0.1:{port}", fresh.owner_key)
        until_ready(driver.url)
        yield port, driver
        driver.close()


def place(number: int) -> str:
    """An address in a range of its own."""
    return f"10.{number // 250 % 250}.{number % 250}.1"


def sign_in(number: int) -> bytes:
    """A sign-in to one of the accounts, as bytes."""
    body = msgspec.json.encode({"email": email(number % _ACCOUNTS), "password": _PASSWORD})
    head = (
        f"POST /v1/sessions HTTP/1.1\r\nhost: annals\r\nx-forwarded-for: {place(number)}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def email(number: int) -> str:
    return f"person{number}@example.org"


def peopled(driver: Annals) -> None:
    """Open the accounts, all with one password."""
    hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    kept = hasher.hash(_PASSWORD)
    accounts = [{"email": email(n), "password_hash": kept} for n in range(_ACCOUNTS)]
    answer = driver.as_owner("POST", "/v1/accounts/import", {"accounts": accounts})
    assert answer.status_code == 200, answer.text


def loaded(port: int, connections: int, seconds: float) -> Result:
    requests = [sign_in(number) for number in range(connections)]
    load = Load(
        host="127.0.0.1", port=port, requests=requests, connections=connections, seconds=seconds
    )
    result = send_apart(load)
    assert set(result.statuses) == {"201"}, result.statuses
    return result


def told(http: httpx.Client, path: str, status: int, first: int, **more: str) -> Told:
    """Ask about known and unknown addresses in turn, each from elsewhere and only once."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(first, first + PAIRS):
        for known in (True, False):
            address = email(number) if known else f"nobody{number}@example.org"
            headers = {"x-forwarded-for": place(10_000 + 2 * number + known)}
            began = time.perf_counter()
            answer = http.post(path, json={"email": address, **more}, headers=headers)
            times[known].append(time.perf_counter() - began)
            assert answer.status_code == status, answer.text
    return Told(known=median(times[True]) * 1000, unknown=median(times[False]) * 1000)


def others(driver: Annals, going_on: Callable[[], bool]) -> Figure:
    """What another's requests take, one after the other."""
    times, began = [], time.perf_counter()
    while going_on():
        before = time.perf_counter()
        assert driver.as_owner("GET", "/v1/access/current").status_code == 200
        times.append(time.perf_counter() - before)
    return figure(times, time.perf_counter() - began)


def measure(services: Services, *, rounds: int = 7, seconds: float = SECONDS) -> Logins:
    """Alternate the sign-ins and the bare hash; then the times, then the crowd."""
    with api(services) as (port, driver):
        peopled(driver)
        loaded(port, CONNECTIONS, 0.5)
        logins, bare = [], []
        for _ in range(rounds):
            logins.append(loaded(port, CONNECTIONS, seconds / 2))
            bare.append(hashed_apart(seconds / 2))
        wrong = {"password": "not what it is"}
        failed = told(driver.http, "/v1/sessions", 401, 0, **wrong)
        reset = told(driver.http, "/v1/accounts/password-reset", 202, PAIRS)
        until = time.perf_counter() + seconds
        alone = others(driver, lambda: time.perf_counter() < until)
        with ThreadPoolExecutor(1) as thread:
            crowd = thread.submit(loaded, port, CROWD, seconds)
            amid = others(driver, lambda: not crowd.done())
        return Logins(
            logins=logins,
            bare=bare,
            sign_in=failed,
            reset=reset,
            alone=alone,
            amid=amid,
            crowd=crowd.result(),
        )


def section(found: Logins) -> Section:
    per_second = median(each.per_second for each in found.logins)
    bare = median(found.bare)
    pairs = zip(found.logins, found.bare, strict=True)
    ratio = median(each.per_second / beside for each, beside in pairs)
    rows = [
        Row(
            what=f"sign-ins, {CONNECTIONS} connections",
            figure=f"{per_second:,.0f}/s",
            beside=f"argon2-cffi alone {bare:,.0f}/s",
            ratio=f"{ratio:.0%}",
            goal="90 %",
            met=ratio >= 0.9,
        ),
        *(
            Row(
                what=f"{what}, a known address",
                figure=f"{each.known:.1f} ms",
                beside=f"an unknown one {each.unknown:.1f} ms",
                ratio=f"{each.known / each.unknown:.2f}x",
            )
            for what, each in (("refused sign-in", found.sign_in), ("new password", found.reset))
        ),
        Row(
            what=f"another's request while {CROWD} sign-ins queue",
            figure=f"p50 {found.amid.p50:.1f} ms, p99 {found.amid.p99:.1f} ms",
            beside=f"alone p50 {found.alone.p50:.1f} ms, p99 {found.alone.p99:.1f} ms",
        ),
    ]
    return Section(title="Sign-ins", rows=rows)


if __name__ == "__main__":
    print(hashed(float(sys.argv[1])))
