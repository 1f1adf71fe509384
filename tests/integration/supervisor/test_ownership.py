"""One supervisor per data directory, also after the last one was killed with all its tree."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from adapters.startup import CannotStart
from adapters.supervisor.child import Child
from adapters.supervisor.leftovers import MARK, end_supervised
from adapters.supervisor.lock import locked
from tests.support.programs import PATIENT, STUBBORN, Lines, program

QUICK = ((signal.SIGTERM, 0.01), (signal.SIGKILL, 30.0))


def _hold(data_dir: Path, pipe: Connection) -> None:
    with locked(data_dir):
        pipe.send("held")
        pipe.recv()


def test_a_second_holder_is_told_who_holds_it(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(CannotStart, match=rf"is in use by process {os.getpid()} since 2"),
        locked(tmp_path),
    ):
        pass


def test_a_lock_ends_with_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path):
            assert (tmp_path / "lock").read_text().startswith(f"process {os.getpid()} ")
        assert (tmp_path / "lock").read_text() == ""


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    holder = context.Process(target=_hold, args=(tmp_path, theirs))
    holder.start()
    assert ours.recv() == "held"
    with pytest.raises(CannotStart, match=f"process {holder.pid} "), locked(tmp_path):
        pass
    holder.kill()
    holder.join()
    with locked(tmp_path):
        pass


async def test_what_a_killed_supervisor_left_is_ended_with_its_children(tmp_path: Path) -> None:
    lines = Lines()
    marked = {**os.environ, MARK: str(tmp_path)}
    left = await Child.spawn(program(STUBBORN, environment=marked), lines)
    pids = {await lines.up(), await lines.up()}
    left.signal(signal.SIGKILL)
    await left.ended()
    (orphan,) = pids - {left.pid}
    assert psutil.Process(orphan).environ()[MARK] == str(tmp_path)
    assert await end_supervised(tmp_path, QUICK) == 1
    await left.finish(0)


async def test_others_are_left_alone(tmp_path: Path) -> None:
    lines = Lines()
    theirs = {**os.environ, MARK: str(tmp_path / "other")}
    other = await Child.spawn(program(PATIENT, environment=theirs), lines)
    await lines.up()
    assert await end_supervised(tmp_path) == 0
    assert other.running
    assert await other.stop(30) == 0


async def test_we_do_not_end_ourselves(tmp_path: Path) -> None:
    code = f"""
        import asyncio, pathlib
        from adapters.supervisor.leftovers import end_supervised
        print("ended", asyncio.run(end_supervised(pathlib.Path({str(tmp_path)!r}))), flush=True)
    """
    lines = Lines()
    ours = {**os.environ, MARK: str(tmp_path)}
    child = await Child.spawn(program(code, environment=ours, directory=Path.cwd()), lines)
    assert await lines.next("ended") == "ended 0"
    assert await child.ended() == 0
    await child.finish(0)
