"""One call over HTTP and how it ended, for everything that this platform sends out.

Whether a call that failed is worth another one follows what senders of webhooks do (Svix, Stripe,
Cloud Tasks): every answer outside 2xx is tried again, because 401, 404 or 400 are as often a
deployment under way as they are for good, and attempts are few. Only 410 Gone says for itself
that nobody should come back, and what this platform refuses to call it refuses the next time too.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from adapters.egress.guard import EgressRefused
from adapters.egress.urls import UnusableUrl
from application.executor import Failed, Succeeded

LARGEST_ANSWER = 64 * 1024  # bytes that are read of an answer
EXCERPT = 1024  # characters of it that are kept
_GONE = 410
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SECONDS = re.compile(r"[0-9]{1,9}")


async def exchange(
    client: httpx.AsyncClient,
    build: Callable[[], httpx.Request],
    *,
    within: float,
    now: Callable[[], datetime],
) -> Succeeded | Failed:
    """Put a request together, send it by a guarded client, and read the beginning of the answer.

    `within` is in seconds and spans the whole call. `build` may raise `UnusableUrl` and whatever
    httpx raises of a request that is none.
    """
    try:
        request = build()
        async with asyncio.timeout(within):
            return await _call(client, request, now)
    except UnusableUrl as error:
        return Failed(kind="invalid", detail=f"The URL {error}.", retryable=False)
    except EgressRefused as refused:
        detail = f"This platform does not call there: {refused}."
        return Failed(kind="refused", detail=detail, retryable=False)
    except (TimeoutError, httpx.TimeoutException):
        return Failed(kind="timeout", detail=f"No answer within {within:g} s.")
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, UnicodeError, ValueError):
        detail = "The request cannot be put together from this URL and these headers."
        return Failed(kind="invalid", detail=detail, retryable=False)
    except httpx.ConnectError:
        return Failed(kind="connect", detail="The target could not be reached.")
    except httpx.HTTPError as error:
        return Failed(kind="connect", detail=f"The connection broke ({type(error).__name__}).")


async def _call(
    client: httpx.AsyncClient, request: httpx.Request, now: Callable[[], datetime]
) -> Succeeded | Failed:
    response = await client.send(request, stream=True)
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
        not_before=_retry_after(response.headers, now()),
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
