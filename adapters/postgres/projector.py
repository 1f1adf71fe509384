"""The engine that feeds read models and reactions from the log.

Any number of projectors may run: leases keep them from doing the same work twice, and the fence
in the checkpoints keeps the rows right even when leases fail. Once a second, and whenever
somebody has decided something about a projection, the projector looks at which builds there are,
what it may work on and what has caught up; between these looks every follower runs on its own.
"""

import asyncio
from collections.abc import Iterable, Sequence

import structlog

from adapters.postgres import checkpoints
from adapters.postgres.checkpoints import Mark
from adapters.postgres.connect import Acquired, Connection, Pool
from adapters.postgres.controls import ControlReader
from adapters.postgres.follower import Follower
from adapters.postgres.generations import Generation, activate, generations
from adapters.postgres.idle import IdleSteps
from adapters.postgres.member import AWAY, Failure, Member, Stopped
from adapters.postgres.read_tables import ProjectionFollower
from adapters.postgres.telling import Telling
from application.codec import EventCodec
from application.endings import end, give_way
from application.event_store import EventStore, StoredEvent
from application.feed import Feed
from application.progress import Progress
from application.tail import Tail
from domain.projections import PROJECTION, Controls
from projections.projection import Projection

log = structlog.get_logger(__name__)

ROUND = 1.0  # seconds between looks at what there is to do
PRUNE_EVERY = 10  # rounds
FROZEN = 35  # seconds; longer than a reaction may take for its commands

_FAILED = """
    INSERT INTO annals.failures (log_id, projection, generation, position, kind, error)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
_FORGET_FAILURES = """
    DELETE FROM annals.failures WHERE log_id = $1 AND projection = $2 AND generation = $3
        AND position <= $4
