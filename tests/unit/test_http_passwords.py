"""Passwords over HTTP with real hashes: imported ones, outdated ones, and many at a time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import argon2
import bcrypt
import pytest

from adapters.crypto.passwords import Argon2Hasher
from adapters.ready_hasher import ready_hasher
from domain.password_costs import MOST_COSTS, NotePasswordCosts, PasswordCosts
from tests.support.accounts import types_of
from tests.support.http_platform import Api, opened_api
from tests.support.letters import context

ADA, PASSWORD = "ada@example.org", "correct horse"
CROWD = 600


@pytest.fixture
def hasher() -> Iterator[Argon2Hasher]:
    hasher = Argon2Hasher(memory_kib=64, iterations=1)
    yield hasher
    hasher.close()


@pytest.fixture
async def api(hasher: Argon2Hasher) -> AsyncIterator[Api]:
    async with opened_api(hasher=hasher) as api:
        yield api


async def imported(api: Api, password_hash: str) -> str:
    body = {"accounts": [{"email": ADA, "password_hash": password_hash}]}
    answer = await api.owner("POST", "/v1/accounts/import", body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["items"][0]["id"])


async def sign_in(api: Api, email: str = ADA, password: str = PASSWORD) -> Any:
    answer = await api.ask("POST", "/v1/sessions", {"email": email, "password": password})
    api.http.cookies.clear()
    return answer


@pytest.mark.parametrize("kind", ["bcrypt", "argon2i", "other costs"])
async def test_a_foreign_hash_is_replaced_when_its_owner_signs_in(api: Api, kind: str) -> None:
    foreign = {
        "bcrypt": lambda: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
        "argon2i": lambda: argon2.PasswordHasher(1, 64, 1, type=argon2.Type.I).hash(PASSWORD),
        "other costs": lambda: argon2.PasswordHasher(2, 128, 1).hash(PASSWORD),
    }[kind]()
    account = await imported(api, foreign)
    assert (await sign_in(api, password="wrong one")).status_code == 401

    tokens = [(await sign_in(api)).json()["token"] for _ in range(2)]

    assert await types_of(api, account) == ["account.registered", "account.password_rehashed"]
    for token in tokens:
        assert (await api.ask("GET", "/v1/me", token=token)).status_code == 200


async def test_sign_ins_at_once_all_succeed_and_replace_the_hash_once(api: Api) -> None:
    account = await imported(api, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode())
    answers = await asyncio.gather(*(sign_in(api) for _ in range(6)))
    assert {each.status_code for each in answers} == {201}
    assert (await types_of(api, account)).count("account.password_rehashed") == 1


async def test_costs_that_change_replace_hashes_and_end_no_session(api: Api) -> None:
    answer = await api.ask("POST", "/v1/accounts", {"email": ADA, "password": PASSWORD})
    before = (await sign_in(api)).json()["token"]
    stronger = Argon2Hasher(memory_kib=128, iterations=1)
    object.__setattr__(api.platform.services.check_credentials, "hasher", stronger)
    await sign_in(api)
    stronger.close()
    assert "account.password_rehashed" in await types_of(api, answer.json()["id"])
    assert (await api.ask("GET", "/v1/me", token=before)).status_code == 200


@pytest.fixture
async def fresh(api: Api) -> AsyncIterator[Argon2Hasher]:
    """The hasher of a process that has just started on the same log."""
    fresh = Argon2Hasher(memory_kib=64, iterations=1)
    object.__setattr__(api.platform.services.check_credentials, "hasher", fresh)
    yield fresh
    fresh.close()


async def ready(api: Api, hasher: Argon2Hasher) -> None:
    await ready_hasher(api.platform.bus, replace(api.platform.services, hasher=hasher))


async def test_a_process_knows_of_imported_hashes_before_it_meets_one(
    api: Api, fresh: Argon2Hasher
) -> None:
    await imported(api, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(8)).decode())
    await ready(api, fresh)
    slowest, loop = fresh.slowest, asyncio.get_running_loop()
    assert slowest > 0
    began = loop.time()
    assert (await sign_in(api, "nobody@example.org", "wrong one")).status_code == 401
    assert loop.time() - began >= slowest * 0.95


async def test_a_process_hears_of_an_import_elsewhere_before_it_meets_a_hash(
    api: Api, fresh: Argon2Hasher
) -> None:
    await ready(api, fresh)
    await imported(api, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode())
    assert fresh.slowest == 0
    assert (await sign_in(api, "nobody@example.org", "wrong one")).status_code == 401
    assert fresh.slowest > 0


async def test_costs_are_known_before_the_first_hash_of_them_is_there(api: Api) -> None:
    await imported(api, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode())
    types = [each.type for each in await api.platform.store.read_log(after=0, limit=100)]
    assert types.index("password_costs.noted") < types.index("account.registered")


async def test_costs_of_before_a_change_of_settings_are_known(
    api: Api, hasher: Argon2Hasher
) -> None:
    await ready(api, hasher)
    await ready(api, hasher)
    assert hasher.slowest == 0
    stronger = Argon2Hasher(memory_kib=128, iterations=1)
    await ready(api, stronger)
    stronger.close()
    assert stronger.slowest > 0
    types = [each.type for each in await api.platform.store.read_log(after=0, limit=100)]
    assert types.count("password_costs.noted") == 2


async def test_too_many_costs_are_not_imported(api: Api, fresh: Argon2Hasher) -> None:
    costs = tuple(PasswordCosts(function="bcrypt", passes=4, lanes=n) for n in range(MOST_COSTS))
    note = NotePasswordCosts(costs=costs, at=api.platform.now())
    await api.platform.bus.execute(note, context())
    hash_ = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()
    body = {"accounts": [{"email": ADA, "password_hash": hash_}]}
    refused = await api.owner("POST", "/v1/accounts/import", body)
    assert refused.json()["type"] == "/problems/too-many-password-costs"
    await ready(api, fresh)
    assert fresh.slowest > 0


async def test_a_crowd_that_signs_in_queues_and_keeps_nobody_else_waiting(
    api: Api, hasher: Argon2Hasher
) -> None:
    gate = threading.Event()
    held = [asyncio.create_task(hasher._run(gate.wait)) for _ in range(hasher.threads)]
    crowd = [asyncio.create_task(sign_in(api, f"p{n}@example.org")) for n in range(CROWD)]
    async with asyncio.timeout(60):
        while hasher.busy < hasher.threads + CROWD:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)

    answers = [await api.owner("GET", "/v1/access/current") for _ in range(20)]

    assert {each.status_code for each in answers} == {200}
    assert hasher.busy == hasher.threads + CROWD
    gate.set()
    await asyncio.gather(*held)
    assert {each.status_code for each in await asyncio.gather(*crowd)} == {401}
