"""Planned changes where another process was faster: nothing is decided on what was kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.flag_changes import HALF, ON, act, flag, look, propose
from tests.support.http_platform import Api, opened_api

HELD = [{"edits": [ON], "hold": True}]


@asynccontextmanager
async def two_processes() -> AsyncIterator[tuple[Api, Api]]:
    """Two that share a log, and do not hear of what the other one does."""
    async with opened_api() as one:
        shared = {"store": one.platform.store, "vault": one.platform.vault}
        async with opened_api(**shared) as other:
            await one.owner("PUT", "/v1/flags/beta", {"enabled": False})
            yield one, other


async def test_a_refusal_on_an_old_state_does_not_fail_the_change() -> None:
    async with two_processes() as (one, other):
        change = await propose(one, steps=HELD)
        await one.owner("POST", "/v1/flags/beta/archive")
        await other.owner("POST", "/v1/flags/beta/revive")
        assert (await act(one, change, "advance")).json()["state"] == "completed"
        assert (await flag(one))["enabled"] is True


async def test_a_draft_is_overtaken_by_what_another_process_did() -> None:
    async with two_processes() as (one, other):
        edit = {"kind": "set_rules", "rules": [{"id": "all"}]}
        change = await propose(one, steps=[{"edits": [edit], "hold": True}])
        await other.owner("PUT", "/v1/flags/beta/rules", {"rules": [HALF]})
        failed = (await act(one, change, "advance")).json()
        assert (failed["state"], failed["failure"]["code"]) == ("failed", "draft-is-overtaken")


async def test_what_is_so_already_is_carried_out_on_the_newest_state() -> None:
    async with two_processes() as (one, other):
        await one.owner("POST", "/v1/flags/beta/enable")
        change = await propose(one, steps=HELD)
        await other.owner("POST", "/v1/flags/beta/disable")
        assert (await act(one, change, "advance")).json()["state"] == "completed"
        assert (await flag(one))["enabled"] is True


async def test_a_step_that_both_advance_is_carried_out_once() -> None:
    async with two_processes() as (one, other):
        change = await propose(one, steps=HELD)
        answers = await asyncio.gather(act(one, change, "advance"), act(other, change, "advance"))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert (await look(other, change))["state"] == "completed"