"""


async def bound_transactions(connection: Connection) -> None:
    """Let the server end a transaction that its process has forgotten; run on each connection.

    A process that froze within a step would otherwise keep all others out of it.
    """
    await connection.execute(f"SET idle_in_transaction_session_timeout = '{FROZEN}s'")


class Projector:
    """Feeds every build of the given projections, and the given other followers."""

    def __init__(
        self,
        *,
        pool: Pool,
        store: EventStore,
        codec: EventCodec,
        tail: Tail,
        progress: Progress,
        holder: str,
        projections: Iterable[Projection] = (),
        followers: Sequence[Follower] = (),
        log_id: int = 1,
    ) -> None:
        """`holder` names this process among all projectors.

        `pool` acts as annals_projector, its connections prepared by `bound_transactions`.
        """
        self._pool = pool
        self._tail = tail
        self._telling = Telling(progress, tail)
        self._holder = holder
        self._projections = {each.name: each for each in projections}
        self._followers = followers
        self._log_id = log_id
        self._feed = Feed(tail, codec)
        self._controls = ControlReader(store, codec)
        self._members: dict[Mark, Member] = {}
        self._tasks: dict[Mark, asyncio.Task[None]] = {}
        self._failures: dict[Mark, tuple[Failure, Controls]] = {}
        self._building: set[Mark] = set()
        self._pruned: dict[Mark, int] = {}
        self._target: int | None = None
        self._kicked = asyncio.Event()
        self._rounded = asyncio.Event()
        self._idle = IdleSteps(pool, log_id, self._overtaken)
        tail.on_events(self._notice)

    async def run(self) -> None:
        """Work until cancelled; then let others take over at once."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._rounds())
                group.create_task(self._idle.run(self._members))
                group.create_task(self._telling.run())
        finally:
            await self._stop(list(self._tasks))
            await self._release()

    async def settled(self) -> None:
        """Wait for a whole round that begins from now on: what was decided before is in force."""
        for _ in range(2):
            rounded = self._rounded
            self._kicked.set()
            await rounded.wait()

    async def _rounds(self) -> None:
        await self._tail.started()
        turn = 0
        while True:
            self._kicked.clear()
            try:
                await self._round(prune=turn % PRUNE_EVERY == 0)
                turn += 1
            except AWAY as error:
                give_way(error)
                log.warning("projector_interrupted", error=type(error).__name__)
            try:
                async with asyncio.timeout(ROUND):
                    await self._kicked.wait()
            except TimeoutError:
                continue

    async def _round(self, *, prune: bool) -> None:
        tail = self._tail.position
        async with self._pool.acquire() as connection:
            there = await generations(connection, self._log_id)
            await self._admit(there)
            controls = await self._controls.read({mark.name for mark in self._members})
            able = [mark for mark, member in self._members.items() if self._may(member, controls)]
            held = await checkpoints.lease(connection, self._holder, able)
            await self._stop([mark for mark in self._tasks if mark not in held])
            for mark in held:
                self._start(mark)
            await self._activate(connection)
            if prune:
                await self._prune(connection, held)
        self._target = tail
        rounded, self._rounded = self._rounded, asyncio.Event()
        rounded.set()

    async def _admit(self, there: Sequence[Generation]) -> None:
        """Have a member for every build that this code can feed, and none for any other."""
        followers = {Mark(each.name, each.generation): each for each in self._followers}
        self._building.clear()
        for each in there:
            projection = self._projections.get(each.projection)
            if projection is None or projection.version != each.version:
                continue
            mark = Mark(each.projection, each.number)
            if mark not in self._members:
                followers[mark] = ProjectionFollower(projection, each.number)
            else:
                followers[mark] = self._members[mark].follower
            if not each.active:
                self._building.add(mark)
        gone = self._members.keys() - followers.keys()
        await self._stop(gone)
        for mark in gone:
            del self._members[mark]
        for mark, follower in followers.items():
            if mark not in self._members:
                self._members[mark] = Member(
                    follower,
                    pool=self._pool,
                    feed=self._feed,
                    log_id=self._log_id,
                    moved=self._moved,
                )

    def _may(self, member: Member, controls: dict[str, Controls]) -> bool:
        """Whether a member may run: not paused, and nothing new was decided since it failed."""
        decided = controls[member.mark.name]
        member.skipped = {p for version, p in decided.skipped if version == member.version}
        if decided.paused:
            return False
        failed = self._failures.get(member.mark)
        if failed is None:
            return True
        failure, then = failed
        if then.retries == decided.retries and failure.position not in member.skipped:
            return False
        del self._failures[member.mark]
        return True

    def _start(self, mark: Mark) -> None:
        if mark not in self._tasks:
            self._tasks[mark] = asyncio.create_task(self._work(self._members[mark]))

    async def _work(self, member: Member) -> None:
        try:
            await member.run()
        except Stopped as stopped:
            await self._stopped(member.mark, stopped.failure)
        except Exception:
            log.exception("follower_crashed", follower=member.mark.name)
        finally:
            self._tasks.pop(member.mark, None)

    async def _stopped(self, mark: Mark, failure: Failure) -> None:
        """Take note, loudly, that a follower cannot go on."""
        self._failures[mark] = (failure, self._controls.known(mark.name))
        try:
            async with self._pool.acquire() as connection:
                there = await generations(connection, self._log_id)
                built = {Mark(each.projection, each.number) for each in there}
                if mark.name in self._projections and mark not in built:
                    log.info("build_retired", projection=mark.name, generation=mark.generation)
                    return
                what = (failure.position, failure.kind, failure.error)
                await connection.execute(_FAILED, self._log_id, mark.name, mark.generation, *what)
                # a newer version of the program may know better: let it have the work
                await checkpoints.release(connection, self._holder, [mark])
        except AWAY as error:
            log.warning("failure_not_recorded", error=type(error).__name__)
        log.error(
            "follower_stopped",
            follower=mark.name,
            generation=mark.generation,
            position=failure.position,
            kind=failure.kind,
            error=failure.error,
        )

    async def _stop(self, marks: Iterable[Mark]) -> None:
        tasks = [self._tasks[mark] for mark in marks if mark in self._tasks]
        await end(*tasks)

    async def _activate(self, connection: Acquired) -> None:
        """Let queries turn to builds that have what the log had a round ago."""
        if self._target is None:
            return
        for mark in self._building:
            member = self._members[mark]
            if member.running and member.persisted >= self._target:
                if await activate(connection, self._log_id, mark.name, mark.generation):
                    log.info("build_active", projection=mark.name, generation=mark.generation)
                self._kicked.set()

    async def _prune(self, connection: Acquired, marks: Iterable[Mark]) -> None:
        held = list(marks)
        since = {mark: self._pruned.get(mark, 0) for mark in held}
        self._pruned |= await checkpoints.prune(connection, self._log_id, since)
        for mark in held:
            persisted = self._members[mark].persisted
            await connection.execute(
                _FORGET_FAILURES, self._log_id, mark.name, mark.generation, persisted
            )

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(1), self._pool.acquire() as connection:
                await checkpoints.release(connection, self._holder, list(self._members))
        except AWAY:
            log.info("leases_left_to_expire")

    def _notice(self, events: Sequence[StoredEvent]) -> None:
        prefix = f"{PROJECTION.category}/"
        names = {e.stream.removeprefix(prefix) for e in events if e.stream.startswith(prefix)}
        if names:
            self._controls.changed(names)
            self._kicked.set()

    def _moved(self, member: Member) -> None:
        if member.mark in self._building and member.position >= self._tail.position:
            self._kicked.set()
        if member.position > member.persisted:
            self._idle.notice()
        if member.mark.name in self._projections:  # nobody waits for reactions
            self._telling.moved(member.mark, member.position)

    def _overtaken(self, mark: Mark) -> None:
        """Let a follower begin again from its checkpoint, which somebody else has moved."""
        if (task := self._tasks.get(mark)) is not None:
            task.cancel()
            self._kicked.set()
