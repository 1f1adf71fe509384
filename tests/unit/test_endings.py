"""Tasks end when they are told to, whatever error comes in the cancellation's way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from adapters.background import Background
from adapters.postgres.connect import outages
from application import endings
from application.endings import end
from application.event_store import Outage


class Log:
    """A log whose connections are lost while they are given back."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            raise asyncpg.InterfaceError("the connection is lost")

    async def answer(self) -> None:
        async with self.connection():
            self.asked.set()
            await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "AGAIN", 0.01)


async def test_what_takes_a_cancellation_for_an_outage_is_told_again() -> None:
    log, tries = Log(), []

    async def try_for_ever() -> None:
        while True:
            tries.append(len(tries))
            try:
                await log.answer()
            except asyncpg.InterfaceError:
                await asyncio.sleep(3600)

    task = asyncio.create_task(try_for_ever())
    await log.asked.wait()
    await end(task)
    assert task.cancelled()
    assert tries == [0]


async def test_who_is_told_to_end_while_the_log_is_lost_meets_no_outage() -> None:
    log = Log()

    async def ask() -> None:
        async with outages():
            await log.answer()

    task = asyncio.create_task(ask())
    await log.asked.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_who_is_late_while_the_log_is_lost_is_late() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), outages():
            await Log().answer()


async def test_a_log_that_is_lost_is_an_outage() -> None:
    with pytest.raises(Outage):
        async with outages():
            raise asyncpg.InterfaceError("the connection is lost")


async def test_background_work_ends_before_what_it_stands_on_is_closed() -> None:
    background, log, ended = Background(), Log(), []

    async def try_for_ever() -> None:
        try:
            while True:
                try:
                    await log.answer()
                except asyncpg.InterfaceError:
                    await asyncio.sleep(3600)
        finally:
            ended.append(True)

    background.start("tries", try_for_ever())
    await log.asked.wait()
    await background.stop()
    assert ended
    assert not background.failed.is_set()


async def test_an_error_at_the_end_is_nobodys() -> None:
    begun = asyncio.Event()

    async def fail() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            raise ValueError("too late to matter")

    task = asyncio.create_task(fail())
    await begun.wait()
    await end(task)
    assert task.done()
