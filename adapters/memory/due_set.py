"""What is due, kept in memory, for tests: the same lending, and a way to lose it all."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from application.due_set import Change, DueLost, DueSource, Name, Taken


class MemoryDueSet:
    """`DueSet` in one process."""

    def __init__(self, *, position: int | None = 0) -> None:
        """Start empty and valid at `position`, or lost where that is None."""
        self._position = position
        self._due: dict[Name, datetime] = {}
        self._losses = 0

    def lose(self) -> None:
        """Forget everything, as a flushed server does."""
        self._position = None
        self._due = {}
        self._losses += 1

    async def take(self, now: datetime, *, limit: int, lease: timedelta) -> Taken:
        """See `DueSet.take`."""
        self._check()
        until = now + lease
        longest = sorted(self._due, key=lambda name: (self._due[name], name.tenant, name.reminder))
        names = [name for name in longest if self._due[name] <= now][:limit]
        for name in names:
            self._due[name] = until
        next_at = min(self._due.values(), default=None)
        return Taken(names=names, lease_until=until, next_at=next_at)

    async def give_back(self, taken: Taken, due: Sequence[tuple[Name, datetime | None]]) -> None:
        """See `DueSet.give_back`."""
        self._check()
        for name, due_at in due:
            if self._due.get(name) == taken.lease_until:
                self._move(name, due_at)

    async def follow(self, changes: Sequence[Change], *, after: int, upto: int) -> int:
        """See `DueSet.follow`."""
        reached = self._check()
        if not after <= reached < upto:
            return reached
        for change in changes:
            if change.position > reached:
                self._move(change.name, change.due_at)
        self._position = upto
        return upto

    async def applied(self) -> int | None:
        """See `DueSet.applied`."""
        return self._position

    async def rebuild(self, source: DueSource) -> None:
        """See `DueSet.rebuild`."""
        while self._position is None:
            losses, built = self._losses, MemoryDueSet()
            rows = await source.load()
            async for batch in rows.batches:
                built._due.update(batch)
            changes, position = await source.catch_up(rows.position, rows.incarnation)
            for change in changes:
                built._move(change.name, change.due_at)
            if losses == self._losses and self._position is None:
                self._due, self._position = built._due, position

    def _check(self) -> int:
        if self._position is None:
            raise DueLost
        return self._position

    def _move(self, name: Name, due_at: datetime | None) -> None:
        if due_at is None:
            self._due.pop(name, None)
        else:
            self._due[name] = due_at
