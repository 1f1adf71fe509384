"""What was asked of the outside world and had not been seen to succeed where a restored log ends.

Between that place and the moment of the restore it may have been done: the events that would say
so are gone. So nothing of it is sent by itself. Reactions go on behind the restored end; what they
still owe to events before it is listed, and follows when a person says so.

Two kinds of it: effects without a final settlement, and events that a reaction had not come to
yet. The live log knows of both, where it goes on from the restored one; else the backup does.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from adapters.backups.replay import copied
from adapters.postgres.connect import Connection
from adapters.postgres.event_store import COLUMNS, stored_events
from adapters.postgres.partition_catalogue import partitions
from adapters.postgres.reactor import GENERATION, command_digest, follower_name
from application.codec import EventCodec
from application.reactions import Reaction
from domain.recorded import Recorded
from domain.restores import Parked

_PAGE = 2000
LAG = 10_000
"""Events before the end whose commands are looked for: no reaction was ever further behind."""

_UNFINISHED = """
    SELECT e.reaction, e.tenant, v.stream, e.position
    FROM annals.effects AS e
    JOIN annals.events AS v ON v.log_id = e.log_id AND v.position = e.position
    WHERE e.log_id = $1 AND e.position <= $2 AND NOT EXISTS (
        SELECT FROM annals.settlements AS s
        WHERE s.log_id = e.log_id AND s.reaction = e.reaction AND s.position = e.position
            AND s.retry_at IS NULL AND s.created_at <= $3
    )
    ORDER BY e.position, e.reaction
"""
_FOLLOWED = """
    SELECT greatest(
        coalesce((
            SELECT max(c.position) FROM annals.checkpoints AS c
            WHERE c.log_id = $1 AND c.projection = $3
        ), 0),
        coalesce((
            SELECT max(e.position) FROM annals.effects AS e
            WHERE e.log_id = $1 AND e.reaction = $2
        ), 0)
    )
"""
_EVENTS = f"""
    SELECT {COLUMNS} FROM annals.events
    WHERE log_id = $1 AND position > $2 AND position <= $3 AND type = ANY ($4::text[])
    ORDER BY position LIMIT $5
"""  # noqa: S608 - constants
_EXECUTED = """
    SELECT digest FROM annals.keys WHERE log_id = $1 AND digest = ANY ($2::bytea[]) AND last <= $3
"""
_FORGET = "DELETE FROM annals.effects WHERE log_id = $1 AND position = ANY ($2::bigint[])"
_GO_ON = """
    INSERT INTO annals.checkpoints (log_id, projection, generation, position, previous)
    SELECT $1, name, $2, $3, 0 FROM unnest($4::text[]) AS name
"""

_STATE: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "effects",
        ("log_id", "tenant", "reaction", "position", "kind", "due_at", "created_at"),
        "",
    ),
    (
        "claims",
        ("log_id", "tenant", "reaction", "position", "attempt", "lease_until", "created_at"),
        "",
    ),
    (
        "settlements",
        ("log_id", "tenant", "reaction", "position", "attempt", "retry_at", "created_at"),
        "",
    ),
    (
        "checkpoints",
        ("log_id", "projection", "generation", "position", "previous", "created_at"),
        "AND projection LIKE 'reaction.%'",
    ),
)
"""What is recorded beside the log about what follows from it."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """Where a restored log ends, and when its last event was recorded."""

    position: int
    recorded_at: datetime


async def unfinished(known: Connection, end: End, *, log_id: int = 1) -> list[Parked]:
    """Effects of events up to `end` that were not settled by then, as a database knows them."""
    rows = await known.fetch(_UNFINISHED, log_id, end.position, end.recorded_at)
    return [
        Parked(reaction=reaction, tenant=tenant, stream=stream, position=position)
        for reaction, tenant, stream, position in rows
    ]


async def unfollowed(
    known: Connection,
    end: End,
    reactions: Iterable[Reaction],
    codec: EventCodec,
    *,
    log_id: int = 1,
) -> list[Parked]:
    """Events up to `end` from which something follows that no reaction has come to."""
    found: list[Parked] = []
    lowest = min((int(each.lower) for each in await partitions(known, "effects")), default=0)
    for reaction in reactions:
        names = (reaction.name, follower_name(reaction))
        followed: int = await known.fetchval(_FOLLOWED, log_id, *names)
        if not followed and not reaction.from_start:
            continue  # it is new, and begins at the end
        followed = max(followed, lowest - 1)
        after = max(min(followed, end.position - LAG), 0)
        types = list(reaction.event_types)
        while rows := await known.fetch(_EVENTS, log_id, after, end.position, types, _PAGE):
            found += [
                _parked(reaction, recorded)
                for recorded in await codec.decode(stored_events(rows))
                if await _owes(known, reaction, recorded, end, followed, log_id)
            ]
            after = rows[-1]["position"]
    return found


async def _owes(
    known: Connection,
    reaction: Reaction,
    recorded: Recorded[Any],
    end: End,
    followed: int,
    log_id: int,
) -> bool:
    """Whether an effect was not asked for yet, or a command not carried out by then."""
    commands, effect = reaction.follow(recorded)
    if effect is not None and recorded.position > followed:
        return True
    if not commands:
        return False
    wanted = {command_digest(reaction, recorded, number) for number in range(len(commands))}
    there = await known.fetch(_EXECUTED, log_id, list(wanted), end.position)
    return len({row[0] for row in there}) < len(wanted)


def _parked(reaction: Reaction, recorded: Recorded[Any]) -> Parked:
    return Parked(
        reaction=reaction.name,
        tenant=recorded.tenant,
        stream=recorded.stream,
        position=recorded.position,
    )


async def park(
    new: Connection,
    items: Sequence[Parked],
    reactions: Iterable[Reaction],
    position: int,
    *,
    log_id: int = 1,
) -> None:
    """Let nothing of these be sent, and every reaction go on behind a position."""
    unfinished_here = await new.fetch(
        "SELECT DISTINCT position FROM annals.effects AS e WHERE log_id = $1 AND NOT EXISTS ("
        " SELECT FROM annals.settlements AS s WHERE s.log_id = e.log_id"
        " AND s.reaction = e.reaction AND s.position = e.position AND s.retry_at IS NULL)",
        log_id,
    )
    gone = {each.position for each in items} | {row[0] for row in unfinished_here}
    await new.execute(_FORGET, log_id, sorted(gone))
    await new.execute("DELETE FROM annals.checkpoints WHERE log_id = $1", log_id)
    await new.execute("DELETE FROM annals.leases")
    if position:
        names = [follower_name(each) for each in reactions]
        await new.execute(_GO_ON, log_id, GENERATION, position, names)


async def carry_over(live: Connection, new: Connection, *, log_id: int = 1) -> None:
    """Take the live log's effects and how far its reactions are, whole: nothing of it was lost.

    Where a restored log ends where the live one does, every attempt and its outcome are known.
    `live` reads one snapshot: projectors still move effects and checkpoints of the closed log on.
    """
    await new.execute("DELETE FROM annals.leases")
    for table, columns, which in _STATE:
        await new.execute(f"DELETE FROM annals.{table} WHERE log_id = $1", log_id)  # noqa: S608 - constants
        query = f"SELECT {', '.join(columns)} FROM annals.{table} WHERE log_id = $1 {which}"  # noqa: S608 - as above
        await copied(live, new, table, columns, query, (log_id,))
