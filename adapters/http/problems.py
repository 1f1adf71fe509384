"""Refusals as RFC 9457 problem documents; the one place that knows status numbers.

Every error of the API has one shape, whoever found it: a decider, the boundary, the router or a
store that does not answer. `type` is `/problems/<slug>`, where a page says what to do; `instance`
is the path that was asked for. The same refusal reads the same whoever gets it; what tells one
occurrence from another is the answer's `Correlation-Id`.
"""

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from adapters.http.answers import Answer, Headers
from adapters.http.rate_limits import rate_limit_headers
from application.event_store import ForeignIncarnation, Outage
from application.limits import LimitUsedUp
from application.log_reader import LinesGone
from domain import rejections as kinds
from domain.rejections import Fault, Rejection

PROBLEM_JSON = b"application/problem+json"
_PATH = "/:@!$&'()*+,;=~-._"  # what a path may contain as it is (RFC 3986, 3.3)
_LONGEST_RETRY = 31 * 86_400.0  # seconds; what would never be allowed is not worth a larger number

_OUTCOMES = {
    "failed": "Nothing was done; try again.",
    "unknown": "It may have been done: the same request with its Idempotency-Key finds out.",
    "recorded": "It was recorded, and counts before any session opens anything again.",
}

STATUSES: Mapping[type[Rejection], int] = {
    kinds.Invalid: 422,
    kinds.Unauthenticated: 401,
    kinds.Forbidden: 403,
    kinds.NotFound: 404,
    kinds.Conflict: 409,
    kinds.StaleVersion: 412,
    kinds.LimitExceeded: 429,
    LinesGone: 410,
    Rejection: 400,
}


class Refusal(Exception):  # noqa: N818 - an answer, not an error of the program
    """The transport's own refusals, which no decider knows; a leaf sets slug, title and status."""

    slug = "refused"
    title = "The request was refused"
    status = 400

    def __init__(
        self,
        detail: str = "",
        *,
        faults: tuple[Fault, ...] = (),
        headers: Headers = (),
        **facts: object,
    ) -> None:
        """Say why, in a sentence for a person; `facts` become members of the document."""
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.faults = faults
        self.headers = headers
        self.facts = facts


class BadRequest(Refusal):
    """The request is not well-formed HTTP for this API."""

    slug = "bad-request"
    title = "The request is malformed"


class MalformedJson(Refusal):
    """The body is not JSON (RFC 8259) in UTF-8; a body that is, but not as asked, is `invalid`."""

    slug = "malformed-json"
    title = "The body is not JSON"


class NoSuchPage(Refusal):
    """Nothing answers at this path."""

    slug = "no-such-page"
    title = "There is nothing at this address"
    status = 404


class MethodNotAllowed(Refusal):
    """The path exists, but not for this method; see the `Allow` header."""

    slug = "method-not-allowed"
    title = "This method is not allowed here"
    status = 405


class Gone(Refusal):
    """A token is of a log that was replaced; start again from `start_again`."""

    slug = "log-replaced"
    title = "The log that this token belongs to was replaced"
    status = 410


class BodyTooLarge(Refusal):
    """The body is larger than `limit` bytes."""

    slug = "body-too-large"
    title = "The body is too large"
    status = 413


class NotJson(Refusal):
    """The body's media type is not `application/json`."""

    slug = "unsupported-media-type"
    title = "The body must be application/json"
    status = 415


class InternalError(Refusal):
    """The platform has made a mistake; the operator finds it in the log under the instance."""

    slug = "internal-error"
    title = "Something went wrong on our side"
    status = 500


class Unavailable(Refusal):
    """Something the platform stands on does not answer; try again after `Retry-After`."""

    slug = "outage"
    title = "The platform cannot do this now"
    status = 503


_BY_STATUS: Mapping[int, type[Refusal]] = {
    each.status: each
    for each in (NoSuchPage, MethodNotAllowed, BodyTooLarge, NotJson, InternalError)
}


def refusal_of(status: int, headers: Mapping[str, str] | None = None) -> Refusal:
    """The refusal for what the router or the framework has found, told by its status alone."""
    kind = _BY_STATUS.get(status, BadRequest if status < 500 else InternalError)  # noqa: PLR2004
    allow = (headers or {}).get("allow", "")
    methods = sorted(each.strip() for each in allow.split(",") if each.strip())
    if kind is MethodNotAllowed:
        return MethodNotAllowed(headers=((b"allow", ", ".join(methods).encode()),))
    return kind()


def problem_answer(error: Exception, path: str) -> Answer:
    """The problem document of anything that was raised while a request was answered."""
    if isinstance(error, Rejection):
        status, headers = _rejected(error)
        faults = error.faults if isinstance(error, kinds.Invalid) else ()
        return _answer(error, status, faults, headers, path)
    refusal = error if isinstance(error, Refusal) else _refusal(error)
    return _answer(refusal, refusal.status, refusal.faults, refusal.headers, path)


def status_of(rejection: type[Rejection]) -> int:
    """The status number of a kind of rejection."""
    return next(STATUSES[each] for each in rejection.__mro__ if each in STATUSES)


def _rejected(rejection: Rejection) -> tuple[int, Headers]:
    status = status_of(type(rejection))
    if isinstance(rejection, kinds.Unauthenticated):
        return status, ((b"www-authenticate", b'Bearer realm="annals"'),)
    if isinstance(rejection, kinds.LimitExceeded):
        headers = [_retry_after(rejection.retry_after)]
        if isinstance(rejection, LimitUsedUp):
            headers += rate_limit_headers(rejection.allowance)
        return status, tuple(headers)
    return status, ()


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, Outage):
        return Unavailable(
            _OUTCOMES.get(error.outcome, ""),
            headers=(_retry_after(error.retry_after),),
            outcome=error.outcome,
        )
    if isinstance(error, ForeignIncarnation):
        detail = "The log was replaced while you asked; ask again."
        return Unavailable(detail, headers=(_retry_after(1),), outcome="failed")
    return InternalError()


def _retry_after(seconds: float) -> tuple[bytes, bytes]:
    return b"retry-after", b"%d" % max(1, math.ceil(min(seconds, _LONGEST_RETRY)))


def _answer(
    error: Rejection | Refusal,
    status: int,
    faults: tuple[Fault, ...],
    headers: Headers,
    path: str,
) -> Answer:
    document: dict[str, Any] = {
        "type": f"/problems/{error.slug}",
        "title": error.title,
        "status": status,
        "detail": error.detail,
        "instance": quote(path, safe=_PATH, errors="replace"),
    }
    if faults:
        document["errors"] = faults
    document |= {name: fact for name, fact in error.facts.items() if name not in document}
    body = msgspec.json.encode(document, enc_hook=str)
    return Answer(status, body, headers, media_type=PROBLEM_JSON)
