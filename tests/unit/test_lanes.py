"""Lanes: one at a time per key, in order, and nothing left behind."""

import asyncio

import pytest

from application.lanes import Lanes


async def test_users_of_a_key_pass_one_at_a_time_in_order() -> None:
    lanes, passed = Lanes(), []

    async def user(number: int) -> None:
        async with lanes.hold(["a", "b"]):
            passed.append(number)
            await asyncio.sleep(0)
            passed.append(number)

    await asyncio.gather(*(user(number) for number in range(5)))
    assert passed == [number for number in range(5) for _ in range(2)]
    assert not lanes._locks
    assert not lanes._users


async def test_who_gives_up_waiting_leaves_no_trace() -> None:
    lanes = Lanes()
    async with lanes.hold(["b"]):
        waiting = asyncio.create_task(_pass(lanes, ["a", "b"]))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await _pass(lanes, ["a"])
    assert not lanes._locks
    assert not lanes._users


async def test_a_failure_inside_frees_the_lane() -> None:
    lanes = Lanes()
    with pytest.raises(ZeroDivisionError):
        async with lanes.hold(["a"]):
            raise ZeroDivisionError
    await _pass(lanes, ["a", "a"])
    assert not lanes._locks


async def _pass(lanes: Lanes, keys: list[str]) -> None:
    async with lanes.hold(keys):
        pass
