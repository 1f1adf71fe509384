"""Events that a backup does not have, taken from the live log or from a newer backup.

They are copied as the bytes that Postgres itself writes (COPY), so nothing is decoded on the way,
and what arrived is read back and compared with what was sent. A source counts only if it goes on
from where the restored log ends: its event at that position must be the very same row.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import islice

from adapters.backups.fence import as_owner
from adapters.backups.packing import unpacked
from adapters.postgres.connect import Connection
from application.backup_parts import checked
from application.backup_repository import EVENTS_PART, BackupRepository, Manifest

COLUMNS = (
    "log_id", "position", "tenant", "stream", "version", "event_id", "type", "schema_version",
    "data", "recorded_at", "actor", "correlation_id", "causation_id", "meta",
)  # fmt: skip

_LIST = ", ".join(COLUMNS)
_EVENTS = f"""
    SELECT {_LIST} FROM annals.events
    WHERE log_id = $1 AND position > $2 AND position <= $3 ORDER BY position
"""  # noqa: S608 - constants
_ROW = f"SELECT row({_LIST})::text FROM annals.events WHERE log_id = $1 AND position = $2"  # noqa: S608 - as above
_TAIL = "SELECT coalesce(max(position), 0) FROM annals.events WHERE log_id = $1"
_KEYS = """
    SELECT log_id, tenant, digest, fingerprint, response, last, created_at FROM annals.keys
    WHERE log_id = $1 AND last > $2 AND last <= $3
        AND created_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
            - interval '1 day'
"""
_LINES = 5000  # events handed on at once
_SPREAD = 64  # chunks on their way between the two servers


class Diverged(Exception):  # noqa: N818 - a fact about the copy
    """What arrived is not what was sent."""


async def last_position(connection: Connection, log_id: int = 1) -> int:
    """Where a log ends."""
    found: int = await connection.fetchval(_TAIL, log_id)
    return found


async def goes_on(ahead: Connection, behind: Connection, position: int, *, log_id: int = 1) -> bool:
    """Whether one log goes on from another's `position`: both have the same event there."""
    if not position:
        return True
    ours = await behind.fetchval(_ROW, log_id, position)
    return ours is not None and ours == await ahead.fetchval(_ROW, log_id, position)


async def replay_live(
    live: str,
    new: str,
    *,
    after: int,
    upto: int,
    tell: Callable[[int, int], Awaitable[None]],
    log_id: int = 1,
) -> None:
    """Copy events and idempotency keys from one database to another, and compare what arrived.

    Raises:
        Diverged: when it is not what was sent.
        Outage: when one of the servers does not answer.
    """
    if upto <= after:
        return
    wanted = (log_id, after, upto)
    async with as_owner(live) as source, as_owner(new) as target:
        await tell(after, upto)
        sent = await copied(source, target, "events", COLUMNS, _EVENTS, wanted)
        arrived = await _fingerprint(target, _EVENTS, wanted)
        if sent != arrived:
            raise Diverged("the replayed events are not those of the log")
        columns = ("log_id", "tenant", "digest", "fingerprint", "response", "last", "created_at")
        await copied(source, target, "keys", columns, _KEYS, wanted)
        await tell(upto, upto)


async def copied(
    source: Connection,
    target: Connection,
    table: str,
    columns: tuple[str, ...],
    query: str,
    wanted: tuple[int, ...],
    schema: str | None = "annals",
) -> bytes:
    """Move rows as binary COPY; gives the SHA-256 of the stream."""
    queue: asyncio.Queue[bytes] = asyncio.Queue(_SPREAD)
    digest = hashlib.sha256()

    async def take(data: bytes) -> None:
        digest.update(data)
        await queue.put(bytes(data))

    async def read() -> None:
        await source.copy_from_query(query, *wanted, output=take, format="binary")
        await queue.put(b"")

    reading = asyncio.create_task(read())
    try:
        await target.copy_to_table(
            table,
            schema_name=schema,
            columns=columns,
            source=_chunks(queue, reading),
            format="binary",
        )
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return digest.digest()


async def _chunks(queue: asyncio.Queue[bytes], reading: asyncio.Task[None]) -> AsyncIterator[bytes]:
    """What is read, until its end; an error of the reader's is this one's, too."""
    while True:
        next_one = asyncio.create_task(queue.get())
        await asyncio.wait({next_one, reading}, return_when=asyncio.FIRST_COMPLETED)
        if not next_one.done() and reading.done():
            next_one.cancel()
            reading.result()
            return
        data = await next_one
        if not data:
            return
        yield data


async def _fingerprint(connection: Connection, query: str, wanted: tuple[int, ...]) -> bytes:
    digest = hashlib.sha256()

    async def take(data: bytes) -> None:
        digest.update(data)

    await connection.copy_from_query(query, *wanted, output=take, format="binary")
    return digest.digest()


async def replay_backup(
    repository: BackupRepository,
    manifest: Manifest,
    new: str,
    *,
    after: int,
    upto: int | None,
    tell: Callable[[int, int], Awaitable[None]],
    log_id: int = 1,
) -> int:
    """Add what a newer backup has behind `after`, up to `upto`; gives where the log ends then.

    Raises:
        Diverged: the backup is of a log that does not go on from this one; nothing was added.
        Damaged, NoSuchVersion, RepositoryFailed: as the repository does.
        Outage: when the server does not answer.
    """
    end = manifest.position if upto is None else min(upto, manifest.position)
    if end <= after:
        return after
    async with as_owner(new) as target:
        rows = _rows(unpacked(checked(repository, manifest, EVENTS_PART)), after - 1, end)
        if after and await asyncio.to_thread(next, rows, b"") != await _as_text(
            target, log_id, after
        ):
            raise Diverged(f"backup {manifest.version} does not go on from position {after}")
        await target.copy_to_table(
            "events",
            schema_name="annals",
            columns=COLUMNS,
            source=_gathered(rows, after, end, tell),
        )
        return await last_position(target, log_id)


def _rows(dump: Iterator[bytes], after: int, upto: int) -> Iterator[bytes]:
    """The lines of the events behind `after`, up to `upto`."""
    rest = b""
    for data in dump:
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            position = int(line.split(b"\t", 2)[1])
            if position > upto:
                return
            if position > after:
                yield line + b"\n"


async def _gathered(
    rows: Iterator[bytes], after: int, upto: int, tell: Callable[[int, int], Awaitable[None]]
) -> AsyncIterator[bytes]:
    done = after
    while lines := await asyncio.to_thread(lambda: list(islice(rows, _LINES))):
        yield b"".join(lines)
        done += len(lines)
        await tell(done, upto)


async def _as_text(connection: Connection, log_id: int, position: int) -> bytes:
    """An event as a line of COPY's text format."""
    found = bytearray()

    async def take(data: bytes) -> None:
        found.extend(data)

    await connection.execute("SET timezone = 'UTC'; SET datestyle = 'ISO'")
    await connection.copy_from_query(_EVENTS, log_id, position - 1, position, output=take)
    return bytes(found)
