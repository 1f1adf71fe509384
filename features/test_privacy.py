"""Steps of the privacy feature: they look into the databases, as a thief would."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
import redis
from pytest_bdd import given, scenarios, then, when

from features.conftest import World
from features.driver import Annals
from tests.support.platform import Platform
from tests.support.target import Target

scenarios("privacy.feature")

HEADER = "Bearer hush-5d1f0c9a"
INPUT = "a-present-for-charles-7731"
RESPONSE = '{"ok":true}'


@dataclass
class Dumps:
    postgres: str = ""
    redis: str = ""
    typed_in: list[str] = field(default_factory=list)


@pytest.fixture
def dumps() -> Dumps:
    return Dumps()


@given("a person who has registered, signed in and triggered an action")
def _(annals: Annals, world: World, target: Target, dumps: Dumps) -> None:
    world.action = annals.unique("secretive")
    annals.define_action(
        world.action, target.url(world.action), executor=_executor(target, world.action)
    )
    world.user = annals.signed_in()
    annals.sign_in(world.user, "a wrong password 8842")
    headers = {"idempotency-key": annals.unique("dumped")}
    body = {"input": {"to": INPUT}}
    run = annals.trigger(world.token, world.action, body, headers)
    annals.job_in(run.json()["id"], "succeeded")
    dumps.typed_in = [
        world.user.email,
        world.user.password,
        "a wrong password 8842",
        world.token,
        INPUT,
        HEADER,
        annals.owner,
        RESPONSE,
    ]


def _executor(target: Target, path: str) -> dict[str, Any]:
    return {
        "kind": "http",
        "url": target.url(path),
        "method": "POST",
        "timeout": "5s",
        "headers": {"authorization": HEADER},
    }


@given("an action whose target needs a secret header")
def _(world: World, target: Target) -> None:
    assert target.calls_to(world.action)[0].body == {"to": INPUT}


@when("Postgres and Redis are dumped")
def _(platform: Platform, dumps: Dumps) -> None:
    dumps.postgres = asyncio.run(dump_postgres(platform.env["DATABASE_URL"]))
    dumps.redis = dump_redis(platform.env["REDIS_URL"])


@then("neither dump holds the address, the passwords, the input, the token or the header")
def _(dumps: Dumps) -> None:
    for secret in dumps.typed_in:
        for kept in (dumps.postgres, dumps.redis):
            for form in (secret, secret.encode().hex()):
                assert form.lower() not in kept.lower()


@then("what was dumped are the right databases")
def _(world: World, dumps: Dumps) -> None:
    assert world.user is not None
    assert f"account/{world.user.account}" in dumps.postgres
    assert world.user.account in dumps.redis


async def dump_postgres(url: str) -> str:
    """Every row of every table, as text; bytes in hexadecimal digits."""
    connection: Any = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        rows = [
            row[0]
            for (table,) in tables
            for row in await connection.fetch(f"SELECT t::text FROM {table} AS t")  # noqa: S608
        ]
    finally:
        await connection.close()
    return "\n".join(rows)


def dump_redis(url: str) -> str:
    """Every key and its serialised value."""
    with redis.Redis.from_url(url) as client:
        return "\n".join(
            f"{key!r} {client.type(key)!r} {_value(client, key)!r}" for key in client.scan_iter("*")
        )


def _value(client: Any, key: bytes) -> Any:
    match client.type(key):
        case b"hash":
            return client.hgetall(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case b"set":
            return client.smembers(key)
        case b"zset":
            return client.zrange(key, 0, -1, withscores=True)
        case _:
            return client.get(key)
