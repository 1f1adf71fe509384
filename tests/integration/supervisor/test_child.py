"""One running program: its lines, its end, its tree."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from adapters.supervisor.child import Child, Died
from tests.support.programs import BRIEF, PATIENT, STUBBORN, Lines, program


async def gone(pid: int) -> None:
    """Return when a process has ended (or is a zombie that somebody else must collect)."""
    process = psutil.Process(pid) if psutil.pid_exists(pid) else None
    if process is not None and process.status() != psutil.STATUS_ZOMBIE:
        await asyncio.to_thread(psutil.wait_procs, [process], 30)
    left = psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    assert not left


async def test_a_clean_stop_lets_the_program_finish() -> None:
    lines = Lines()
    child = await Child.spawn(program(PATIENT), lines)
    assert await lines.up() == child.pid
    assert await child.stop(30) == 0
    assert lines.all[-1] == ("program", "drained")
    assert not child.running


async def test_what_ignores_the_signal_is_killed_with_its_whole_tree() -> None:
    lines = Lines()
    child = await Child.spawn(program(STUBBORN), lines)
    pids = {await lines.up(), await lines.up()}
    assert child.pid in pids
    assert await child.stop(0.05) == -signal.SIGKILL
    for pid in pids:
        await gone(pid)


async def test_children_that_outlive_their_parent_go_with_it() -> None:
    lines = Lines()
    child = await Child.spawn(program(STUBBORN), lines)
    (orphan,) = {await lines.up(), await lines.up()} - {child.pid}
    child.signal(signal.SIGKILL)
    assert await child.ended() == -signal.SIGKILL
    await child.finish(0)
    await gone(orphan)


async def test_ready_waits_for_the_answer() -> None:
    lines, asked = Lines(), []

    async def answers() -> bool:
        asked.append(True)
        return len(asked) == 3

    child = await Child.spawn(program(PATIENT, answers=answers), lines)
    await lines.up()
    await child.ready()
    assert len(asked) == 3
    await child.stop(30)


async def test_ready_notices_an_end_while_the_question_is_open() -> None:
    async def never() -> bool:
        await asyncio.Event().wait()
        return True

    child = await Child.spawn(program("import sys; sys.exit(3)", answers=never), Lines())
    with pytest.raises(Died) as died:
        await child.ready()
    assert died.value.status == 3
    await child.finish(0)


async def test_it_does_not_share_our_terminal_group() -> None:
    lines = Lines()
    child = await Child.spawn(program(PATIENT), lines)
    pid = await lines.up()
    assert os.getpgid(pid) == pid != os.getpgid(0)
    await child.stop(30)


async def test_every_line_is_passed_on_whole_and_in_order() -> None:
    code = """
        import sys
        sys.stdout.buffer.write("größe\\r\\n".encode() + b"\\xff\\n" + b"x" * 200_000 + b"\\nend")
    """
    lines = Lines()
    child = await Child.spawn(program(code), lines)
    await child.ended()
    await child.finish(0)
    said = [line for _, line in lines.all]
    assert said[:2] == ["größe", "\ufffd"]
    assert "".join(said[2:-1]) == "x" * 200_000
    assert said[-1] == "end"


async def test_noise_is_not_passed_on() -> None:
    lines = Lines()
    child = await Child.spawn(program("print('a hum\\na word')", unheeded=("hum",)), lines)
    await child.ended()
    await child.finish(0)
    assert lines.all == [("program", "a word")]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
async def test_it_is_told_to_stop_when_its_parent_is_killed() -> None:
    code = f"""
        import asyncio, sys
        from tests.support.programs import PATIENT, program
        from adapters.supervisor.child import Child
        async def main():
            child = await Child.spawn(program({PATIENT!r}), lambda _, line: print(line, flush=True))
            await asyncio.Event().wait()
        asyncio.run(main())
    """
    lines = Lines()
    here = program(code, directory=Path.cwd())
    parent = await Child.spawn(here, lines)
    grandchild = await lines.up()
    parent.signal(signal.SIGKILL)
    await gone(grandchild)
    await parent.finish(30)


async def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        await Child.spawn(program(BRIEF, argv=("/nonexistent/program",)), Lines())
