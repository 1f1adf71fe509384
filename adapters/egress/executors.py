"""What carries actions out: a call over HTTP, or a line in the log.

Whether an attempt that failed is worth another one follows what senders of webhooks do (Svix,
Stripe, Cloud Tasks): every answer outside 2xx is tried again, because 401, 404 or 400 are as often
a deployment under way as they are for good, and attempts are few. Only 410 Gone says for itself
that nobody should come back, and what this platform refuses to call it refuses the next time too.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import assert_never

import httpx
import msgspec
import structlog

from adapters.egress.guard import EgressRefused
from adapters.egress.headers import is_ours
from adapters.egress.urls import UnusableUrl, check_url
from application.executor import Attempt, Executor, Failed, Succeeded
from domain.actions import HttpTarget, LogTarget, Target

LARGEST_ANSWER = 64 * 1024  # bytes that are read of an answer
EXCERPT = 1024  # characters of it that are kept
_GONE = 410
_WITH_BODY = ("POST", "PUT", "PATCH")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SECONDS = re.compile(r"[0-9]{1,9}")

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
        try:
            request = self._request(target, attempt)
            async with asyncio.timeout(target.timeout):
                return await self._call(request)
        except UnusableUrl as error:
            return Failed(kind="invalid", detail=f"The URL {error}.", retryable=False)
        except EgressRefused as refused:
            detail = f"This platform does not call there: {refused}."
            return Failed(kind="refused", detail=detail, retryable=False)
        except (TimeoutError, httpx.TimeoutException):
            return Failed(kind="timeout", detail=f"No answer within {target.timeout:g} s.")
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, UnicodeError, ValueError):
            detail = "The request cannot be put together from this URL and these headers."
            return Failed(kind="invalid", detail=detail, retryable=False)
        except httpx.ConnectError:
            return Failed(kind="connect", detail="The target could not be reached.")
        except httpx.HTTPError as error:
            detail = f"The connection broke ({type(error).__name__})."
            return Failed(kind="connect", detail=detail)

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

    async def _call(self, request: httpx.Request) -> Succeeded | Failed:
        response = await self._client.send(request, stream=True)
        try:
            excerpt = await _beginning(response)
        finally:
            await response.aclose()
        status = response.status_code
        if response.is_success:
            return Succeeded(status=status, excerpt=excerpt)
        return Failed(
            kind="status",
            detail=f"The target answered {status}.",
            retryable=status != _GONE,
            status=status,
            excerpt=excerpt,
            not_before=_retry_after(response.headers, self._now()),
        )


async def _beginning(response: httpx.Response) -> str:
    """The first characters of an answer, readable and without what the log refuses."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= LARGEST_ANSWER:
            break
    text = bytes(body[: EXCERPT * 4]).decode("utf-8", "replace")
    return _UNPRINTABLE.sub("\ufffd", text)[:EXCERPT]


def _retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that `Retry-After` asks for (RFC 9110, 10.2.3); 0 when it says nothing useful."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max((at - now).total_seconds(), 0.0)


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
