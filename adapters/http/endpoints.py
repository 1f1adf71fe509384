"""An operation as an ASGI application: timed, counted, logged, and never without an answer."""

from collections.abc import Iterable
from time import perf_counter
from typing import Any

import structlog

from adapters.http.access_log import AccessLog
from adapters.http.answers import Answer
from adapters.http.calls import Call, correlation_id_of
from adapters.http.operations import Operation
from adapters.http.platform import HttpPlatform
from adapters.http.problems import InternalError, Refusal, problem_answer
from application.event_store import ForeignIncarnation, Outage
from domain.rejections import Rejection

log = structlog.get_logger(__name__)

_EXPECTED = (Rejection, Refusal, Outage, ForeignIncarnation)


class Endpoint:
    """Answers the requests of one operation."""

    def __init__(self, operation: Operation, platform: HttpPlatform, lines: AccessLog) -> None:
        """Prepare what does not depend on the request."""
        self.operation = operation
        self.route = f"{operation.method} {operation.path}"
        self._platform = platform
        self._lines = lines
        self._seconds = platform.metrics.request_seconds.labels(self.route)
        self._counters: dict[int, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        started = perf_counter()
        if scope["method"] == "HEAD":
            send = _without_body(send)
        call = Call(self._platform, self.route, scope, receive, send)
        try:
            answer = await self.operation.answer(call)
        except _EXPECTED as error:
            if isinstance(error, Outage):
                log.warning(
                    "request_met_outage",
                    route=self.route,
                    detail=error.detail,
                    correlation_id=str(call.correlation_id),
                )
            answer = problem_answer(error, scope["path"])
        except Exception:
            log.exception(
                "request_failed", route=self.route, correlation_id=str(call.correlation_id)
            )
            answer = problem_answer(InternalError(), scope["path"])
        seconds = perf_counter() - started
        correlation_id = str(call.correlation_id)
        if answer is None:  # a stream, whose length says nothing about us
            self._lines.add(call, self.route, 200, seconds, correlation_id)
            return
        await answer.send(send, (b"correlation-id", correlation_id.encode()))
        self._count(answer.status, seconds)
        self._lines.add(call, self.route, answer.status, seconds, correlation_id)

    def _count(self, status: int, seconds: float) -> None:
        counter = self._counters.get(status)
        if counter is None:
            counter = self._platform.metrics.requests.labels(self.route, str(status))
            self._counters[status] = counter
        counter.inc()
        self._seconds.observe(seconds)


class Allowed:
    """Answers OPTIONS on one path: which methods it takes."""

    def __init__(self, methods: Iterable[str], platform: HttpPlatform) -> None:
        """`methods` are those of the path's operations."""
        taken = {"OPTIONS", *methods}
        if "GET" in taken:
            taken.add("HEAD")
        self._answer = Answer(204, headers=((b"allow", ", ".join(sorted(taken)).encode()),))
        self._platform = platform

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer one request."""
        correlation_id = correlation_id_of(dict(scope["headers"]), self._platform)
        await self._answer.send(send, (b"correlation-id", str(correlation_id).encode()))


def _without_body(send: Any) -> Any:
    """Send what a GET would, but for the body (RFC 9110, section 9.3.2)."""

    async def send_head(message: Any) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
