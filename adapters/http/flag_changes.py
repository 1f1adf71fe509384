"""Streams of flags' changes: each reader waits for the next revision of its tenant's set."""

from collections.abc import AsyncGenerator

from adapters.http.calls import Call
from adapters.http.problems import Gone
from application.flags.flag_set import FlagSet
from application.positions import parse_position
from domain.rejections import Invalid


async def revisions(call: Call, behind: int) -> AsyncGenerator[tuple[FlagSet, int], None]:
    """The set whenever it has a revision that the reader has not: at once, if it is behind."""
    sets = call.platform.services.flag_sets
    while True:
        flags = await sets.of(call.tenant)
        news = flags.news
        if flags.revision > behind:
            behind = flags.revision
            yield flags, behind
            continue
        await news.wait()


async def resumed_behind(call: Call, flags: FlagSet) -> int:
    """The revision that the reader has: the one it names, else the one there is.

    A name of another log, or none that we gave, stands for having nothing.
    """
    given = call.headers.get(b"last-event-id")
    if given is None:
        return flags.revision
    try:
        position = parse_position(given.decode("latin-1"), flags.incarnation, pointer="")
    except (Invalid, Gone):
        return -1
    return position.number if position.incarnation == flags.incarnation else -1
