"""A log of when things are due, in memory, and the fold that a due set must agree with."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from application.due_set import Change, DueRows, Name
from application.event_store import ForeignIncarnation


class DueLog:
    """Implements `DueSource`; `rows_behind` makes its read model lag by so many changes."""

    def __init__(self) -> None:
        self.incarnation: UUID = uuid4()
        self.changes: list[Change] = []
        self.rows_behind = 0
        self.loads = 0
        self.between: Callable[[], Awaitable[None]] | None = None

    @property
    def tail(self) -> int:
        return len(self.changes)

    def say(self, reminder: str, due_at: datetime | None, tenant: str = "default") -> Change:
        change = Change(self.tail + 1, Name(tenant, reminder), due_at)
        self.changes.append(change)
        return change

    def page(self, after: int, upto: int) -> Sequence[Change]:
        return self.changes[after:upto]

    def folded(self, upto: int | None = None) -> dict[Name, datetime]:
        due: dict[Name, datetime] = {}
        for change in self.changes[:upto]:
            due.pop(change.name, None)
            if change.due_at is not None:
                due[change.name] = change.due_at
        return due

    async def load(self) -> DueRows:
        self.loads += 1
        position = max(self.tail - self.rows_behind, 0)
        return DueRows(
            incarnation=self.incarnation, position=position, batches=self._batches(position)
        )

    async def _batches(self, position: int) -> AsyncIterator[Sequence[tuple[Name, datetime]]]:
        """The second batch is read later than the first, so it may know more."""
        rows = list(self.folded(position).items())
        yield rows[::2]
        if self.between is not None:
            await self.between()
        now = self.folded()
        yield [(name, now[name]) for name, _ in rows[1::2] if name in now]

    async def catch_up(self, after: int, incarnation: UUID) -> tuple[Sequence[Change], int]:
        if incarnation != self.incarnation:
            raise ForeignIncarnation(self.incarnation)
        return self.changes[after:], self.tail
