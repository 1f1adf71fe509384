"""Commands as a person calls them, against a real database with a projector at work."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import structlog
from click.testing import CliRunner, Result

from adapters.capabilities import PROJECTIONS
from adapters.cli.main import annals
from adapters.cli.opening import OpenLog, open_as_owner, open_log
from adapters.cli.output import Output
from adapters.cli.running import Invocation
from adapters.crypto.master import load_master_key
from adapters.postgres.connect import open_pool
from adapters.postgres.generations import prepare
from adapters.postgres.projector import Projector, bound_transactions
from adapters.postgres.tail import Listener
from adapters.settings import Settings, load_settings
from application.positions import Position
from application.progress import LocalProgress
from application.tail import Tail
from application.unit import Unit
from domain.jobs import JOB, FailAttempt, QueueJob, StartAttempt, SucceedAttempt
from domain.retries import RetryPolicy
from tests.support.services import LoopThread

T = TypeVar("T")

ONCE = RetryPolicy(max_attempts=1)


@contextmanager
def kept_logging() -> Iterator[None]:
    """Commands set logging up for their process, which here is everybody's."""
    configured, config = structlog.is_configured(), structlog.get_config()
    try:
        yield
    finally:
        structlog.reset_defaults()
        if configured:
            structlog.configure(**config)


def call(*arguments: str, **env: str | None) -> Result:
    """Call a command in a thread without an event loop, as a process has none yet."""
    with kept_logging(), ThreadPoolExecutor(1) as thread:
        return thread.submit(CliRunner().invoke, annals, list(arguments), env=env).result()


class Installation:
    """A database, a data directory with a master key, and a projector that feeds read models."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.env = {"DATABASE_URL": url, "DATA_DIR": str(data_dir), "OWNER_KEY_FILE": None}
        data_dir.mkdir(exist_ok=True)
        self.settings: Settings = load_settings(
            {"DATABASE_URL": url, "DATA_DIR": str(data_dir)}, Path("/nowhere")
        )
        load_master_key(self.settings.master_key_file)
        self.log: OpenLog
        self._thread = LoopThread()
        self._stack = AsyncExitStack()
        self._work: list[asyncio.Task[Any]] = []
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.run(work)

    def call(self, *arguments: str, **env: str | None) -> Result:
        return call(*arguments, **{**self.env, **env})

    def json(self, *arguments: str) -> Any:
        """The JSON document that a command answers with."""
        result = self.call(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def lines(self, *arguments: str) -> list[Any]:
        """The JSON lines that a command answers with."""
        result = self.call(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    def close(self) -> None:
        self.run(self._close())
        self._thread.close()

    def queue(self, action: str = "say", input_: Any = None) -> str:
        """A job that waits."""
        job = str(self.log.new_id())
        self.decide(job, QueueJob(action=action, requester="ada", input=input_, at=now()))
        return job

    def die(self, action: str = "fail") -> str:
        """A job that is a dead letter."""
        job = self.queue(action)
        self.decide(job, StartAttempt(policy=ONCE, at=now()))
        failed = FailAttempt(
            attempt=1,
            error="no answer",
            status=None,
            response=None,
            retryable=True,
            policy=ONCE,
            chance=0.5,
            not_before=0.0,
            at=now(),
        )
        self.decide(job, failed)
        return job

    def succeed(self) -> str:
        job = self.queue()
        self.decide(job, StartAttempt(policy=ONCE, at=now()))
        self.decide(job, SucceedAttempt(attempt=1, status=200, response="fine", at=now()))
        return job

    def decide(self, job: str, command: Any, tenant: str = "default") -> None:
        async def decide(unit: Unit) -> Any:
            return await unit.decide(JOB, job, command)

        async def run() -> None:
            await self.log.pipeline.run(decide, self.log.context(tenant))

        self.run(run())

    def execute(self, sql: str, *values: Any) -> None:
        """Run a statement as the owner of the tables."""

        async def run() -> None:
            async with open_as_owner(self.log) as connection:
                await connection.execute(sql, *values)

        self.run(run())

    def caught_up(self) -> None:
        """Wait until every read model includes all that is recorded."""

        async def wait() -> None:
            tail = await self.log.store.tail()
            for projection in PROJECTIONS:
                end = Position(tail.incarnation, tail.position)
                await self.log.read_models.consistent(projection, end, patience=30)

        self.run(wait())

    @property
    def end(self) -> int:
        """The log's last position."""
        return self.run(self.log.store.tail()).position

    async def _open(self) -> None:
        enter = self._stack.enter_async_context
        invocation = Invocation(settings=self.settings, output=Output(as_json=True))
        self.log = await enter(open_log(invocation))
        async with open_as_owner(self.log) as connection:
            await prepare(connection, PROJECTIONS)
        url = self.settings.database_url
        pool = await open_pool(url, role="annals_projector", on_connect=bound_transactions)
        self._stack.callback(pool.terminate)
        tail = Tail(self.log.store)
        projector = Projector(
            pool=pool,
            store=self.log.store,
            codec=self.log.codec,
            tail=tail,
            progress=LocalProgress(),
            holder="a projector",
            projections=PROJECTIONS,
        )
        for work in (tail.run(), Listener(url, tail).run(), projector.run()):
            self._work.append(asyncio.create_task(work))

    async def _close(self) -> None:
        for task in reversed(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self._stack.aclose()


def now() -> datetime:
    return datetime.now(UTC)
