"""Sources of logs over HTTP, with a reader in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.memory.log_reader import MemoryLogReader
from adapters.settings import Settings
from adapters.settings_values import LogRoot
from tests.support.http_platform import Api, opened_api

ROOTS = (LogRoot(Path("/var/log")), LogRoot(Path("/srv/acme"), "acme"))


@asynccontextmanager
async def opened_logs() -> AsyncIterator[Api]:
    """An API whose operator has opened a directory to everybody, and one to a tenant."""
    settings = Settings(log_level="error", log_roots=ROOTS)
    async with opened_api(settings=settings, log_reader=MemoryLogReader("")) as api:
        yield api


async def register(api: Api, name: str = "app", **change: Any) -> Any:
    return await api.owner("PUT", f"/v1/logs/{name}", {"paths": [f"/var/log/{name}.log"], **change})
