"""`annals up` as a user meets it: it starts, refuses, survives and stops."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from tests.support.platform import Platform, free_port
from tests.support.services import make_directory


@pytest.fixture
def platform(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Platform]:
    """One that uses the tests' servers; it is not started yet."""
    platform = Platform(tmp_path / "data", DATABASE_URL=database_url, REDIS_URL=redis_url)
    yield platform
    if platform.process is not None:
        platform.process.kill()
        platform.process._out.close()


def refusal(*arguments: str, **environment: str) -> str:
    """The one line that a start which is refused says."""
    ended = subprocess.run(
        [sys.executable, "-m", "adapters.cli", "up", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in ended.stderr.splitlines() if line.startswith("annals: ")]
    assert ended.returncode == 2, ended.stderr
    assert len(lines) == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return lines[0]


def refused(platform: Platform, *arguments: str, **environment: str) -> str:
    """The same, of a platform on a port of its own."""
    port = ["--port", str(platform.port)] if "--port" not in arguments else []
    words = ["--data-dir", str(platform.data_dir), *port, *arguments]
    return refusal(*words, **{**platform.env, **environment})


def test_it_starts_restarts_what_dies_and_stops_cleanly(platform: Platform, tmp_path: Path) -> None:
    platform.start()
    key = platform.data_dir / "owner.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert platform.process is not None
    said = platform.process.wait_said("Ctrl-C")
    assert platform.url in said
    assert str(key) in said

    other = tmp_path / "other"
    assert f"port {platform.port} on 127.0.0.1 cannot be used" in refused(
        platform, "--data-dir", str(other)
    )
    assert f"is in use by process {platform.process.popen.pid} " in refused(  # type: ignore[union-attr]
        platform, "--port", str(free_port())
    )
    for name in ("projector", "worker", "scheduler", "api", "fork"):
        (child, *_) = platform.children(name)
        child.kill()
        psutil.wait_procs([child], 30)
    assert platform.process is not None
    platform.process.wait_ready(platform.url)

    tree = platform.children()
    assert platform.stop() == 0
    assert not psutil.wait_procs(tree, 30)[1]
    assert (platform.data_dir / "lock").read_text() == ""


def test_a_second_start_keeps_the_owner_key(platform: Platform) -> None:
    platform.start()
    key = (platform.data_dir / "owner.key").read_text()
    platform.stop()
    platform.start()
    assert (platform.data_dir / "owner.key").read_text() == key
    headers = {"authorization": f"Bearer {key.strip()}"}
    answer = httpx.get(f"{platform.url}/v1/flags", headers=headers, trust_env=False)
    assert answer.status_code == 200
    platform.stop()


@pytest.fixture
def own_servers() -> Iterator[Platform]:
    """One that runs its own servers, where any account may reach them."""
    directory = make_directory()
    platform = Platform(directory / "data")
    yield platform
    if platform.process is not None:
        platform.process.kill()
    shutil.rmtree(directory)


def test_its_own_servers_keep_their_data_when_the_whole_tree_is_killed(
    own_servers: Platform,
) -> None:
    platform = own_servers
    platform.start()
    headers = {"authorization": "Bearer " + (platform.data_dir / "owner.key").read_text().strip()}
    made = httpx.put(
        f"{platform.url}/v1/flags/kept",
        json={"enabled": True, "rollout": 100},
        headers=headers,
        trust_env=False,
    )
    assert made.status_code in {200, 201}, made.text
    platform.kill()
    platform.start()
    kept = httpx.get(f"{platform.url}/v1/flags/kept", headers=headers, trust_env=False)
    assert kept.status_code == 200
    assert platform.stop() == 0


def test_a_second_interrupt_stops_at_once(platform: Platform) -> None:
    platform.start()
    assert platform.process is not None
    tree = platform.children()
    platform.process.popen.send_signal(signal.SIGINT)
    platform.process.popen.send_signal(signal.SIGINT)
    platform.process.popen.wait(30)
    assert not psutil.wait_procs(tree, 30)[1]


def test_a_port_in_use_is_refused(platform: Platform) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", platform.port))
        taken.listen()
        assert f"port {platform.port} on 127.0.0.1 cannot be used" in refused(platform)


def test_a_data_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = refusal("--data-dir", str(tmp_path / "file" / "data"), "--port", str(free_port()))
    assert "cannot be written to: Not a directory" in told


def test_bad_settings_are_refused(tmp_path: Path) -> None:
    told = refusal("--data-dir", str(tmp_path), "--port", "eighty")
    assert told == "annals: PORT must be a port from 1 to 65535, not 'eighty'"


def test_a_database_that_cannot_be_reached_is_refused(platform: Platform) -> None:
    url = f"postgresql://annals:hidden@127.0.0.1:{free_port()}/annals"
    told = refused(platform, DATABASE_URL=url)
    assert told.startswith("annals: the database at 127.0.0.1:")
    assert "hidden" not in told


def test_a_redis_that_cannot_be_reached_is_refused(platform: Platform) -> None:
    told = refused(platform, REDIS_URL=f"redis://:hidden@127.0.0.1:{free_port()}/0")
    assert told.startswith("annals: Redis at 127.0.0.1:")
    assert "hidden" not in told


async def test_a_newer_schema_is_refused(platform: Platform, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO annals.migrations (number, name, checksum) VALUES (9999, 'later', 'x')"
    )
    await connection.close()
    assert "use a newer version" in refused(platform)


def test_a_process_alone_says_what_it_lacks(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "adapters.cli", "worker"],
        env={**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": "", "REDIS_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("annals: DATABASE_URL is not set")
