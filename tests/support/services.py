"""Postgres and Redis for the tests: embedded, in containers, or somewhere else.

Each pytest process (each xdist worker) has its own pair where they are embedded or in
containers, so that a test may kill or flush them without a neighbour noticing. Everything here
may be called from a test that runs in an event loop as well as from one that does not.
"""

import asyncio
import os
import secrets
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from adapters.embedded.homes import make_data_dir, make_home
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.valkey import EmbeddedValkey
from adapters.postgres.migrations import migrate
from adapters.supervisor.child import Child

T = TypeVar("T")

_UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "5s"}


_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system, below which directories are made
_ROOM = 4 << 30  # bytes


def quick_place() -> Path | None:
    """Where directories lie in memory, so that no test awaits a disk; None without room."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    return _MEMORY if roomy else None


def make_directory(*, durable: bool = False) -> Path:
    """A new directory for servers, in a quick place unless it is to be durable."""
    place = None if durable else quick_place()
    directory = Path(tempfile.mkdtemp(prefix="annals-test-", dir=place))
    if os.geteuid() == 0:
        directory.chmod(0o711)
    return directory


class LoopThread:
    """An event loop in a thread of its own, for work that must go on between tests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Servers(Protocol):
    """A running pair; the database of `postgres` is one that others can be made from."""

    postgres: str
    redis: str


class Services:
    """Fresh databases on a running pair of servers."""

    def __init__(self, servers: Servers, thread: LoopThread) -> None:
        self.servers = servers
        self.redis_url = servers.redis
        self._thread = thread
        self._template = ""
        self._made: list[str] = []

    def new_database(self, *, migrated: bool = True) -> str:
        """The URL of a new database, a copy of a migrated one unless it is to be empty."""
        if not migrated:
            return self._create("")
        if not self._template:
            template = self._create("")
            self._thread.run(migrate(template))
            self._template = _database(template)
        url = self._create(f'TEMPLATE "{self._template}"')
        # A copy has everything but what was granted on the database itself. Its log is another one:
        # what platforms keep in Redis is told apart by that.
        grant = f'GRANT CREATE ON DATABASE "{_database(url)}" TO annals_owner'
        another = "UPDATE annals.logs SET incarnation = gen_random_uuid()"
        self._thread.run(_execute(url, f"{grant}; {another}"))
        return url

    def drop_database(self, url: str) -> None:
        """Remove a database that `new_database` has made, whoever is connected."""
        self._made.remove(url)
        self._thread.run(
            _execute(self.servers.postgres, f'DROP DATABASE "{_database(url)}" WITH (FORCE)')
        )

    def close(self) -> None:
        for url in reversed(self._made.copy()):
            self.drop_database(url)

    def _create(self, options: str) -> str:
        name = f"test_{secrets.token_hex(6)}"
        self._thread.run(_execute(self.servers.postgres, f'CREATE DATABASE "{name}" {options}'))
        url = urlsplit(self.servers.postgres)._replace(path=f"/{name}")
        self._made.append(text := urlunsplit(url))
        return text


class EmbeddedServers:
    """The servers that `annals up` runs, in a directory of their own that is removed again."""

    def __init__(self, thread: LoopThread, *, durable: bool = False) -> None:
        """Where they are `durable` they are as they ship, on the disk."""
        self._thread = thread
        self.directory = make_directory(durable=durable)
        options = {} if durable else _UNSAFE_BUT_FAST
        data_dir = make_data_dir(self.directory)
        home = make_home(data_dir)
        self.postgres_server = EmbeddedPostgres(home, data_dir, options)
        self.valkey_server = EmbeddedValkey(home, data_dir)
        self.lines: deque[str] = deque(maxlen=1000)
        self.children: dict[str, Child] = {}
        try:
            self.start("postgres")
            self.start("valkey")
        except BaseException:
            self.close()
            raise
        self.postgres = self.postgres_server.url()
        self.redis = self.valkey_server.url()

    def start(self, name: str) -> None:
        """Start `postgres` or `valkey`, and wait until it answers."""
        server = {"postgres": self.postgres_server, "valkey": self.valkey_server}[name]

        async def start() -> Child:
            child = await Child.spawn(
                server.program(), lambda who, line: self.lines.append(f"{who}: {line}")
            )
            self.children[name] = child
            await child.ready()
            return child

        self._thread.run(start())

    def kill(self, name: str) -> None:
        """End one at once, as if it had crashed; its data stays for `start`."""
        child = self.children.pop(name)

        async def end() -> None:
            child.kill()
            await child.finish(10)

        self._thread.run(end())

    def close(self) -> None:
        for child in self.children.values():
            self._thread.run(child.stop(10))
        shutil.rmtree(self.directory, ignore_errors=True)


class ExternalServers:
    """Servers that DATABASE_URL and REDIS_URL name; each worker has a Redis database."""

    def __init__(self) -> None:
        self.postgres = os.environ["DATABASE_URL"]
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        redis = urlsplit(os.environ["REDIS_URL"])
        self.redis = urlunsplit(redis._replace(path=f"/{worker}"))


class ContainerServers:
    """postgres:18 and redis:8, pulled and run by testcontainers."""

    def __init__(self) -> None:
        from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415 - only here
        from testcontainers.community.redis import RedisContainer  # noqa: PLC0415 - only here

        self._postgres = PostgresContainer("postgres:18", driver=None)
        self._redis = RedisContainer("redis:8")
        self._postgres.start()
        self._redis.start()
        self.postgres = self._postgres.get_connection_url()
        host, port = self._redis.get_container_host_ip(), self._redis.get_exposed_port(6379)
        self.redis = f"redis://{host}:{port}/0"

    def close(self) -> None:
        self._redis.stop()
        self._postgres.stop()


@contextmanager
def running(kind: str) -> Iterator[Services]:
    """The servers of one kind (`embedded`, `containers`, `external`), ended afterwards."""
    thread = LoopThread()
    try:
        servers: Any
        match kind:
            case "embedded":
                servers = EmbeddedServers(thread)
            case "containers":
                servers = ContainerServers()
            case _:
                servers = ExternalServers()
        services = Services(servers, thread)
        try:
            yield services
        finally:
            if kind == "external":
                services.close()
            else:
                servers.close()
    finally:
        thread.close()


def _database(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


async def _execute(url: str, statement: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
