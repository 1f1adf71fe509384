"""Our own programs as forks: like executed ones in all that a supervisor sees of them."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from multiprocessing import forkserver
from pathlib import Path

import psutil
import pytest

from adapters.supervisor.child import Child
from adapters.supervisor.fork_server import forked, start_fork_server
from adapters.supervisor.program import Program
from tests.support.programs import Lines

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are forked on Linux only")


@pytest.fixture(autouse=True)
def fork_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPT_NOENV", "1")
    start_fork_server({})


@pytest.fixture
async def scheduler(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Child]:
    """One that has begun its work."""
    lines = Lines()
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path)}
    child = await Child.spawn(annals("scheduler", LOG_FORMAT="json", **environment), lines)
    await lines.next('{"event":"cache_begins_anew"')
    yield child
    await child.finish(0)


def annals(*arguments: str, directory: Path = Path("/"), **environment: str) -> Program:
    return Program(
        name="annals",
        argv=(),
        directory=directory,
        environment={"PATH": os.environ["PATH"], **environment},
        start=forked(arguments),
    )


async def test_what_it_writes_and_its_status_are_told() -> None:
    lines = Lines()
    child = await Child.spawn(annals("--version"), lines)
    assert await child.ended() == 0
    await child.finish(0)
    assert lines.all[0][1].startswith("annals, version ")


async def test_a_refusal_has_its_status() -> None:
    lines = Lines()
    child = await Child.spawn(annals("nonsense"), lines)
    assert await child.ended() == 2
    await child.finish(0)
    assert "No such command 'nonsense'" in lines.all[-1][1]


async def test_it_has_the_environment_and_the_directory_that_it_is_given(tmp_path: Path) -> None:
    lines = Lines()
    child = await Child.spawn(annals("worker", directory=tmp_path, DATA_DIR="here"), lines)
    assert await child.ended() == 2
    await child.finish(0)
    assert f"and {tmp_path}/here has no server of its own" in lines.all[-1][1]


async def test_it_leads_a_session_has_a_title_and_takes_signals(scheduler: Child) -> None:
    assert os.getsid(scheduler.pid) == scheduler.pid
    assert psutil.Process(scheduler.pid).cmdline()[0] == "annals scheduler"
    scheduler.signal(signal.SIGKILL)
    assert await scheduler.ended() == -signal.SIGKILL


async def test_programs_end_with_a_killed_fork_server_and_the_next_has_a_new_one(
    scheduler: Child,
) -> None:
    process = psutil.Process(scheduler.pid)
    server = process.parent()
    assert server is not None
    server.kill()
    assert await scheduler.ended() != 0
    psutil.wait_procs([process], 30)
    assert not process.is_running()

    forkserver.ensure_running()
    child = await Child.spawn(annals("--version"), Lines())
    assert await child.ended() == 0
    await child.finish(0)
