"""Restores: first what would go, then, confirmed, the restore itself.

To ask without a confirmation changes nothing: it lists what happened behind the wished position
and gives the word that confirms exactly this. The word is bound to the log's end: once something
more was recorded it is stale, unless the caller lets what comes later go, too.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.backup_repository import Damaged, Manifest, NoSuchVersion
from application.bus import Run
from application.event_store import Tail
from application.live_log import Discarded, LiveLog, LogMoved
from application.pipeline import Pipeline
from application.positions import Position
from application.unit import Done, Unit
from domain.rejections import Conflict, Fault, Invalid
from domain.restores import RESTORE, NoRestore, Restore, StartRestore


class RestorePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore would do.

    `base` is where the backup ends and `position` where the restored log would (None: where the
    live log ends, so nothing goes). `same_log` tells whether the live log goes on from the backup;
    where it does not, all of it goes.
    """

    version: str
    label: str
    base: int
    position: int | None
    tail: int
    same_log: bool
    discarded: Discarded
    confirm: str


class NotAllowedHere(Conflict):
    """The database role may not do what a restore needs; nothing was touched."""

    slug = "restore-not-allowed"
    title = "The database role may not replace the log's database"
    final = False


class StaleConfirmation(Conflict):
    """Something was recorded since; `confirm` of the new list confirms that, too."""

    slug = "stale-confirmation"
    title = "More has happened since you looked"
    final = False


class BackupDamaged(Conflict):
    """The backup is not as it was written."""

    slug = "backup-damaged"
    title = "This backup is damaged"


class Catalogue(Protocol):
    """Which backups there are."""

    async def find(self, version: str) -> Manifest | Damaged | None:
        """What is known of a version; None: there is none. Raises `Outage`."""
        ...


class WishedEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Where the restored log is to end: at a position, at a moment, at the live log's end.

    With none of these, where the backup ends.
    """

    position: int | None = None
    at: datetime | None = None
    live_end: bool = False


class AskRestore(msgspec.Struct, frozen=True, kw_only=True):
    """Restore a version; the id of the restore is made by the caller."""

    restore: str
    version: str
    end: WishedEnd
    confirm: str
    discard_later: bool
    reason: str
    at: datetime


@dataclass(frozen=True)
class PlanRestore:
    """What a restore would do; changes nothing."""

    catalogue: Catalogue
    live: LiveLog

    async def __call__(self, version: str, end: WishedEnd) -> RestorePlan:
        """Look at the backup and at the live log.

        Raises:
            NoSuchVersion, BackupDamaged: about the backup.
            Invalid: the wished end lies before the backup's, or behind the log's.
            NotAllowedHere: the database role may not do it.
            Outage: something does not answer.
        """
        manifest = await self.catalogue.find(version)
        if manifest is None:
            raise NoSuchVersion(version=version)
        if isinstance(manifest, Damaged):
            raise BackupDamaged(str(manifest))
        missing = await self.live.ground.missing_rights()
        if missing:
            raise NotAllowedHere("; ".join(missing), missing=list(missing))
        tail = await self.live.store.tail()
        same_log = _goes_on(manifest, await self.live.ground.lineage())
        position = await self._position(manifest, end, tail, same_log=same_log)
        after = 0 if not same_log else tail.position if position is None else position
        return RestorePlan(
            version=version,
            label=manifest.label,
            base=manifest.position,
            position=position,
            tail=tail.position,
            same_log=same_log,
            discarded=await self.live.ground.discarded(after),
            confirm=confirmation(manifest, position, tail),
        )

    async def _position(
        self, manifest: Manifest, end: WishedEnd, tail: Tail, *, same_log: bool
    ) -> int | None:
        if end.live_end:
            if not same_log:
                raise _fault("/position", "other-log", "the live log does not go on from it")
            return None
        position = manifest.position if end.position is None else end.position
        if end.at is not None:
            if not same_log:
                detail = "the live log does not go on from this backup: name a position"
                raise _fault("/at", "other-log", detail)
            position = await self.live.history.position_at(end.at)
        pointer = "/position" if end.at is None else "/at"
        if position < manifest.position:
            detail = f"lies before this backup's end, position {manifest.position}: take an older"
            raise _fault(pointer, "before-the-backup", detail)
        if same_log and position > tail.position:
            detail = f"lies beyond the end of the log, whose last position is {tail.position}"
            raise _fault(pointer, "beyond-the-end", detail)
        return position


class LookAtRestore(msgspec.Struct, frozen=True, kw_only=True):
    """Tell what a restore would do."""

    version: str
    end: WishedEnd


@dataclass(frozen=True)
class LookAtRestoreHandler:
    """Answers with the plan, and records nothing."""

    plan: PlanRestore

    async def __call__(self, command: LookAtRestore, _run: Run) -> Done[RestorePlan]:
        """Look. Raises as `PlanRestore` does."""
        plan = await self.plan(command.version, command.end)
        tail = await self.plan.live.store.tail()
        return Done(result=plan, position=Position(tail.incarnation, tail.position), version=0)


@dataclass(frozen=True)
class AskRestoreHandler:
    """Records that a confirmed restore begins; whoever carries restores out sees it in the log.

    Where later events are to go, that event is the log's last: from then on nobody is told that
    something was recorded which is about to go.
    """

    plan: PlanRestore
    new_id: Callable[[], UUID]

    async def __call__(self, command: AskRestore, run: Run) -> Done[NoRestore | Restore]:
        """Compare the confirmation with what would go now.

        Raises:
            StaleConfirmation: when it confirms something else.
        """
        plan = await self.plan(command.version, command.end)
        if not confirms(command.confirm, plan, later=command.discard_later):
            raise _stale(plan)
        start = StartRestore(
            restore=command.restore,
            version=plan.version,
            base=plan.base,
            position=plan.position,
            tail=plan.tail,
            discard_later=command.discard_later or plan.position is None,
            reason=command.reason,
            at=command.at,
        )

        async def decide(unit: Unit) -> NoRestore | Restore:
            return await unit.decide(RESTORE, command.restore, start)

        if plan.position is None:
            return await run(decide)
        tail = None if command.discard_later else plan.tail
        store = self.plan.live.closing(command.restore, tail=tail)
        run.answered = True
        try:
            return await Pipeline(store, self.plan.live.codec, self.new_id).run(decide, run.context)
        except LogMoved:
            raise _stale(await self.plan(command.version, command.end)) from None


def _stale(plan: RestorePlan) -> StaleConfirmation:
    return StaleConfirmation(
        "What would go is not what was confirmed: look again, and confirm that.",
        confirm=plan.confirm,
        events=plan.discarded.events,
    )


def confirmation(manifest: Manifest, position: int | None, tail: Tail) -> str:
    """The word that confirms a restore of this version to there, at this end of the log."""
    return _word(manifest.version, position, str(tail.incarnation), tail.position)


def confirms(word: str, plan: RestorePlan, *, later: bool) -> bool:
    """Whether a word confirms a plan; with `later`, an earlier end of the log is good enough."""
    if not (later or plan.position is None):
        return word == plan.confirm
    seen, _, what = word.partition("-")
    return what == plan.confirm.partition("-")[2] and seen.isdecimal() and int(seen) <= plan.tail


def _word(version: str, position: int | None, incarnation: str, tail: int) -> str:
    text = "\x1f".join((version, str(position), incarnation))
    return f"{tail}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _goes_on(manifest: Manifest, lineage: Sequence[tuple[UUID, int]]) -> bool:
    """Whether the live log has everything that the backup has."""
    return any(
        manifest.incarnation == incarnation and manifest.position <= upto
        for incarnation, upto in lineage
    )


def _fault(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(Fault(pointer=pointer, code=code, detail=detail))
