"""An authenticated, throttled, flag-gated command over HTTP beside a no-op on the same server.

The command is `POST /v1/actions/{name}/runs` in a session: find the session in Redis, evaluate the
flag, count against the limit in Redis, validate the body against the action's JSON Schema, queue
the job in the log (its input encrypted), answer with the RateLimit fields. One API process serves
it, with its access log on; the load comes from a process of its own over keep-alive connections.
Projector, worker and scheduler do not run meanwhile.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import msgspec

from benchmarks.http_load import Load, Result, post, send_apart
from benchmarks.http_server import BARE, LITESTAR
from benchmarks.servers import installed, running
from features.driver import Annals
from tests.support.platform import free_port
from tests.support.services import Services

USERS = 8
CONNECTIONS = 64
SECONDS = 3.0
_SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
_BODY = b'{"input":{"to":"ada"}}'


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One after the other, in the same minute on the same server."""

    command: Result
    litestar: Result
    bare: Result


@contextmanager
def api(services: Services) -> Iterator[tuple[int, Annals]]:
    """A fresh installation's API, alone; its port and a client of it."""
    port = free_port()
    with (
        installed(services, PORT=str(port)) as fresh,
        running("benchmarks.http_server", env=fresh.env),
    ):
        driver = Annals(f"http://127.0.0.1:{port}", fresh.owner_key)
        until_ready(driver.url)
        yield port, driver
        driver.close()


def until_ready(url: str, patience: float = 30.0) -> None:
    """Wait until the API answers that it is ready."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            if httpx.get(url + "/health/ready", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError("the API is not ready")


def prepared(driver: Annals) -> list[bytes]:
    """Define what the command needs, sign people in, and give their requests."""
    driver.define_limit("bench", limit=1_000_000_000)
    driver.define_flag("bench")
    driver.define_action(
        "bench", "", flag="bench", limit="bench", input_schema=_SCHEMA, executor={"kind": "log"}
    )
    tokens = [driver.signed_in().token for _ in range(USERS)]
    return [post("/v1/actions/bench/runs", _BODY, token) for token in tokens]


def measure(
    services: Services,
    *,
    rounds: int = 3,
    seconds: float = SECONDS,
    connections: int = CONNECTIONS,
) -> list[Round]:
    """Alternate the command and the no-ops."""
    with api(services) as (port, driver):
        requests = {
            "command": prepared(driver),
            "litestar": [post(LITESTAR, _BODY)],
            "bare": [post(BARE, _BODY)],
        }

        def sent(name: str, seconds: float) -> Result:
            result = send_apart(
                Load(
                    host="127.0.0.1",
                    port=port,
                    requests=requests[name],
                    connections=connections,
                    seconds=seconds,
                )
            )
            assert set(result.statuses) == {"202"}, result.statuses
            return result

        for name in requests:
            sent(name, 0.5)
        return [Round(**{name: sent(name, seconds) for name in requests}) for _ in range(rounds)]
