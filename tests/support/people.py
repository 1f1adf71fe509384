"""People before the API processes of one installation, which run in the test's event loop."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx

from adapters.bootstrap import open_platform
from adapters.http.app import build_app
from adapters.platform import Platform
from adapters.settings import Settings
from tests.support.stand_ins import NoLockout

PASSWORD = "correct horse battery staple"


class Process:
    """An API process, and a client of it."""

    def __init__(self, platform: Platform, http: httpx.AsyncClient) -> None:
        self.platform = platform
        self.http = http

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str = "", **headers: str
    ) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        answer = await self.http.request(method, path, json=body, headers=sent)
        self.http.cookies.clear()
        return answer

    async def register(self, email: str) -> str:
        """Open an account; its id."""
        answer = await self.ask("POST", "/v1/accounts", {"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def sign_in(self, email: str, password: str = PASSWORD, **headers: str) -> str:
        """A session's token; empty where the password opens nothing."""
        body = {"email": email, "password": password}
        answer = await self.ask("POST", "/v1/sessions", body, **headers)
        assert answer.status_code in (201, 401), answer.text
        return str(answer.json().get("token", ""))

    async def opens(self, token: str) -> bool:
        """Whether a token opens something, once that can be told."""
        async with asyncio.timeout(30):
            while True:
                answer = await self.ask("GET", "/v1/sessions/current", token=token)
                if answer.status_code != 503:
                    assert answer.status_code in (200, 401), answer.text
                    return bool(answer.status_code == 200)
                await asyncio.sleep(0.02)


class Processes:
    """As many as a test wants, with one clock that it may put forward."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ahead = timedelta()
        self._stack = AsyncExitStack()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def start(self) -> Process:
        platform = await self._stack.enter_async_context(
            open_platform(self.settings, clock=self.now, lockout=NoLockout())
        )
        platform.follow_log()
        platform.hear_ends()
        platform.rebuilds.ask()
        transport = httpx.ASGITransport(app=build_app(platform))  # type: ignore[arg-type]
        http = httpx.AsyncClient(transport=transport, base_url="http://annals")
        return Process(platform, await self._stack.enter_async_context(http))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()
