"""Cross-origin resource sharing (https://fetch.spec.whatwg.org/#http-cors-protocol), for pages.

OFREP's web provider asks from a browser, where a page of another origin reads no answer unless we
say so. It may where its origin is one of `CORS_ORIGINS`, on the paths that such SDKs ask alone.
Credentials are headers that the page itself sends; cookies are never shared.
"""

from collections.abc import Callable, Iterable
from typing import Any

from litestar.types import ASGIApp

from adapters.http.answers import Answer, Header
from adapters.http.calls import correlation_id_of
from adapters.http.platform import HttpPlatform

SHARED = ("/ofrep/",)
"""What the paths begin with that pages of other origins may ask."""

ANYBODY = "*"

_ORIGIN = b"origin"
_METHOD = b"access-control-request-method"
_ASKED = b", ".join(
    (
        b"Authorization",
        b"X-API-Key",
        b"Content-Type",
        b"If-None-Match",
        b"Last-Event-ID",
        b"Cache-Control",
        b"Correlation-Id",
    )
)
_SHOWN = b"ETag, Retry-After, RateLimit, RateLimit-Policy, Correlation-Id"
_MAX_AGE = b"7200"
"""Seconds; no browser remembers it for longer."""

_EXPOSED: Header = (b"access-control-expose-headers", _SHOWN)
_VARY: Header = (b"vary", b"Origin")


def shared(app: ASGIApp, path: str, platform: HttpPlatform) -> ASGIApp:
    """The same, for pages of other origins too, where the path is one that they may ask."""
    if not path.startswith(SHARED):
        return app

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        origins = platform.settings.cors_origins
        if origins:
            added = _added(origins, _header(scope, _ORIGIN))
            send = _with_headers(send, added)
        await app(scope, receive, send)

    return answer


class Preflight:
    """Answers OPTIONS on a path that is shared: what a page of another origin may send there."""

    def __init__(self, methods: Iterable[str], allowed: ASGIApp, platform: HttpPlatform) -> None:
        """`allowed` answers what is no preflight, or one of a page that may not."""
        self._methods = ", ".join(sorted(methods)).encode()
        self._allowed = allowed
        self._platform = platform

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        origins = self._platform.settings.cors_origins
        origin = _header(scope, _ORIGIN)
        if not _may(origins, origin) or not _header(scope, _METHOD):
            await self._allowed(scope, receive, send)
            return
        correlation_id = correlation_id_of(dict(scope["headers"]), self._platform)
        answer = Answer(
            204,
            headers=(
                (b"access-control-allow-methods", self._methods),
                (b"access-control-allow-headers", _ASKED),
                (b"access-control-max-age", _MAX_AGE),
            ),
        )
        await answer.send(send, (b"correlation-id", str(correlation_id).encode()))


def _may(origins: tuple[str, ...], origin: bytes) -> bool:
    return bool(origin) and (ANYBODY in origins or origin.decode("latin-1") in origins)


def _added(origins: tuple[str, ...], origin: bytes) -> tuple[Header, ...]:
    """What an answer says beside the rest; who asks decides it, so no cache may mix them up."""
    if ANYBODY in origins:
        return ((b"access-control-allow-origin", b"*"), _EXPOSED) if origin else ()
    if not _may(origins, origin):
        return (_VARY,)
    return ((b"access-control-allow-origin", origin), _EXPOSED, _VARY)


def _with_headers(send: Any, added: tuple[Header, ...]) -> Callable[[Any], Any]:
    async def send_more(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return send_more


def _header(scope: Any, wanted: bytes) -> bytes:
    """A header that is there once; else nothing."""
    found = [value for name, value in scope["headers"] if name == wanted]
    return found[0] if len(found) == 1 else b""
