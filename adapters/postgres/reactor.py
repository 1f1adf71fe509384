"""Runs reactions: followers of the log whose writes are effects, and whose commands are keyed.

Effects are inserted in the transaction that moves the reaction's checkpoint, so an event gives
its effect once. Commands are executed before that transaction ends, under a key made of reaction
and event: if the process dies in between, they are executed again and answered by the key. To
hand tickets to the broker comes last and may fail; the sweep makes up for it.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import structlog

from adapters.postgres.connect import Acquired, Pool, outages
from adapters.postgres.event_store import COLUMNS, stored_events
from adapters.postgres.follower import AfterCommit
from application.bus import Bus
from application.codec import EventCodec
from application.context import Context, Idempotency
from application.effects import SHORT_DELAY, EffectSender, Ticket
from application.reactions import Do, Effect, Reaction
from domain.recorded import Recorded
from domain.rejections import Rejection
from domain.restores import RestoreReleased

GENERATION = 0
COMMAND_SECONDS = 30.0

_INSERT = """
    INSERT INTO annals.effects (log_id, tenant, reaction, position, kind, due_at)
    SELECT $1, e.tenant, $2, e.position, e.kind, coalesce(e.due_at, clock_timestamp())
    FROM unnest($3::text[], $4::bigint[], $5::text[], $6::timestamptz[])
        AS e (tenant, position, kind, due_at)
    {twice}
    RETURNING tenant, position, extract(epoch FROM due_at - clock_timestamp())::float8, {attempt}
"""
_FIRST = _INSERT.format(twice="", attempt="1")
_AGAIN = _INSERT.format(
    twice="ON CONFLICT DO NOTHING",
    attempt="""1 + coalesce((
        SELECT max(c.attempt) FROM annals.claims AS c
        WHERE c.log_id = $1 AND c.reaction = $2 AND c.position = effects.position
    ), 0)""",
)
"""For what a person has released: it may have had its effect before the log was replaced, or
attempts at it.
"""
_THESE = f"""
    SELECT {COLUMNS} FROM annals.events
    WHERE log_id = $1 AND position = ANY ($2::bigint[]) ORDER BY position
"""  # noqa: S608 - constants
_RELEASED = frozenset({str(RestoreReleased.__struct_config__.tag)})
_BEGIN_AT_TAIL = """
    INSERT INTO annals.checkpoints (log_id, projection, generation, position, previous)
    SELECT $1, $2, $3, e.position, 0 FROM (
        SELECT max(position) AS position FROM annals.events WHERE log_id = $1
    ) AS e
    WHERE e.position > 0 AND NOT EXISTS (
        SELECT FROM annals.checkpoints AS c
        WHERE c.log_id = $1 AND c.projection = $2 AND c.generation = $3
    )
    ON CONFLICT DO NOTHING
