"""The embedded servers start, survive being killed, and keep what they were given."""

import asyncio
import os
import shutil
import signal
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis.asyncio

from adapters.embedded.homes import Home, make_data_dir, make_home
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.valkey import EmbeddedValkey
from adapters.startup import CannotStart
from adapters.supervisor.child import Child
from adapters.supervisor.program import Program
from tests.support.programs import Lines
from tests.support.services import make_directory


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that the servers' account can reach."""
    directory = make_directory()
    yield make_data_dir(directory)
    shutil.rmtree(directory)


@pytest.fixture
def home(data_dir: Path) -> Home:
    return make_home(data_dir)


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[Child]:
    child = await Child.spawn(program, Lines())
    await child.ready()
    try:
        yield child
    finally:
        await child.stop(30)


async def execute(url: str, statement: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval(statement))
    finally:
        await connection.close()


async def test_postgres_keeps_its_data_over_a_clean_stop(home: Home, data_dir: Path) -> None:
    postgres = EmbeddedPostgres(home, data_dir)
    async with running(postgres.program()):
        await execute(postgres.url(), "CREATE TABLE kept AS SELECT 42 AS n")
    again = EmbeddedPostgres(home, data_dir)
    async with running(again.program()):
        assert await execute(again.url(), "SELECT n FROM kept") == "42"


async def test_postgres_is_as_durable_as_it_ships(home: Home, data_dir: Path) -> None:
    postgres = EmbeddedPostgres(home, data_dir)
    async with running(postgres.program()):
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await execute(postgres.url(), f"SHOW {name}") == "on"
        assert (await execute(postgres.url(), "SHOW server_version")).startswith("18")


async def test_postgres_lets_nobody_in_without_the_password(home: Home, data_dir: Path) -> None:
    postgres = EmbeddedPostgres(home, data_dir)
    file = data_dir / "postgres.password"
    async with running(postgres.program()):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(postgres.url().replace(postgres.password, "guess"))
        assert await execute(postgres.url(), "SHOW listen_addresses") == ""


async def test_postgres_recovers_after_being_killed_with_its_files_left(
    home: Home, data_dir: Path
) -> None:
    postgres = EmbeddedPostgres(home, data_dir)
    child = await Child.spawn(postgres.program(), Lines())
    await child.ready()
    await execute(postgres.url(), "CREATE TABLE kept AS SELECT 42 AS n")
    child.kill()
    await child.finish(30)
    pid_file = postgres.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # a pid that lives
    async with running(postgres.program()):
        assert await execute(postgres.url(), "SELECT n FROM kept") == "42"


async def test_a_postgres_that_was_left_running_is_stopped_and_started(
    home: Home, data_dir: Path
) -> None:
    postgres = EmbeddedPostgres(home, data_dir)
    left = await Child.spawn(postgres.program(), Lines())
    await left.ready()
    await execute(postgres.url(), "CREATE TABLE kept AS SELECT 42 AS n")
    async with running(postgres.program()) as ours:
        assert not left.running
        await left.ended()  # its code is with whoever reaped it first: asyncio or psutil
        assert ours.pid != left.pid
        assert await execute(postgres.url(), "SELECT n FROM kept") == "42"
    await left.finish(0)


async def test_a_process_in_the_same_directory_is_not_taken_for_a_server(
    home: Home, data_dir: Path
) -> None:
    postgres = EmbeddedPostgres(home, data_dir)
    async with running(postgres.program()):
        pass
    bystander = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", "cat", "postgres", cwd=postgres.cluster, stdin=asyncio.subprocess.PIPE
    )
    async with running(postgres.program()):
        assert bystander.returncode is None
    assert bystander.stdin is not None
    bystander.stdin.close()
    assert await bystander.wait() == 0


async def test_a_making_that_was_interrupted_is_begun_anew(home: Home, data_dir: Path) -> None:
    draft = home.data / "postgres.new"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    postgres = EmbeddedPostgres(home, data_dir)
    async with running(postgres.program()):
        assert await execute(postgres.url(), "SELECT 1") == "1"
    assert not draft.exists()
    assert not (home.data / "postgres.initial").exists()


async def test_data_of_another_version_is_refused(home: Home, data_dir: Path) -> None:
    postgres = EmbeddedPostgres(home, data_dir)
    await postgres.prepare()
    (postgres.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(CannotStart, match=r"is Postgres 17's and this is postgres .* 18\."):
        await postgres.prepare()


async def test_data_without_its_password_is_refused(home: Home, data_dir: Path) -> None:
    await EmbeddedPostgres(home, data_dir).prepare()
    (data_dir / "postgres.password").unlink()
    with pytest.raises(CannotStart, match=r"postgres\.password is missing"):
        _ = EmbeddedPostgres(home, data_dir).password


async def test_data_with_another_password_is_refused(home: Home, data_dir: Path) -> None:
    await EmbeddedPostgres(home, data_dir).prepare()
    (data_dir / "postgres.password").write_text("another\n")
    child = await Child.spawn(EmbeddedPostgres(home, data_dir).program(), Lines())
    with pytest.raises(CannotStart, match="is not the database's"):
        await child.ready()
    await child.stop(30)


async def test_servers_do_not_run_as_root(home: Home, data_dir: Path) -> None:
    async with running(EmbeddedPostgres(home, data_dir).program()) as postgres:
        assert psutil.Process(postgres.pid).uids().effective != 0
    async with running(EmbeddedValkey(home, data_dir).program()) as valkey:
        assert psutil.Process(valkey.pid).uids().effective != 0


async def test_valkey_wants_its_password_and_drops_nothing(home: Home, data_dir: Path) -> None:
    valkey = EmbeddedValkey(home, data_dir)
    async with running(valkey.program()):
        client = redis.asyncio.Redis.from_url(valkey.url())
        assert (await client.config_get("maxmemory-policy"))["maxmemory-policy"] == "noeviction"
        assert (await client.info("server"))["server_name"] == "valkey"
        assert (await client.info("server"))["valkey_version"].startswith("9.")
        await client.aclose()
        stranger = redis.asyncio.Redis(unix_socket_path=str(valkey.socket), retry=None)
        with pytest.raises(redis.exceptions.RedisError, match="authenticat"):
            await stranger.ping()
        await stranger.aclose()


async def test_valkey_starts_beside_the_files_of_a_killed_one(home: Home, data_dir: Path) -> None:
    valkey = EmbeddedValkey(home, data_dir)
    child = await Child.spawn(valkey.program(), Lines())
    await child.ready()
    child.signal(signal.SIGKILL)
    await child.finish(30)
    assert valkey.socket.exists()
    async with running(valkey.program()):
        assert await valkey.answers()
