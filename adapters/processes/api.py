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

from adapters.background import REPLACED
from adapters.bootstrap import open_platform
from adapters.http.app import build_app
from adapters.http.draining import Draining, hold_back_signals
from adapters.http.problems import problem_answer
from adapters.processes.life import settle_garbage
from adapters.processes.port import check_port
from adapters.processes.setup import check
from adapters.ready_hasher import ready_hasher
from adapters.settings import Settings, load_settings
from adapters.supervisor.start import die_with_parent
from adapters.telemetry.logging import GRANIAN, log_as
from adapters.telemetry.metrics import Metrics
from application.event_store import Outage

__all__ = ["check", "create", "serve"]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

FINISH = 6
"""Seconds that open requests have to finish once the server stops."""

_AGAIN = 0.2  # seconds before another try to open the platform after a restore

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
        process_name="annals api",
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
    """The platform of one worker process and the HTTP application over it.

    When the log was replaced by a restore, the worker opens the platform anew, without letting go
    of its port: whoever asks meanwhile is told to come again, and is answered from the new log.
    """

    def __init__(
        self, settings: Settings, draining: Draining, more_routes: tuple[HTTPRouteHandler, ...]
    ) -> None:
        self._settings = settings
        self._draining = draining
        self._more_routes = more_routes
        self._metrics = Metrics(settings.metrics_dir)
        self._app: App = _unready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(self._serve(first), name="serve")
        try:
            await first
        except Exception as error:  # noqa: BLE001 - whatever it is, the server must not start
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        settle_garbage()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, first: asyncio.Future[None]) -> None:
        """Serve from one platform after another; the first one's failure is the caller's."""
        while True:
            try:
                await self._serve_once(first)
            except Exception as error:  # whatever it is, this worker is better started anew
                if not first.done():
                    first.set_exception(error)
                    return
                if not isinstance(error, Outage):
                    log.exception("platform_not_opened_again")
                    os.kill(os.getpid(), signal.SIGTERM)
                    return
                log.warning("platform_not_opened_again", detail=error.detail)
                await asyncio.sleep(_AGAIN)

    async def _serve_once(self, first: asyncio.Future[None]) -> None:
        """Open the platform, serve until something in it has failed, and close it."""
        draining = Draining()
        async with AsyncExitStack() as stack:
            opened = open_platform(self._settings, draining=draining, metrics=self._metrics)
            platform = await stack.enter_async_context(opened)
            platform.follow_log()
            platform.background.start("read models", platform.read_models.run())
            await ready_hasher(platform.bus, platform.services)
            platform.hear_ends()
            platform.rebuilds.ask()  # so that nobody's first request has to wait for lost sessions
            platform.background.start("draining", _pass_on(self._draining, draining))
            self._app = build_app(platform, more_routes=self._more_routes)  # type: ignore[assignment]
            if not first.done():
                first.set_result(None)
            await platform.background.failed.wait()
            if platform.background.reason != REPLACED:
                os.kill(os.getpid(), signal.SIGTERM)  # drain and end, to be started anew
                await asyncio.Event().wait()
            self._app = _replaced
            draining.begin()  # live readers go, and come again


async def _unready(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise RuntimeError("a request came before the platform was open")


async def _replaced(scope: Scope, _receive: Receive, send: Send) -> None:
    """Ask to come again: the log was replaced just now."""
    outage = Outage(REPLACED, retry_after=1.0)
    await problem_answer(outage, scope["path"]).send(send)


async def _pass_on(process: Draining, platform: Draining) -> None:
    """Let what this platform serves drain with the process."""
    await process.wait()
    platform.begin()
    await asyncio.Event().wait()
