"""How late reminders fire and arrive: 10,000 due within one minute among 100,000 that are pending.

The processes are an installation's: a projector, a worker and a scheduler. This process plays the
API, which makes the reminders through the command bus, and the receiver, whose ledger says when
each webhook came. Firing is when the log recorded it; both are held against when each was due.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from adapters.bootstrap import open_platform
from adapters.crypto.standard_webhooks import new_secret
from adapters.platform import Platform
from adapters.postgres.connect import Connection, connect
from application.reminders import MakeReminder
from benchmarks.jobs import context
from benchmarks.report import Row, Section
from benchmarks.servers import Installation, installed, running
from domain.channels import Channel, LogChannel, Route, WebhookChannel
from domain.reminders import Once, ScheduleReminder
from domain.retries import RetryPolicy
from tests.support.services import Services

PENDING = 100_000
DUE = 10_000
WITHIN = 60.0  # seconds
CLIENTS = 64
GOAL = 1.0  # seconds
_SETTLING = timedelta(seconds=5)
_SECRET = new_secret()

_FIRED = """
    SELECT extract(epoch FROM recorded_at)::float8 - extract(
        epoch FROM (data ->> 'due_at')::timestamptz
    )::float8 AS late
    FROM annals.events WHERE log_id = 1 AND position > $1 AND type = 'reminder.fired'
"""


class Lateness(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds behind the time, at the 50th and 99th percentile and at most."""

    p50: float
    p99: float
    most: float


class Reminded(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured; `made` in a second, and `calls` that the receiver got for those due."""

    pending: int
    due: int
    within: float
    made: float
    fired: Lateness
    arrived: Lateness
    calls: int
    fired_at_once: Lateness


class Receiver:
    """Takes webhooks and notes when each came."""

    def __init__(self) -> None:
        self.late: dict[str, float] = {}
        self.calls = 0
        self.complete = asyncio.Event()
        self.expected = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                now = time.time()
                length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                body: Any = msgspec.json.decode(await reader.readexactly(int(length)))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                self._note(body["data"], now)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the caller has gone, or the measurement is over
        finally:
            writer.close()

    def _note(self, data: dict[str, Any], now: float) -> None:
        due = datetime.fromisoformat(data["due_at"]).timestamp()
        self.calls += 1
        self.late.setdefault(data["reminder"], now - due)
        if len(self.late) == self.expected:
            self.complete.set()


def measure(services: Services) -> Reminded:
    """Make what is pending, let a minute's worth come due, and all at one moment."""
    with installed(services, EGRESS_ALLOW="127.0.0.0/8") as installation:
        return asyncio.run(_measure(installation))


async def _measure(
    installation: Installation,
    *,
    pending: int = PENDING,
    due: int = DUE,
    within: float = WITHIN,
) -> Reminded:
    receiver = Receiver()
    listener = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, backlog=1024)
    receiver.port = listener.sockets[0].getsockname()[1]
    with ExitStack() as processes:
        async with open_platform(installation.settings) as platform:
            for name in ("projector", "worker", "scheduler"):
                processes.enter_context(running("adapters.cli", name, env=installation.env))
            connection = await connect(installation.database_url, role="annals_reader")
            await _come_due(platform, connection, receiver, 1, 0.0, 1.0)  # all processes are up
            began = time.perf_counter()
            far = platform.now() + timedelta(days=30)
            await _make(platform, [far] * (pending - due), LogChannel())
            made = (pending - due) / (time.perf_counter() - began)
            fired = await _come_due(platform, connection, receiver, due, within, made)
            calls = receiver.calls
            at_once = await _come_due(platform, connection, receiver, due, 0.0, made)
            await connection.close()
    listener.close()
    return Reminded(
        pending=pending,
        due=due,
        within=within,
        made=made,
        fired=fired[0],
        arrived=fired[1],
        calls=calls,
        fired_at_once=at_once[0],
    )


async def _come_due(
    platform: Platform,
    connection: Connection,
    receiver: Receiver,
    due: int,
    within: float,
    pace: float,
) -> tuple[Lateness, Lateness]:
    """Make so many that come due evenly within some seconds, and wait until all have arrived."""
    position = (await platform.store.tail()).position
    receiver.late.clear()
    receiver.complete.clear()
    receiver.expected = due
    first = datetime.now(UTC) + timedelta(seconds=due / pace) + _SETTLING
    times = [first + timedelta(seconds=within * number / due) for number in range(due)]
    url = f"http://127.0.0.1:{receiver.port}/"
    await _make(platform, times, WebhookChannel(url=url))
    await receiver.complete.wait()
    rows = await connection.fetch(_FIRED, position)
    if len(rows) != due:
        raise RuntimeError(f"{len(rows)} occurrences of {due} reminders fired")
    return _lateness([row[0] for row in rows]), _lateness(list(receiver.late.values()))


async def _make(platform: Platform, times: Sequence[datetime], channel: Channel) -> None:
    left = iter(times)

    async def client() -> None:
        for due_at in left:
            command = ScheduleReminder(
                owner="benchmark",
                title="tea",
                body=None,
                schedule=Once(at=due_at),
                route=Route(channel=channel),
                retry=RetryPolicy(),
                new_secret=_SECRET,
                at=platform.now(),
            )
            await platform.bus.execute(MakeReminder(schedule=command, own=False), context())

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


def _lateness(seconds: Sequence[float]) -> Lateness:
    ordered = sorted(seconds)
    return Lateness(
        p50=ordered[len(ordered) // 2],
        p99=ordered[len(ordered) * 99 // 100],
        most=ordered[-1],
    )


def section(found: Reminded) -> Section:
    """The table's part."""
    among = f"{found.due:,} due in {found.within:.0f} s among {found.pending:,} pending"
    return Section(
        title="Reminders: how late",
        rows=[
            Row(
                what=f"recorded as fired; {among}",
                figure=_told(found.fired),
                goal="p99 under 1 s",
                met=found.fired.p99 < GOAL,
            ),
            Row(
                what=f"arrived at the receiver of the signed webhook, in {found.calls:,} calls",
                figure=_told(found.arrived),
                goal="p99 under 1 s",
                met=found.arrived.p99 < GOAL,
            ),
            Row(
                what=f"recorded as fired; {found.due:,} due at one moment",
                figure=_told(found.fired_at_once),
            ),
        ],
    )


def _told(late: Lateness) -> str:
    p50, p99, most = (f"{each * 1000:.0f} ms" for each in (late.p50, late.p99, late.most))
    return f"p50 {p50}, p99 {p99}, most {most}"
