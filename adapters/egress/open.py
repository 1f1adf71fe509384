"""The executor of this installation: guarded by its settings, and closed at the end."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from adapters.egress.client import open_client
from adapters.egress.executors import Executors, HttpExecutor, LogExecutor
from adapters.egress.guard import EgressGuard
from adapters.settings import Settings
from application.executor import Executor

_PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379}


def own_servers(settings: Settings) -> list[tuple[str, int]]:
    """(host, port) of what this platform consists of; what has a Unix socket only is not there."""
    own = [(settings.host, settings.port)]
    for url in (settings.database_url, settings.redis_url):
        own += servers_of(url)
    return own


def servers_of(url: str) -> list[tuple[str, int]]:
    """(host, port) of every server that a URL names; several are separated by commas."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        return []
    default = _PORTS[parts.scheme]
    query = parse_qs(parts.query)
    hosts = query.get("host", [parts.netloc.rpartition("@")[2]])[-1].split(",")
    ports = query.get("port", [""])[-1].split(",")
    own = []
    for index, text in enumerate(hosts):
        server = urlsplit(f"//{text}")
        if not server.hostname or text.startswith("/"):
            continue
        listed = ports[min(index, len(ports) - 1)]
        own.append((server.hostname, server.port or int(listed or default)))
    return own


@asynccontextmanager
async def opened_executor(
    settings: Settings, now: Callable[[], datetime]
) -> AsyncIterator[Executor]:
    """What carries actions out."""
    guard = EgressGuard(settings.egress_allow, own_servers(settings))
    try:
        async with open_client(guard) as client:
            yield Executors(HttpExecutor(client, now=now), LogExecutor())
    finally:
        guard.aclose()
