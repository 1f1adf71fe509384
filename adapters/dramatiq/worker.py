"""A Dramatiq worker inside a process of ours.

Dramatiq's threads fetch messages and hand their tickets to the one event loop in which the
pipeline, its pools and the HTTP client live; there hundreds of effects wait for the world at the
same time, and their claims and outcomes share the appender's group commits. So the command line
of Dramatiq, with its own processes, signals and loops, is not used.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker

from adapters.dramatiq.broker import declare
from application.effect_runner import EffectRunner
from application.effects import Ticket

POLL_MILLISECONDS = 50
"""The longest pause between two looks at an empty queue."""
DELAYED = 20_000
"""Messages that are held until they are due."""

log = structlog.get_logger(__name__)


class DramatiqWorker:
    """Feeds a runner from the broker until `drain`."""

    def __init__(
        self, broker: RedisBroker, runner: EffectRunner, *, threads: int = 4, prefetch: int = 8
    ) -> None:
        """Made in the runner's event loop. A thread only waits for the runner to have room."""
        self._runner = runner
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        declare(broker, self._accept)
        self._worker = dramatiq.Worker(
            broker, worker_threads=threads, worker_timeout=POLL_MILLISECONDS
        )
        self._worker.queue_prefetch = prefetch
        self._worker.delay_prefetch = DELAYED

    def start(self) -> None:
        """Begin to fetch."""
        self._worker.start()

    async def drain(self, within: float) -> None:
        """Fetch no more, let what runs finish for so many seconds, and leave the rest.

        What was fetched and not begun goes back to the broker; what does not finish keeps its
        claim until the lease is over.
        """
        loop = asyncio.get_running_loop()
        for thread in self._worker.workers:
            thread.stop()
        for consumer in self._worker.consumers.values():
            consumer.stop()  # one that is paused sleeps for seconds before it sees its end
        left = await self._runner.drain(within)
        if left:
            log.warning("effects_left_to_their_lease", count=left)
        self._stopped.set()
        try:
            async with asyncio.timeout(2.0):
                await loop.run_in_executor(None, lambda: self._worker.stop(timeout=1500))
        except TimeoutError:
            log.warning("worker_threads_left")

    def _accept(self, tickets: Sequence[Sequence[Any]]) -> None:
        """In a thread of Dramatiq's: have the runner take tickets, and wait until it has."""
        if self._stopped.is_set():
            return
        self._wait(self._runner.accept([Ticket(*each) for each in tickets]))

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        while not self._stopped.is_set():
            try:
                return future.result(timeout=0.2)
            except concurrent.futures.TimeoutError:
                if future.done():
                    raise
        future.cancel()
        return None
