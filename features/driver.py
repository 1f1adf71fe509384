"""What a user of the platform can do, each as one method, over HTTP."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE = 90.0  # seconds after which what was awaited counts as lost
"""Seconds after which a state that does not come counts as not coming."""

_numbers = itertools.count(1)
TLS = httpx.create_ssl_context()
"""For every client: to make one takes longer than many requests."""


@dataclass
class User:
    email: str
    password: str
    account: str = ""
    token: str = ""


@dataclass
class Annals:
    """A client of a running platform; `owner` is the owner's key."""

    url: str
    owner: str
    address: str | None = None
    """Where it is, unless anywhere: letters are limited for each range of addresses."""
    patient: bool = False
    """Whether what is answered 503 is asked again, until the platform is back."""
    http: httpx.Client = field(init=False)
    seen: str = ""
    """The place in the log up to which `job_in` has followed."""

    def __post_init__(self) -> None:
        self.http = self._client()

    def _client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(local_address=self.address, verify=TLS)
        return httpx.Client(
            base_url=self.url, transport=transport, timeout=PATIENCE, trust_env=False
        )

    def close(self) -> None:
        self.http.close()

    def unique(self, word: str) -> str:
        """A name that no other scenario uses."""
        return f"{word}-{next(_numbers)}"

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        credentials = {"authorization": f"Bearer {token}"} if token else {}
        sent = {**credentials, **(headers or {})}
        deadline = time.monotonic() + PATIENCE
        while True:
            response = self.http.request(method, path, json=body, headers=sent)
            if not self.patient or response.status_code != 503:
                return response
            assert time.monotonic() < deadline, response.text
            time.sleep(float(response.headers["retry-after"]) / 4)

    def as_owner(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        response = self.request(method, path, token=self.owner, body=body, headers=headers)
        assert response.status_code < 500, response.text
        return response

    # people

    def register(self) -> User:
        user = User(f"{self.unique('ada')}@example.org", "correct horse battery staple")
        response = self.sign_up(user)
        assert response.status_code == 201, response.text
        user.account = response.json()["id"]
        return user

    def sign_up(self, user: User) -> httpx.Response:
        body = {"email": user.email, "password": user.password}
        return self.request("POST", "/v1/accounts", body=body)

    def sign_in(self, user: User, password: str | None = None) -> httpx.Response:
        body = {"email": user.email, "password": password or user.password}
        response = self.request("POST", "/v1/sessions", body=body)
        if response.status_code == 201:
            user.token = response.json()["token"]
        self.http.cookies.clear()
        return response

    def signed_in(self) -> User:
        user = self.register()
        response = self.sign_in(user)
        assert response.status_code == 201, response.text
        return user

    def session(self, token: str) -> httpx.Response:
        return self.request("GET", "/v1/sessions/current", token=token)

    # definitions

    def define_limit(self, name: str, **change: Any) -> None:
        body = {"algorithm": "fixed_window", "limit": 10, "window": "60s", "scope": "account"}
        response = self.as_owner("PUT", f"/v1/limits/{name}", {**body, **change})
        assert response.status_code in (200, 201), response.text

    def define_flag(
        self, key: str, *, enabled: bool = True, rollout: int = 100, **more: Any
    ) -> httpx.Response:
        body = {"enabled": enabled, "rollout": rollout, **more}
        response = self.as_owner("PUT", f"/v1/flags/{key}", body)
        assert response.status_code in (200, 201), response.text
        return response

    def evaluate(
        self, key: str, context: dict[str, Any], *, environment: str = "default", at: str = ""
    ) -> dict[str, Any]:
        """What a flag answers now, or at a time."""
        body = {"environment": environment, "context": context}
        path = f"/v1/flags/{key}/evaluate" + (f"?at={at}" if at else "")
        response = self.as_owner("POST", path, body)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def define_action(self, name: str, url: str, **change: Any) -> None:
        body = {
            "input_schema": {
                "type": "object",
                "properties": {"to": {"type": "string"}},
                "required": ["to"],
            },
            "executor": {"kind": "http", "url": url, "method": "POST", "timeout": "5s"},
            "retry": {"max_attempts": 4, "base": "20ms", "cap": "100ms"},
        }
        response = self.as_owner("PUT", f"/v1/actions/{name}", {**body, **change})
        assert response.status_code in (200, 201), response.text

    # runs

    def trigger(
        self, token: str, action: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        body = {"input": {"to": "ada"}} if body is None else body
        path = f"/v1/actions/{action}/runs"
        return self.request("POST", path, token=token, body=body, headers=headers)

    def job(self, job: str, token: str = "") -> dict[str, Any]:
        response = self.request("GET", f"/v1/jobs/{job}", token=token or self.owner)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def job_in(self, job: str, *states: str) -> dict[str, Any]:
        """Follow the job's events until it is in one of these states."""
        for event in self.live({"stream": f"job/{job}", "after": "0"}):
            if event["type"].startswith("job."):
                now = self.job_after(job, event["token"])
                if now["state"] in states:
                    self.seen = self.events(stream=f"job/{job}")[-1]["token"]
                    return now
        raise AssertionError(f"the job never came to {states}: {self.job(job)}")

    def job_after(self, job: str, token: str) -> dict[str, Any]:
        headers = {"annals-consistent-after": token}
        response = self.request("GET", f"/v1/jobs/{job}", token=self.owner, headers=headers)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def dead_letters(self) -> list[str]:
        """The ids of all dead jobs, as of the last event that was seen."""
        headers = {"annals-consistent-after": self.seen} if self.seen else {}
        response = self.as_owner("GET", "/v1/dead-letters?limit=200", headers=headers)
        assert response.status_code == 200, response.text
        return [letter["id"] for letter in response.json()["items"]]

    def job_log(self, job: str) -> list[dict[str, Any]]:
        response = self.as_owner("GET", f"/v1/jobs/{job}/log")
        assert response.status_code == 200, response.text
        return list(response.json()["items"])

    # the log

    def events(self, **query: str) -> list[dict[str, Any]]:
        """All events that match, page by page."""
        found: list[dict[str, Any]] = []
        after = query.pop("after", "0")
        while True:
            page = self.events_page(after=after, **query)
            found += page["items"]
            if not page["items"]:
                return found
            after = page["next"]

    def events_page(self, **query: str) -> dict[str, Any]:
        response = self.as_owner("GET", str(httpx.URL("/v1/events", params=query)))
        assert response.status_code == 200, response.text
        return dict(response.json())

    def live(self, query: dict[str, str], last: str = "") -> Iterator[dict[str, Any]]:
        """Events as they come (SSE); the stream ends when the reader goes."""
        headers = {"authorization": f"Bearer {self.owner}", "accept": "text/event-stream"}
        if last:
            headers["last-event-id"] = last
        with self._client() as http:  # noqa: SIM117
            with http.stream("GET", "/v1/events/live", params=query, headers=headers) as stream:
                assert stream.status_code == 200, stream.read()
                for line in lines_of(stream.iter_bytes()):
                    if line.startswith(b"data:"):
                        yield json.loads(line[5:])

    def tail_log(
        self, source: str, *, last_id: str = "", **query: str
    ) -> Iterator[tuple[str, str, Any]]:
        """A log's lines and notices as they come (SSE): id, type and data of each block.

        Raises:
            httpx.TransportError: it was cut off, or cannot be opened now.
        """
        headers = {"authorization": f"Bearer {self.owner}", "last-event-id": last_id}
        with (
            self._client() as http,
            http.stream("GET", f"/v1/logs/{source}/tail", params=query, headers=headers) as stream,
        ):
            if stream.status_code == 503:
                raise httpx.ReadError("not now")
            assert stream.status_code == 200, stream.read()
            block: dict[str, str] = {}
            for line in lines_of(stream.iter_bytes()):
                if line:
                    name, _, value = line.decode().partition(": ")
                    block[name] = value
                elif block:
                    data = json.loads(block["data"]) if "data" in block else None
                    yield block.get("id", ""), block.get("event", "message"), data
                    block = {}


def lines_of(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines as an event stream ends them; U+2028 and its like end none."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def together(*calls: Any) -> list[Any]:
    """Call all at the same time; their results in order."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(index: int, call: Any) -> None:
        barrier.wait()
        results[index] = call()

    threads = [threading.Thread(target=run, args=(index, call)) for index, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
