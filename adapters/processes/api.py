"""The API: granian serves the HTTP application in as many worker processes as are wanted.

Each worker opens the platform when it starts and closes it when the last request is answered.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer
from litestar.handlers import HTTPRouteHandler

from adapters.bootstrap import Platform, open_platform
from adapters.http.app import build_app
from adapters.http.draining import Draining, hold_back_signals
from adapters.processes.life import settle_garbage
from adapters.processes.port import check_port
from adapters.processes.setup import check
from adapters.settings import Settings, load_settings
from adapters.supervisor.child import die_with_parent
from adapters.telemetry.logging import GRANIAN, log_as

__all__ = ["check", "create", "serve"]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

FINISH = 6
"""Seconds that open requests have to finish once the server stops."""

log = structlog.get_logger(__name__)


def serve(settings: Settings, application: str = "adapters.processes.api:create") -> None:
    """Serve until told to stop; ends the program with status 1 when a worker is lost.

    `application` names what makes a worker's application, as `module:function`.

    Raises:
        CannotStart: when the port is somebody else's, which granian would say in a traceback.
    """
    check_port(settings)
    # The workers read the settings for themselves; these two may have come from the data directory.
    os.environ["DATABASE_URL"] = settings.database_url
    os.environ["REDIS_URL"] = settings.redis_url
    MPServer(
        application,
        factory=True,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        address=settings.host,
        port=settings.port,
        workers=settings.api_workers,
        workers_kill_timeout=FINISH,
        backlog=2048,
        log_level=LogLevels.warning,
        log_dictconfig=GRANIAN,
    ).serve()


def create(*, more_routes: Iterable[HTTPRouteHandler] = ()) -> App:
    """The application of one worker; granian calls it in the worker's own process."""
    die_with_parent(signal.SIGTERM)
    settings = load_settings()
    log_as("api", settings)
    draining = Draining()
    hold_back_signals(draining, settings.drain_delay.total_seconds())
    return _Worker(settings, draining, tuple(more_routes))


class _Worker:
    """The platform of one worker process and the HTTP application over it."""

    def __init__(
        self, settings: Settings, draining: Draining, more_routes: tuple[HTTPRouteHandler, ...]
    ) -> None:
        self._settings = settings
        self._draining = draining
        self._more_routes = more_routes
        self._app: App = _unready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                opened = open_platform(self._settings, draining=self._draining)
                platform = await stack.enter_async_context(opened)
            except Exception as error:  # noqa: BLE001 - whatever it is, the server must not start
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            platform.follow_log()
            platform.background.start("read models", platform.read_models.run())
            await platform.services.hasher.warm_up()
            platform.rebuilds.ask()  # so that nobody's first request has to wait for lost sessions
            watch = asyncio.create_task(_end_when_broken(platform))
            self._app = build_app(platform, more_routes=self._more_routes)  # type: ignore[assignment]
            settle_garbage()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            watch.cancel()
        await send({"type": "lifespan.shutdown.complete"})


async def _unready(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise RuntimeError("a request came before the platform was open")


async def _end_when_broken(platform: Platform) -> None:
    """A worker whose background work has failed drains and ends; it is then started anew."""
    await platform.background.failed.wait()
    os.kill(os.getpid(), signal.SIGTERM)
