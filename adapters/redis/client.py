"""The one connection of a process to Redis.

Small on purpose: it knows how to ask, how to come back, and when to say at once that there is
nobody. A pool of connections would cost more than it brings (see benchmarks/redis_client.py).
"""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Awaitable, Sequence
from typing import Any, Self

from adapters.redis.address import RedisAddress, parse_address
from adapters.redis.link import Link, ReplyError, Word
from application.event_store import Outage

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 2.0
_STABLE = 5.0  # seconds that a connection must have stood for the pauses to start small again


class Script:
    """A Lua script, known to the server by its digest."""

    def __init__(self, text: str) -> None:
        """Digest it once."""
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisClient:
    """Asks Redis over one connection that comes back by itself.

    `run_id` is the server's: a restart gives it another, so what was derived into the old run is
    known to be lost. It is empty until the first connection stands. `connections` counts those that
    have stood: what happened between two of them was not heard.
    """

    def __init__(
        self, url: str, *, timeout: float = 1.0, bound: int = 10_000, protocol: int = 2
    ) -> None:
        """`timeout` in seconds, for a call and for connecting; `bound` calls may be in flight.

        `protocol` is the RESP version, 2 or 3.

        Raises:
            ValueError: when the URL is not one of a Redis.
        """
        self.address: RedisAddress = parse_address(url)
        self.run_id = ""
        self.connections = 0
        self._timeout = timeout
        self._bound = bound
        self._protocol = protocol
        self._link: Link | None = None
        self._trouble = "Redis was not asked yet"
        self._tried = asyncio.Event()
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        timeout: float = 1.0,  # noqa: ASYNC109 - of the calls to come, not of this one
        bound: int = 10_000,
        protocol: int = 2,
    ) -> Self:
        """Start, and wait for the first try to connect; where it failed, others follow."""
        client = cls(url, timeout=timeout, bound=bound, protocol=protocol)
        client._keeper = asyncio.create_task(client._keep(), name="redis")
        await client._tried.wait()
        return client

    @property
    def up(self) -> bool:
        """Whether a connection stands."""
        return self._link is not None and not self._link.gone

    @property
    def in_flight(self) -> int:
        """How many calls wait for their reply."""
        return 0 if self._link is None else self._link.in_flight

    async def wait_up(self) -> None:
        """Wait until a connection stands."""
        while not self.up:
            await self._up.wait()

    def send(self, *words: Word) -> Awaitable[Any]:
        """Put a command on its way now, so that several can be sent before the first is awaited.

        Raises:
            Outage: at once, while there is no connection or too much waits already. Awaiting
                raises it too, with outcome "unknown" when the command may have been carried out.
            ReplyError: from awaiting, when Redis refuses.
        """
        if self._link is None:
            raise Outage(f"Redis at {self.address} does not answer: {self._trouble}")
        return self._link.send(*words)

    async def execute(self, *words: Word) -> Any:
        """Send a command and wait for its reply (bytes, int, list, None; maps under RESP3).

        Raises:
            Outage: as `send`.
            ReplyError: when Redis refuses.
        """
        return await self.send(*words)

    async def eval(
        self, script: Script, keys: Sequence[str | bytes] = (), args: Sequence[Word] = ()
    ) -> Any:
        """Run a script; its text travels only to a server that does not know it (any more).

        Raises:
            Outage: as `send`.
            ReplyError: when the script fails.
        """
        try:
            return await self.send("EVALSHA", script.sha, len(keys), *keys, *args)
        except ReplyError as error:
            if error.code != "NOSCRIPT":
                raise
        return await self.send("EVAL", script.text, len(keys), *keys, *args)

    async def aclose(self) -> None:
        """Close the connection; what is in flight fails."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._link is not None:
            self._link.give_up("the client was closed")
        self._link = None
        self._trouble = "the client was closed"

    async def _keep(self) -> None:
        """Connect, wait for the end, connect again."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            since = loop.time()
            try:
                await self._connect()
            except (OSError, Outage, ReplyError, ValueError) as error:
                self._trouble = str(error) or type(error).__name__
            else:
                self._tried.set()
                self._up.set()
                await self._down.wait()
            self._tried.set()
            if loop.time() - since > _STABLE:
                pause = _FIRST_PAUSE
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _connect(self) -> None:
        self._down.clear()
        link: Link | None = None
        try:
            async with asyncio.timeout(self._timeout):
                link = await self._dial()
                self.run_id = await self._greet(link)
        except BaseException:
            if link is not None:
                link.give_up("the server could not be greeted")
            raise
        if link.gone:
            raise Outage("the connection was lost at once")
        self._link = link
        self.connections += 1

    async def _dial(self) -> Link:
        loop = asyncio.get_running_loop()
        at = self.address

        def make() -> Link:
            return Link(timeout=self._timeout, bound=self._bound, lost=self._lost)

        if at.path:
            _, link = await loop.create_unix_connection(make, at.path)
        else:
            _, link = await loop.create_connection(make, at.host, at.port, ssl=at.tls)
        return link

    async def _greet(self, link: Link) -> str:
        """Log in, choose the database, and learn which run of the server this is."""
        at = self.address
        login = [at.username or "default", at.password] if at.password else []
        steps = []
        if self._protocol > 2:  # noqa: PLR2004 - RESP3 is agreed on by HELLO
            steps.append(link.send("HELLO", self._protocol, *(["AUTH", *login] if login else [])))
        elif login:
            steps.append(link.send("AUTH", *login[0 if at.username else 1 :]))
        if at.database:
            steps.append(link.send("SELECT", at.database))
        steps.append(link.send("INFO", "server"))
        info = (await asyncio.gather(*steps))[-1]
        return _run_id(info if isinstance(info, bytes) else str(info).encode())

    def _lost(self) -> None:
        """Called by the link, in the very turn in which it ends."""
        if self._link is not None and self._link.gone:
            self._link = None
            self._trouble = "the connection was lost"
            self._up.clear()
        self._down.set()


def _run_id(info: bytes) -> str:
    for line in info.splitlines():
        name, _, value = line.partition(b":")
        if name == b"run_id":
            return value.decode()
    raise ValueError("the server does not tell its run_id")
