"""Passwords over HTTP with real hashes: imported ones, outdated ones, and many at a time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import argon2
import bcrypt
import pytest

from adapters.crypto.passwords import Argon2Hasher
from tests.support.accounts import types_of
from tests.support.http_platform import Api, opened_api

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
