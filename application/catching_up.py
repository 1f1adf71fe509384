"""What happened in a log since something derived from it was last kept."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from application.codec import EventCodec
from application.event_store import EventStore, ForeignIncarnation, StoredEvent

_PAGE = 1000

C = TypeVar("C")


async def changes_since(
    after: int,
    incarnation: UUID,
    *,
    store: EventStore,
    codec: EventCodec,
    read: Callable[[Sequence[StoredEvent], EventCodec], Awaitable[Sequence[C]]],
) -> tuple[list[C], int]:
    """What `read` makes of the events after a position, and the position of the last of these.

    Raises:
        ForeignIncarnation: when the log is not the one that the position is of.
    """
    changes: list[C] = []
    while True:
        page = await store.read_log(after=after, limit=_PAGE)
        changes += await read(page, codec)
        after = page[-1].position if page else after
        if len(page) < _PAGE:
            break
    tail = await store.tail()
    if tail.incarnation != incarnation:
        raise ForeignIncarnation(tail.incarnation)
    return changes, after
