"""Following a source: its files' ends, through rotation by rename or copy, and truncation.

Files are looked at by an adaptive poll: often while something comes, a few times per second
while nothing does. That works on every file system, which notifications do not. Looking is done
in a thread, and only when the reader has taken what was found before, so a slow reader makes no
queue: it finds a longer file, of which too much is passed over and counted.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Final

from adapters.logs.contents import Spool
from adapters.logs.finding import Finder
from adapters.logs.members import Member, Streams, opened_streams
from adapters.logs.pages import spots
from adapters.logs.places import Cursor, Place, found_again, read_cursor
from adapters.logs.sieve import Sieve
from adapters.logs.tails import Item, Tail
from application.log_reader import (
    Followed,
    LinesGone,
    LogQuery,
    Rotated,
    SourceFiles,
    Truncated,
)

_SHORTEST: Final = 0.02
_LONGEST: Final = 0.25
_SLOWER: Final = 1.5
_LISTED_EVERY: Final = 1.0  # seconds between looks for new files
_KEPT: Final = 10.0  # seconds for which a renamed file may still be written to
_CURSOR_EVERY: Final = 5.0


async def followed(
    finder: Finder, source: SourceFiles, query: LogQuery, spool: Spool
) -> AsyncGenerator[Followed, None]:
    """See `LogReader.follow`."""
    follower = Follower(finder, source, query, spool)
    pause, given_at, given = _SHORTEST, time.monotonic(), ""
    try:
        while True:
            items, more = await _in_thread(follower)
            cursor = follower.cursor
            late = time.monotonic() - given_at > _CURSOR_EVERY and cursor != given
            if items or late or not given:
                given, given_at = cursor, time.monotonic()
                yield Followed(items=tuple(items), cursor=cursor)
            pause = _SHORTEST if items or more else min(pause * _SLOWER, _LONGEST)
            if not more:
                await asyncio.sleep(pause)
    finally:
        follower.close()


async def _in_thread(follower: "Follower") -> tuple[list[Item], bool]:
    """Look, and whoever leaves meanwhile waits for the look's end: it uses the descriptors."""
    look = asyncio.get_running_loop().run_in_executor(None, follower.look)
    try:
        return await asyncio.shield(look)
    finally:
        if not look.done():
            await asyncio.wait([look])


class Follower:
    """The followed files of a source, by stream, the oldest first."""

    def __init__(self, finder: Finder, source: SourceFiles, query: LogQuery, spool: Spool) -> None:
        """Nothing is opened before the first look."""
        self._finder, self._source, self._spool = finder, source, spool
        self._query = query
        self._sieve = Sieve(query)
        self._resumed = query.cursor is not None
        self._places = read_cursor(query.cursor).places if query.cursor else ()
        self._tails: dict[str, list[Tail]] = {}
        self._listed_at: float | None = None

    @property
    def cursor(self) -> str:
        """The place behind all that was given."""
        places = []
        for stream, tails in self._tails.items():
            tail = next((each for each in tails if not each.is_read), tails[-1])
            places.append(tail.place(stream))
        return Cursor("next" if self._query.order == "asc" else "previous", tuple(places)).text

    def look(self) -> tuple[list[Item], bool]:
        """What is new, and whether there is more to see at once."""
        items: list[Item] = []
        if self._listed_at is None:
            self._begin()
        elif time.monotonic() - self._listed_at > _LISTED_EVERY or self._is_moved():
            items += self._list_again()
        more = False
        for tails in self._tails.values():
            for tail in list(tails):
                if tail.is_cut():
                    items += self._after_cut(tail)
                final = tail is not tails[-1] and time.monotonic() - tail.grew_at > _KEPT / 10
                seen = tail.look(self._sieve, final=final)
                items += seen.items
                more = more or seen.more
                if seen.more or (tail is not tails[-1] and not tail.is_read):
                    break  # what is newer comes behind it, also behind an entry that may yet grow
            self._forget_old(tails)
        return items, more

    def close(self) -> None:
        """Let go of all files."""
        for tails in self._tails.values():
            for tail in tails:
                tail.close()
        self._tails.clear()

    def _begin(self) -> None:
        with opened_streams(self._finder, self._source, self._spool) as streams:
            starts = spots(self._places, streams, forward=True)
            for name, members in streams.items():
                index, offset = starts.get(name, (len(members) - 1, None))
                if name not in starts and self._resumed:
                    index, offset = 0, 0  # it was not there yet
                self._tails[name] = [
                    Tail(member, self._source, offset if place == 0 else 0)
                    for place, member in enumerate(members[index:])
                ]
        self._listed_at = time.monotonic()

    def _is_moved(self) -> bool:
        return any(not tails[-1].is_named for tails in self._tails.values())

    def _list_again(self) -> list[Item]:
        """Take up new files: those of new streams, and those newer than what we follow."""
        items: list[Item] = []
        with opened_streams(self._finder, self._source, self._spool) as streams:
            for name, members in streams.items():
                tails = self._tails.setdefault(name, [])
                newer = _newer(members, tails)
                if newer and tails:
                    items.append(Rotated(file=tails[-1].path))
                tails += [Tail(member, self._source, 0) for member in newer]
        self._tails = {name: tails for name, tails in self._tails.items() if tails}
        self._listed_at = time.monotonic()
        return items

    def _after_cut(self, tail: Tail) -> list[Item]:
        """Read on in the copy that was made before the cut, if there is one."""
        stream = next(name for name, tails in self._tails.items() if tail in tails)
        items: list[Item] = []
        place, lost = tail.place(stream), True
        with opened_streams(self._finder, self._source, self._spool) as streams:
            copy = _copy_of(place, tail, streams, stream)
            if copy is not None:
                member, offset = copy
                rest = Tail(member, self._source, offset)
                items += _to_the_end(rest, self._sieve)
                lost = False
        tail.begin_again()
        return [*items, Truncated(file=tail.path, lost=lost)]

    def _forget_old(self, tails: list[Tail]) -> None:
        now = time.monotonic()
        while len(tails) > 1 and tails[0].is_read and now - tails[0].grew_at > _KEPT:
            tails.pop(0).close()


def _newer(members: list[Member], tails: list[Tail]) -> list[Member]:
    """The members behind the newest that is followed; all of them if none is found."""
    if not tails:
        return members
    known = {(tail.device, tail.inode) for tail in tails}
    for index in range(len(members) - 1, -1, -1):
        if (members[index].file.device, members[index].file.inode) in known:
            return members[index + 1 :]
    return [each for each in members if each.rotation.kind == "live"]


def _copy_of(place: Place, tail: Tail, streams: Streams, stream: str) -> tuple[Member, int] | None:
    others = [
        member
        for member in streams.get(stream, [])
        if (member.file.device, member.file.inode) != (tail.device, tail.inode)
    ]
    try:
        index, offset = found_again(place, others)
    except LinesGone:
        return None
    return others[index], offset


def _to_the_end(tail: Tail, sieve: Sieve) -> list[Item]:
    """All that is left in a file which grows no more."""
    items: list[Item] = []
    try:
        while not tail.is_read:
            before = tail.offset
            items += tail.look(sieve, final=True).items
            if tail.offset == before:
                break
    finally:
        tail.close()
    return items
