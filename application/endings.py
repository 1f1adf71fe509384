"""The end of tasks, which is waited for until it has come.

A cancellation is an exception like others: an error on its way out takes its place, as that of a
connection that was lost while it was given back. Whoever goes on after such errors would then go on
for ever, and whoever waits for its end wait for ever.
"""

import asyncio
from typing import Any

import structlog

log = structlog.get_logger(__name__)

AGAIN = 5.0
"""Seconds that a task has to tidy up before it is told again that it is over."""


def give_way(error: BaseException) -> None:
    """Let the cancellation of this task go on whose place an error has taken, if that is so.

    Raises:
        CancelledError: when this task was told to end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until every one has ended, however it does."""
    left = {each for each in tasks if not each.done()}
    while left:
        for each in left:
            each.cancel()
        done, left = await asyncio.wait(left, timeout=AGAIN)
        for each in left:
            log.warning("task_does_not_end", task=each.get_name())
        for each in done:
            if not each.cancelled():
                each.exception()  # looked at, so that nobody complains that nobody has
