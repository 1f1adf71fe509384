"""Programs are kept running, in groups, and ended in the reverse order."""

import asyncio
import os
import signal

import pytest

from adapters.startup import CannotStart
from adapters.supervisor.supervisor import Supervisor
from tests.support.programs import BRIEF, PATIENT, REFUSING, STUBBORN, Lines, program


class Pauses:
    """Remembers the pauses instead of waiting, and lets the test decide when they end."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self.over = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.asked.put_nowait(seconds)
        await self.over.acquire()


async def test_a_program_that_is_killed_is_started_again() -> None:
    lines, pauses = Lines(), Pauses()
    supervisor = Supervisor(lines, pauses)
    await supervisor.start([program(PATIENT)])
    first = await lines.up()
    os.kill(first, signal.SIGKILL)
    assert await pauses.asked.get() == 0.2
    pauses.over.release()
    second = await lines.up()
    assert second != first
    assert supervisor.pids() == {"program": second}
    await supervisor.stop(30)
    assert supervisor.pids() == {}


async def test_pauses_grow_while_a_program_keeps_ending() -> None:
    pauses = Pauses()
    supervisor = Supervisor(Lines(), pauses)
    await supervisor.start([program(BRIEF)])
    seen = []
    for _ in range(4):
        seen.append(await pauses.asked.get())
        pauses.over.release()
    assert seen == [0.2, 0.4, 0.8, 1.6]
    await supervisor.stop(30)


async def test_the_last_group_drains_while_the_first_still_serves() -> None:
    lines = Lines()
    supervisor = Supervisor(lines)
    await supervisor.start([program(PATIENT, "server")])
    await supervisor.start([program(PATIENT, "one"), program(PATIENT, "two")])
    for _ in range(3):
        await lines.up()
    await supervisor.stop(30)
    drained = [name for name, line in lines.all if line == "drained"]
    assert set(drained[:2]) == {"one", "two"}
    assert drained[2] == "server"


async def test_what_does_not_drain_in_time_is_killed() -> None:
    lines = Lines()
    supervisor = Supervisor(lines)
    await supervisor.start([program(STUBBORN)])
    pids = [await lines.up(), await lines.up()]
    await supervisor.stop(0.05)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            await _signal_until_gone(pid)


async def _signal_until_gone(pid: int) -> None:
    """A killed process stays until it is collected; ask until it is."""
    while True:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:  # noqa: ASYNC230, PTH123 - a moment
            if stat.read().rpartition(")")[2].split()[0] == "Z":
                raise ProcessLookupError
        await asyncio.sleep(0.01)


async def test_killing_ends_a_stop_that_is_under_way() -> None:
    lines = Lines()
    supervisor = Supervisor(lines)
    await supervisor.start([program(STUBBORN)])
    await lines.up()
    await lines.up()
    stopping = asyncio.create_task(supervisor.stop(3600))
    await asyncio.sleep(0)
    supervisor.kill()
    await stopping


async def test_a_program_that_refuses_to_start_ends_the_start() -> None:
    lines = Lines()
    supervisor = Supervisor(lines)

    async def answers() -> bool:
        return False

    with pytest.raises(CannotStart, match=r"^fussy does not start"):
        await supervisor.start([program(PATIENT), program(REFUSING, "fussy", answers=answers)])
    await supervisor.stop(30)
    assert ("fussy", "no") in lines.all
    assert supervisor.pids() == {}


async def test_a_program_that_must_start_is_not_tried_twice() -> None:
    async def answers() -> bool:
        return False

    supervisor = Supervisor(Lines(), Pauses())
    with pytest.raises(CannotStart, match="does not start"):
        await supervisor.start([program(BRIEF, must_start=True, answers=answers)])
    await supervisor.stop(30)


async def test_a_preparation_that_refuses_ends_the_start() -> None:
    async def prepare() -> None:
        raise CannotStart("the place is taken")

    supervisor = Supervisor(Lines())
    with pytest.raises(CannotStart, match=r"^the place is taken$"):
        await supervisor.start([program(PATIENT, prepare=prepare)])
    await supervisor.stop(30)


async def test_a_start_can_be_abandoned() -> None:
    async def never() -> bool:
        await asyncio.Event().wait()
        return True

    lines = Lines()
    supervisor = Supervisor(lines)
    starting = asyncio.create_task(supervisor.start([program(PATIENT, answers=never)]))
    await lines.up()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await supervisor.stop(30)
    assert ("program", "drained") in lines.all


async def test_a_program_that_waits_to_be_restarted_stops_too() -> None:
    pauses = Pauses()
    supervisor = Supervisor(Lines(), pauses)
    await supervisor.start([program(BRIEF)])
    await pauses.asked.get()
    await supervisor.stop(30)
