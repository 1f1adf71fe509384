"""An HTTP target with a ledger: what was called, with which key, and how it was answered."""

import json
import sys
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from typing_extensions import override


@dataclass(frozen=True)
class Call:
    path: str
    key: str
    attempt: int
    body: Any
    status: int
    headers: dict[str, str]
    raw: bytes
    at: float


class _Server(ThreadingHTTPServer):
    """Callers may be killed at any time; that is no error of ours."""

    daemon_threads = True
    request_queue_size = 1024
    """As servers have it: of a burst beyond it the kernel lets connections wait for seconds."""

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Target:
    """Each path fails as often as it was told to, then answers 200.

    It listens on loopback, unless whoever calls knows this machine by another name.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self.calls: list[Call] = []
        self.delay = 0.0
        self._failures: dict[str, deque[int]] = {}
        self._always: dict[str, int] = {}
        self._changed = threading.Condition()
        listen = host if host == "127.0.0.1" else "0.0.0.0"
        self._server = _Server((listen, 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str) -> str:
        return f"http://{self._host}:{self.port}/{path}"

    def fail(self, path: str, times: int, status: int = 503) -> None:
        self._failures["/" + path] = deque([status] * times)

    def fail_always(self, path: str, status: int = 503) -> None:
        self._always["/" + path] = status

    def mend(self, path: str) -> None:
        self._always.pop("/" + path, None)
        self._failures.pop("/" + path, None)

    def calls_to(self, path: str) -> list[Call]:
        with self._changed:
            return [call for call in self.calls if call.path == "/" + path]

    def wait_for(self, path: str, calls: int, seconds: float = 60.0) -> list[Call]:
        """Wait until so many calls have come."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: sum(call.path == "/" + path for call in self.calls) >= calls, seconds
            )
        assert came, f"{len(self.calls_to(path))} of {calls} calls came"
        return self.calls_to(path)

    def wait_for_any(self, seconds: float) -> None:
        """Wait until one more call has come, or so long."""
        with self._changed:
            self._changed.wait(seconds)

    def keys(self, path: str) -> Counter[str]:
        """The ledger: how often each idempotency key was answered with success."""
        return Counter(call.key for call in self.calls_to(path) if call.status < 300)

    def _answer(self, path: str) -> int:
        if path in self._always:
            return self._always[path]
        failures = self._failures.get(path)
        return failures.popleft() if failures else 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        target = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the caller was killed while it asked
                    self.close_connection = True
                    return
                if target.delay:
                    threading.Event().wait(target.delay)
                with target._changed:
                    status = target._answer(self.path)
                    target.calls.append(
                        Call(
                            path=self.path,
                            key=self.headers.get("idempotency-key", ""),
                            attempt=int(self.headers.get("annals-attempt", 0)),
                            body=json.loads(body or b"null"),
                            status=status,
                            headers={name.lower(): value for name, value in self.headers.items()},
                            raw=body,
                            at=time.time(),
                        )
                    )
                    target._changed.notify_all()
                answer = b'{"ok":true}' if status < 300 else b'{"ok":false}'
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler
