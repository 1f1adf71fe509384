"""The HTTP application: operations become routes, and whatever the router refuses a problem."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

import adapters.capabilities
from adapters.http import health, pages
from adapters.http.access_log import AccessLog
from adapters.http.calls import correlation_id_of
from adapters.http.cors import SHARED, Preflight, shared
from adapters.http.endpoints import Allowed, Endpoint
from adapters.http.operations import Operation
from adapters.http.pages import schema_operations
from adapters.http.permissions import permission_operations
from adapters.http.platform import HttpPlatform
from adapters.http.problems import InternalError, problem_answer, refusal_of
from adapters.telemetry.logging import log_file

AnyRequest = Request[Any, Any, Any]

log = structlog.get_logger(__name__)

_OPERATIONS = (
    *adapters.capabilities.OPERATIONS,
    *permission_operations((*adapters.capabilities.OPERATIONS, *health.OPERATIONS)),
    *health.OPERATIONS,
    *pages.OPERATIONS,
)
OPERATIONS = (*_OPERATIONS, *schema_operations(_OPERATIONS))

_METHODS = {"GET": ("GET", "HEAD")}
"""What else an operation answers: whatever can be got can be asked for its headers alone."""


def build_app(platform: HttpPlatform, *, more_routes: Iterable[HTTPRouteHandler] = ()) -> Litestar:
    """The application over a platform that is open.

    `more_routes` are Litestar's own handlers beside ours, as a benchmark wants to compare them.
    """
    level = platform.settings.log_level
    file = log_file()
    lines = AccessLog(enabled=level in {"debug", "info"}, file=file)
    # whoever probes does so every few seconds, for ever
    probes = AccessLog(enabled=level == "debug", file=file)

    def endpoint(operation: Operation) -> Endpoint:
        return Endpoint(
            operation, platform, probes if operation.path.startswith("/health") else lines
        )

    problems = _Problems(platform)
    return Litestar(
        route_handlers=[*_routes(endpoint, platform), *more_routes],
        exception_handlers={HTTPException: problems.refused, Exception: problems.failed},
        openapi_config=None,
        logging_config=None,
    )


def _routes(
    endpoint: Callable[[Operation], Endpoint], platform: HttpPlatform
) -> Iterable[HTTPRouteHandler]:
    """One route for each path, which answers all of its methods and OPTIONS."""
    paths: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, []).append(operation)
    for path, operations in paths.items():
        methods = [each.method for each in operations]
        answers: dict[str, ASGIApp] = {
            "OPTIONS": Preflight(methods, Allowed(methods, platform), platform)
            if path.startswith(SHARED)
            else Allowed(methods, platform)
        }
        for each in operations:
            answers |= dict.fromkeys(_METHODS.get(each.method, (each.method,)), endpoint(each))
        yield route(path, {name: shared(each, path, platform) for name, each in answers.items()})


def route(path: str, answers: Mapping[str, ASGIApp]) -> HTTPRouteHandler:
    """A path whose methods are answered by ASGI applications.

    Litestar finds it and leaves the rest to its middleware, which answers and passes nothing on: to
    build a request and a response of Litestar's own would double what routing costs.
    """

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await answers[scope["method"]](scope, receive, send)

    def instead(app: ASGIApp) -> ASGIApp:
        del app
        return answer

    async def handler() -> None:
        """Never called."""

    declare = HTTPRouteHandler(
        path.replace("}", ":str}").replace(":path:str}", ":path}"),
        http_method=[HttpMethod(method) for method in answers],
        middleware=[instead],
        status_code=204,
        name=path,
    )
    return declare(handler)


class _Problems:
    """Answers what no operation has: the router's refusals, and failures of the framework."""

    def __init__(self, platform: HttpPlatform) -> None:
        self._platform = platform

    def refused(self, request: AnyRequest, error: HTTPException) -> Response[bytes]:
        return self._answer(request, refusal_of(error.status_code, error.headers))

    def failed(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        log.error("request_failed", exc_info=error)
        return self._answer(request, InternalError())

    def _answer(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        answer = problem_answer(error, request.scope["path"])
        correlation_id = correlation_id_of(dict(request.scope["headers"]), self._platform)
        headers = {name.decode(): value.decode() for name, value in answer.headers}
        return Response(
            content=answer.body,
            status_code=answer.status,
            headers={
                **headers,
                "cache-control": "no-store",
                "x-content-type-options": "nosniff",
                "correlation-id": str(correlation_id),
            },
            media_type=answer.media_type.decode(),
        )
