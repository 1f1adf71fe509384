"""Streams of flags' changes: each reader waits for the next change of its tenant's set."""

from collections.abc import AsyncGenerator

from adapters.http.calls import Call
from adapters.http.problems import Gone
from application.flags.flag_set import FlagSet
from application.positions import Position, parse_position
from domain.rejections import Invalid


async def changed_sets(call: Call, behind: int) -> AsyncGenerator[FlagSet, None]:
    """The set whenever it has changed: at once, if it is newer than the reader's position.

    A set that took another's place, after an outage or a restore, has changed as far as anybody
    can tell.
    """
    sets = call.platform.services.flag_sets
    flags = await sets.of(call.tenant)
    told = (flags, -1 if flags.revision > behind else flags.serial)
    while True:
        flags = await sets.of(call.tenant)
        news = flags.news
        if (flags, flags.serial) != told:
            told = (flags, flags.serial)
            yield flags
            continue
        await news.wait()


def resumes_behind(flags: FlagSet) -> str:
    """What a reader of the set names when it comes back: everything up to there is in it."""
    return Position(flags.incarnation, flags.position).token


async def resumed_behind(call: Call, flags: FlagSet) -> int:
    """The position that the reader has: the one it names, else what there is.

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