"""

log = structlog.get_logger(__name__)


class Reactor:
    """One reaction as a `Follower`."""

    def __init__(
        self,
        reaction: Reaction,
        *,
        bus: Bus | None,
        sender: EffectSender,
        codec: EventCodec | None = None,
        log_id: int = 1,
    ) -> None:
        """`bus` executes the commands; a reaction that gives none needs no bus.

        With `codec` it also follows the events whose parking a person has ended.
        """
        self._reaction = reaction
        self._bus = bus
        self._sender = sender
        self._codec = codec
        self._log_id = log_id

    @property
    def name(self) -> str:
        """See `Follower.name`; the stream is `projection/reaction.<name>`."""
        return follower_name(self._reaction)

    @property
    def generation(self) -> int:
        """See `Follower.generation`: a reaction is never built anew."""
        return GENERATION

    @property
    def handles(self) -> frozenset[str]:
        """See `Follower.handles`."""
        return self._reaction.event_types | _RELEASED

    async def apply(
        self, connection: Acquired, batch: Sequence[Recorded[Any]]
    ) -> AfterCommit | None:
        """See `Follower.apply`."""
        usual = [each for each in batch if not isinstance(each.event, RestoreReleased)]
        rows = await self._follow(connection, usual, _FIRST)
        rows += await self._follow(connection, await self._released(connection, batch), _AGAIN)
        if not rows:
            return None

        async def hand_over() -> None:
            await self._hand_over(rows)

        return hand_over

    async def _follow(
        self, connection: Acquired, events: Sequence[Recorded[Any]], insert: str
    ) -> list[Any]:
        """Execute what follows from events, and insert their effects; the rows of the latter."""
        effects: list[tuple[Recorded[Any], Effect]] = []
        for recorded in events:
            commands, effect = self._reaction.follow(recorded)
            for number, do in enumerate(commands):
                await self._execute(do, recorded, number)
            if effect is not None:
                effects.append((recorded, effect))
        if not effects:
            return []
        return await connection.fetch(
            insert,
            self._log_id,
            self._reaction.name,
            [recorded.tenant for recorded, _ in effects],
            [recorded.position for recorded, _ in effects],
            [effect.kind for _, effect in effects],
            [effect.due_at for _, effect in effects],
        )

    async def _released(
        self, connection: Acquired, batch: Sequence[Recorded[Any]]
    ) -> list[Recorded[Any]]:
        """The events of this reaction that releases in the batch name."""
        if self._codec is None:
            return []
        positions = [
            item.position
            for each in batch
            if isinstance(each.event, RestoreReleased)
            for item in each.event.items
            if item.reaction == self._reaction.name
        ]
        if not positions:
            return []
        rows = await connection.fetch(_THESE, self._log_id, positions)
        return list(await self._codec.decode(stored_events(rows)))

    async def _execute(self, do: Do, recorded: Recorded[Any], number: int) -> None:
        assert self._bus is not None  # noqa: S101 - wired wrongly
        digest = command_digest(self._reaction, recorded, number)
        context = Context(
            actor=self._reaction.actor,
            tenant=do.tenant,
            correlation_id=recorded.correlation_id,
            causation_id=recorded.id,
            deadline=asyncio.get_running_loop().time() + COMMAND_SECONDS,
            idempotency=Idempotency(
                digest=digest,
                fingerprint=digest,
                render=lambda _answer, _version: b"",
                seal=lambda plain: plain,
            ),
        )
        try:
            await self._bus.execute(do.command, context)
        except Rejection as rejection:
            log.warning(
                "reaction_refused",
                reaction=self._reaction.name,
                position=recorded.position,
                command=type(do.command).__name__,
                rejection=rejection.slug,
            )

    async def _hand_over(self, rows: Sequence[Any]) -> None:
        """Send what is due soon; what is due later is left to the sweep."""
        name = self._reaction.name
        due = [
            (Ticket(name, tenant, position, attempt), delay)
            for tenant, position, delay, attempt in rows
        ]
        now = [ticket for ticket, delay in due if delay <= 0]
        if now:
            await self._sender.send(now)
        for ticket, delay in due:
            if 0 < delay <= SHORT_DELAY:
                await self._sender.send([ticket], delay=delay)


def follower_name(reaction: Reaction) -> str:
    """What a reaction's checkpoint is called."""
    return f"reaction.{reaction.name}"


def command_digest(reaction: Reaction, recorded: Recorded[Any], number: int) -> bytes:
    """The idempotency key of one command that follows from an event."""
    text = f"{reaction.name}\x1f{recorded.id}\x1f{number}"
    return hashlib.blake2b(text.encode(), digest_size=32, person=b"annals.reaction").digest()


async def begin_at_tail(pool: Pool, reactions: Sequence[Reaction], *, log_id: int = 1) -> None:
    """Let reactions that are new here begin at the end of the log, unless they ask for its start.

    Raises:
        Outage: when the database does not answer.
    """
    async with outages(), pool.acquire() as connection:
        for reaction in reactions:
            if not reaction.from_start:
                await connection.execute(
                    _BEGIN_AT_TAIL, log_id, follower_name(reaction), GENERATION
                )
