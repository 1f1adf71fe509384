"""What carries actions out: a call over HTTP, or a line in the log."""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

import httpx
import msgspec
import structlog

from adapters.egress.exchange import exchange
from adapters.egress.headers import is_ours
from adapters.egress.urls import check_url
from application.executor import Attempt, Executor, Failed, Succeeded
from domain.actions import HttpTarget, LogTarget, Target

_WITH_BODY = ("POST", "PUT", "PATCH")

log = structlog.get_logger(__name__)


class HttpExecutor:
    """Calls the target's URL with the job's input as JSON.

    GET and DELETE carry no body. Every attempt of a job has the same `Idempotency-Key`, so that a
    target can tell a repetition; `Annals-Attempt` counts.
    """

    def __init__(self, client: httpx.AsyncClient, *, now: Callable[[], datetime]) -> None:
        """The client is guarded already."""
        self._client = client
        self._now = now

    def patience(self, target: Target) -> float:
        """See `Executor.patience`."""
        assert isinstance(target, HttpTarget)  # noqa: S101 - `Executors` chooses
        return target.timeout + 1.0

    async def __call__(self, attempt: Attempt) -> Succeeded | Failed:
        """See `Executor`."""
        target = attempt.target
        assert isinstance(target, HttpTarget)  # noqa: S101 - `Executors` chooses
        return await exchange(
            self._client,
            lambda: self._request(target, attempt),
            within=target.timeout,
            now=self._now,
        )

    def _request(self, target: HttpTarget, attempt: Attempt) -> httpx.Request:
        headers = {
            name.lower(): value for name, value in attempt.headers.items() if not is_ours(name)
        }
        headers["idempotency-key"] = attempt.job
        headers["annals-attempt"] = str(attempt.number)
        content = None
        if target.method in _WITH_BODY:
            content = msgspec.json.encode(attempt.input)
            headers.setdefault("content-type", "application/json")
        return self._client.build_request(
            target.method, check_url(target.url), headers=headers, content=content
        )


class LogExecutor:
    """Carries an action out by saying so; nothing that a person typed in is in the line."""

    def patience(self, _target: Target) -> float:
        """See `Executor.patience`."""
        return 1.0

    async def __call__(self, attempt: Attempt) -> Succeeded | Failed:
        """See `Executor`."""
        log.info(
            "action_carried_out",
            action=attempt.action,
            job=attempt.job,
            attempt=attempt.number,
            tenant=attempt.tenant,
        )
        return Succeeded()


class Executors:
    """The executor of each kind of target."""

    def __init__(self, http: Executor, to_log: Executor) -> None:
        """One for each kind."""
        self._http = http
        self._log = to_log

    def _of(self, target: Target) -> Executor:
        match target:
            case HttpTarget():
                return self._http
            case LogTarget():
                return self._log
            case _:
                assert_never(target)

    def patience(self, target: Target) -> float:
        """See `Executor.patience`."""
        return self._of(target).patience(target)

    async def __call__(self, attempt: Attempt) -> Succeeded | Failed:
        """See `Executor`."""
        return await self._of(attempt.target)(attempt)
