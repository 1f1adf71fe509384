"""Lock-outs that an admin sees and lifts, over HTTP."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.memory.lockout import MemoryLockout
from application.event_store import Outage
from application.lockout import LockoutPolicies, LockoutPolicy
from application.patient_lockout import PatientLockout
from tests.support.accounts import MEMBER, register, sign_in, slug, token_of, types_of
from tests.support.http_platform import Api, opened_api

NEAR = LockoutPolicy(threshold=5, delay=30.0, longest=3600.0, forget=86_400.0)
EVERYWHERE = LockoutPolicy(threshold=3, delay=60.0, longest=3600.0, forget=86_400.0)
LIFTED = "account.lockout_lifted"


class Failing(MemoryLockout):
    """Counters that go away when they are to forget."""

    down = False

    async def forget(self, account: str) -> None:
        if self.down:
            raise Outage("Redis does not answer")
        await super().forget(account)


@pytest.fixture
def counters() -> Failing:
    return Failing(policies=LockoutPolicies(near=NEAR, account=EVERYWHERE))


@pytest.fixture
async def api(counters: Failing) -> AsyncIterator[Api]:
    async with opened_api(lockout=PatientLockout(counters)) as api:
        yield api


@pytest.fixture
async def near() -> AsyncIterator[Api]:
    """Where few failures at one place lock an account, and none everywhere."""
    async with opened_api(lockout=PatientLockout(MemoryLockout())) as api:
        yield api


async def guess(api: Api) -> Any:
    """Wrong passwords until none is tried any more."""
    for number in range(50):
        answer = await sign_in(api, password=f"guess number {number}")
        if answer.status_code == 429:
            return answer
    raise AssertionError("fifty guesses and no lock-out")


async def lift(api: Api, account: str, **headers: str) -> Any:
    return await api.owner("DELETE", f"/v1/accounts/{account}/lockout", **headers)


async def locked_until(api: Api, account: str, query: str = "") -> datetime | None:
    answer = await api.owner("GET", f"/v1/accounts/{account}{query}")
    shown = answer.json()["locked_until"]
    return None if shown is None else datetime.fromisoformat(shown)


async def test_a_lock_shows_until_it_is_over(api: Api) -> None:
    account = (await register(api)).json()["id"]
    assert await locked_until(api, account) is None
    began = api.platform.clock
    await guess(api)
    until = await locked_until(api, account)
    assert until is not None
    assert timedelta(minutes=1) <= until - began < timedelta(minutes=2)
    last = (await api.owner("GET", f"/v1/accounts/{account}/history")).json()["items"][-1]
    api.platform.clock = until
    assert await locked_until(api, account) is None
    assert await locked_until(api, account, f"?position={last['position']}") == until


async def test_an_admin_lifts_it_once(api: Api) -> None:
    account = (await register(api)).json()["id"]
    await guess(api)
    for _ in range(2):
        assert (await lift(api, account)).status_code == 204
    assert (await types_of(api, account)).count(LIFTED) == 1
    assert await locked_until(api, account) is None
    assert (await sign_in(api)).status_code == 201
    events = (await api.owner("GET", f"/v1/accounts/{account}/history")).json()["items"]
    [lifted] = [each for each in events if each["type"] == LIFTED]
    assert lifted["meta"]["actor"] == f"api-key/{UUID(int=7)}"


async def test_one_of_a_single_place_too(near: Api) -> None:
    account = (await register(near)).json()["id"]
    await guess(near)
    assert await locked_until(near, account) is None
    assert (await lift(near, account)).status_code == 204
    assert (await sign_in(near)).status_code == 201
    assert (await types_of(near, account)).count(LIFTED) == 1


async def test_where_nothing_has_failed_nothing_is_recorded(api: Api) -> None:
    account = (await register(api)).json()["id"]
    assert (await lift(api, account)).status_code == 204
    assert LIFTED not in await types_of(api, account)


async def test_a_closed_account_is_not_locked_when_it_is_reopened(api: Api) -> None:
    account = (await register(api)).json()["id"]
    await guess(api)
    await api.owner("POST", f"/v1/accounts/{account}/close")
    assert (await lift(api, account)).status_code == 204
    await api.owner("POST", f"/v1/accounts/{account}/reopen")
    assert (await sign_in(api)).status_code == 201


async def test_a_lift_that_is_refused_forgets_nothing(api: Api) -> None:
    account = (await register(api)).json()["id"]
    await guess(api)
    assert (await lift(api, account, if_match='"v1"')).status_code == 412
    assert (await sign_in(api)).status_code == 429


async def test_what_could_not_be_forgotten_is_asked_for_again(api: Api, counters: Failing) -> None:
    account = (await register(api)).json()["id"]
    await guess(api)
    counters.down = True
    assert (await lift(api, account)).status_code == 503
    counters.down = False
    assert (await sign_in(api)).status_code == 429
    assert (await lift(api, account)).status_code == 204
    assert (await sign_in(api)).status_code == 201


async def test_only_who_runs_the_installation_lifts_one(api: Api) -> None:
    account = (await register(api)).json()["id"]
    path = f"/v1/accounts/{account}/lockout"
    answer = await api.ask("DELETE", path, token=await token_of(api))
    assert (answer.status_code, answer.json()["permission"]) == (403, "accounts:write")
    for unknown in (MEMBER, "nobody"):
        answer = await lift(api, unknown)
        assert (answer.status_code, slug(answer)) == (404, "no-such-account")
