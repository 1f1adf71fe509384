"""How an action is carried out and tried again, as a request says it."""

from typing import Annotated, Literal

import msgspec

from adapters.egress.headers import is_ours
from adapters.egress.urls import UnusableUrl, check_url
from adapters.http.durations import Duration, seconds, written
from adapters.http.faults import escaped
from domain.actions import HttpTarget, LogTarget, Target
from domain.rejections import Fault, Invalid
from domain.retries import RetryPolicy

LONGEST_TIMEOUT = 300.0  # seconds
LONGEST_PAUSE = 86_400.0  # seconds

HeaderName = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
HeaderValue = Annotated[str, msgspec.Meta(pattern="^[\\x21-\\x7e\\x80-\\xff \\t]{0,4000}$")]


class HttpExecutor(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="http",
):
    """Call a URL; `timeout` spans the whole call. Headers may hold secrets and are never shown."""

    url: Annotated[str, msgspec.Meta(pattern="^https?://[^\\s]+$", max_length=2000)]
    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = "POST"
    timeout: Duration = "10s"
    headers: Annotated[dict[HeaderName, HeaderValue], msgspec.Meta(max_length=50)] = {}


class LogExecutor(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="log",
):
    """Write a line into the platform's log."""


class RetryBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often to try in all, and how long the pauses grow."""

    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    base: Duration = "200ms"
    cap: Duration = "30s"


def target_of(executor: HttpExecutor | LogExecutor) -> Target:
    """What an executor calls.

    Raises:
        Invalid: it cannot be called like this.
    """
    if isinstance(executor, LogExecutor):
        return LogTarget()
    faults = tuple(
        Fault(
            pointer=f"/executor/headers/{escaped(name)}",
            code="header",
            detail=f"{name} is set by the platform or by the connection",
        )
        for name in executor.headers
        if is_ours(name)
    )
    if faults:
        raise Invalid(*faults)
    try:
        check_url(executor.url)
    except UnusableUrl as error:
        fault = Fault(pointer="/executor/url", code="url", detail=str(error))
        raise Invalid(fault) from None
    timeout = _bounded(executor.timeout, "/executor/timeout", LONGEST_TIMEOUT)
    return HttpTarget(url=executor.url, method=executor.method, timeout=timeout)


def policy_of(retry: RetryBody) -> RetryPolicy:
    """How often to try.

    Raises:
        Invalid: the pauses are out of bounds.
    """
    base = _bounded(retry.base, "/retry/base", LONGEST_PAUSE)
    cap = _bounded(retry.cap, "/retry/cap", LONGEST_PAUSE)
    if base > cap:
        detail = f"must be at most the cap, {retry.cap}"
        raise Invalid(Fault(pointer="/retry/base", code="range", detail=detail))
    return RetryPolicy(max_attempts=retry.max_attempts, base=base, cap=cap)


def _bounded(text: str, pointer: str, most: float) -> float:
    length = seconds(text, pointer)
    if not 0 < length <= most:
        detail = f"must be more than nothing and at most {written(most)}"
        raise Invalid(Fault(pointer=pointer, code="range", detail=detail))
    return length
