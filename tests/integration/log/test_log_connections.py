"""Whoever is told to end while a connection is refused does end."""

import asyncio

import pytest

from adapters.postgres.connect import Connection, open_pool, outages
from application.event_store import ForeignIncarnation


async def test_a_cancellation_outlives_the_refusal_of_a_connection(postgres_url: str) -> None:
    refused: list[Connection] = []
    first, meets_another_log = asyncio.Event(), asyncio.Event()

    async def expect_the_log(connection: Connection) -> None:
        if not first.is_set():
            first.set()
            return
        refused.append(connection)
        meets_another_log.set()
        raise ForeignIncarnation

    async def ask() -> None:
        async with outages(), pool.acquire(timeout=30.0):
            pytest.fail("the connection was not refused")

    pool = await open_pool(
        postgres_url, role="annals_reader", max_size=2, on_connect=expect_the_log
    )
    async with pool.acquire():
        asking = asyncio.create_task(ask())
        await meets_another_log.wait()
        asking.cancel()  # while asyncpg closes what was refused
        await asyncio.wait([asking])
    pool.terminate()
    assert asking.cancelled()
    assert len(refused) == 1
