"""The fence by itself: a step counts only behind the newest, however late it comes."""

import asyncio
from datetime import timedelta

import pytest

from adapters.postgres import checkpoints
from adapters.postgres.checkpoints import Mark, Step, advance, advance_many, lease, prune, release
from adapters.postgres.connect import open_pool

FLAGS, JOBS = Mark("flags", 1000), Mark("jobs", 1000)


def step(previous: int, position: int, mark: Mark = FLAGS) -> Step:
    return Step(mark=mark, previous=previous, position=position)


async def test_a_step_counts_only_behind_the_newest(database_url: str) -> None:
    pool = await open_pool(database_url, role="annals_projector")
    async with pool.acquire() as one:
        assert await advance(one, 1, step(0, 5))
        assert not await advance(one, 1, step(0, 6))  # the same place, again
        assert not await advance(one, 1, step(4, 6))  # a place where nobody ever was
        assert await advance(one, 1, step(5, 9))
        assert await checkpoints.read(one, 1, [FLAGS, JOBS]) == {FLAGS: 9, JOBS: 0}
    pool.terminate()


async def test_a_stale_step_is_refused_also_when_its_place_was_pruned(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await open_pool(database_url, role="annals_projector")
    async with pool.acquire() as one:
        for previous in range(10):
            assert await advance(one, 1, step(previous, previous + 1))
        assert await prune(one, 1, {FLAGS: 0}) == {FLAGS: 0}  # too young to go
        assert await one.fetchval("SELECT count(*) FROM annals.checkpoints") == 10
        monkeypatch.setattr(checkpoints, "KEPT", timedelta())
        assert await prune(one, 1, {FLAGS: 0}) == {FLAGS: 9}
        assert await one.fetchval("SELECT count(*) FROM annals.checkpoints") == 1
        assert not await advance(one, 1, step(3, 4))
        assert not await advance(one, 1, step(0, 4))
        assert await advance(one, 1, step(10, 11))
        assert await prune(one, 1, {FLAGS: 9}) == {FLAGS: 10}
        assert await one.fetchval("SELECT count(*) FROM annals.checkpoints") == 1
    pool.terminate()


async def test_many_steps_stand_or_fall_alone(database_url: str) -> None:
    pool = await open_pool(database_url, role="annals_projector")
    async with pool.acquire() as one:
        assert await advance(one, 1, step(0, 5))
        taken = await advance_many(one, 1, [step(0, 7), step(0, 7, JOBS)])
        assert taken == {JOBS}
        assert await advance_many(one, 1, [step(5, 8), step(7, 8, JOBS)]) == {FLAGS, JOBS}
    pool.terminate()


async def test_of_two_open_steps_the_second_waits_and_fails(database_url: str) -> None:
    pool = await open_pool(database_url, role="annals_projector", max_size=3)
    async with pool.acquire() as one, pool.acquire() as two, pool.acquire() as watch:
        await one.execute("BEGIN")
        assert await advance(one, 1, step(0, 5))
        second = asyncio.create_task(advance(two, 1, step(0, 6)))
        waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
        while not await watch.fetchval(waiting):
            continue
        await one.execute("COMMIT")
        assert not await second
    pool.terminate()


async def test_a_lease_is_one_holders_until_it_lets_go(database_url: str) -> None:
    pool = await open_pool(database_url, role="annals_projector")
    async with pool.acquire() as one:
        assert await lease(one, "a", [FLAGS]) == {FLAGS}
        assert await lease(one, "b", [FLAGS, JOBS]) == {JOBS}
        assert await lease(one, "a", [FLAGS]) == {FLAGS}
        await release(one, "b", [FLAGS])  # it is not b's to release
        assert await lease(one, "b", [FLAGS]) == set()
        await release(one, "a", [FLAGS])
        assert await lease(one, "b", [FLAGS]) == {FLAGS}
    pool.terminate()
