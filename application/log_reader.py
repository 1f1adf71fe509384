"""The port to log files: pages, counts and live lines out of what programs write.

Log lines are no events: files are read where they lie, and nothing about them is kept. So
everything here works on files that others write, rotate, cut and compress meanwhile.

An **entry** is one message with all its lines (a traceback is one entry). Files of one name and
its rotations (`app.log`, `app.log.1`, `app.log-20260101.zst`) are one stream, in the order of
writing; several streams of one source are merged by time. Within a stream entries stay in the
order of the file, also where their times are not exactly sorted: what is out of order by no more
than `SourceFiles.slack` is found by `since` and `until` all the same.
"""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol, get_args

import msgspec

from domain.rejections import Conflict, LimitExceeded, Rejection

Level = Literal["trace", "debug", "info", "notice", "warning", "error", "critical"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From the least to the most severe; other systems' words and numbers map to these."""

Format = Literal["json", "logfmt", "syslog", "syslog-5424", "access", "access-combined", "text"]
FORMATS: tuple[Format, ...] = get_args(Format)
"""`syslog` is RFC 3164, `access` the common log format, `text` everything else."""

Order = Literal["asc", "desc"]

LARGEST_PAGE = 1000
LARGEST_HISTOGRAM = 1000
LONGEST_PATTERN = 1000  # characters of `q` and of `regex`


def at_least(level: Level) -> frozenset[Level]:
    """This level and all that are more severe."""
    return frozenset(LEVELS[LEVELS.index(level) :])


class SourceFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Which files a source is, and how they are read.

    `paths` are absolute; their last parts may be globs (`*`, `?`, `[...]`, and `**` for any
    directories). Rotations of what they match belong to it. `format` is detected for each file
    unless given; `time_zone` is that of stamps without one; `slack` in seconds says how far a
    stamp may lie behind one that was written before it.
    """

    name: str
    paths: tuple[str, ...]
    format: Format | None = None
    time_zone: str = "UTC"
    slack: float = 60.0


class LogQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries, from where on and how many; all conditions must hold.

    Times are aware: `since` is included, `until` is not; an entry without a time has that of the
    entry before it. `levels` empty means any. `q` must occur in a line of the entry as it lies in
    the file, byte by byte (`grep -F`), unless `ignore_case`; `regex` must match in a line of it
    (`grep -E`; RE2's syntax, `(?i)` ignores case). `fields` compare a field's text, or the number,
    `true`, `false` or `null` as it is written; `a.b` is a field of that name or `b` within `a`.

    `cursor` is a page's `next` or `previous`; `order` must be the same then.
    """

    since: datetime | None = None
    until: datetime | None = None
    levels: frozenset[Level] = frozenset()
    q: str | None = None
    ignore_case: bool = False
    regex: str | None = None
    fields: Mapping[str, str] = msgspec.field(default_factory=dict)
    order: Order = "desc"
    cursor: str | None = None
    limit: int = 100


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `length` bytes from `offset` of the (decompressed) file are exactly it.

    What is no UTF-8 is shown as U+FFFD. A `message` longer than 64 KiB ends there, `cut`.
    """

    at: datetime | None
    level: Level | None
    message: str
    fields: dict[str, Any]
    file: str
    offset: int
    length: int
    cut: bool = False


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries in the query's order.

    `next` goes on, None where nothing more is now. `previous` goes back from the first of them:
    under `desc` that is how newer lines are asked for. Both stay right while files grow and rotate;
    an entry that grew after it was shown is shown again, whole.

    `unfinished`: the time for one request was up before the page was full, perhaps with no
    entry at all; `next` goes on where it stopped.
    """

    entries: tuple[LogEntry, ...]
    next: str | None
    previous: str | None
    unfinished: bool = False


class LogFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a source. `compression` is None, gzip or zstd; `bytes` are those on disk."""

    name: str
    format: Format
    compression: str | None
    bytes: int
    modified_at: datetime


class LogSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a source has. `format` is None without a file, and `mixed` where files differ.

    `since` and `until` are the first and last entries' times, as far as they are cheap to tell;
    `unreadable` files are there, but could not be opened.
    """

    name: str
    format: Format | Literal["mixed"] | None
    files: int
    bytes: int
    since: datetime | None = None
    until: datetime | None = None
    unreadable: int = 0
    of: tuple[LogFile, ...] = ()


class LogBucket(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries of each level lie in the `step` from `at` on; `none` are without a level."""

    at: datetime
    counts: dict[Level | Literal["none"], int]


class LogHistogram(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over time; empty buckets are left out, `step` is in seconds.

    `undated` entries have no time, nor any before them. `unfinished`: only what was written before
    `counted_until` is counted, the time for one request was up.
    """

    step: float
    since: datetime | None
    until: datetime | None
    buckets: tuple[LogBucket, ...]
    undated: int = 0
    unfinished: bool = False
    counted_until: datetime | None = None


class Dropped(msgspec.Struct, frozen=True, kw_only=True, tag="dropped"):
    """The follower was too slow: `lines` of `file` were passed over (they can be read by page)."""

    file: str
    lines: int
    bytes: int


class Rotated(msgspec.Struct, frozen=True, kw_only=True, tag="rotated"):
    """`file` was followed to its end, and a new one under its name goes on."""

    file: str


class Truncated(msgspec.Struct, frozen=True, kw_only=True, tag="truncated"):
    """`file` was cut and is read from its beginning.

    `lost`: what was written between the last look and the cut is nowhere to be found.
    """

    file: str
    lost: bool


Notice = Dropped | Rotated | Truncated


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What is new, in order; following again from `cursor` continues behind it."""

    items: tuple[LogEntry | Notice, ...]
    cursor: str


class LogReader(Protocol):
    """Reads the files of sources; only below the allowed roots, never through a symbolic link.

    Every method raises `Outage` when files cannot be read for now, `LogsBusy` when too much is
    being searched, and lets go of its work when the caller is cancelled.
    """

    def check(self, source: SourceFiles) -> None:
        """See that a source may be registered; files need not exist yet.

        Raises:
            Invalid: a path lies outside the allowed roots, or is no absolute path or glob;
                an unknown time zone; a slack out of range. Pointers are into the source.
        """
        ...

    async def summary(self, source: SourceFiles) -> LogSummary:
        """What there is now."""
        ...

    async def page(self, source: SourceFiles, query: LogQuery) -> LogPage:
        """The entries that a query asks for.

        Raises:
            Invalid: a bad pattern, limit, window or cursor.
            LinesGone: the cursor's place was rotated away and removed.
            SearchTooSlow: a pattern took too long on a single piece.
            ArchiveTooLarge: a compressed file is larger than what may be unpacked.
        """
        ...

    async def histogram(
        self, source: SourceFiles, query: LogQuery, *, buckets: int = 60
    ) -> LogHistogram:
        """Counts of what a query asks for, in at most `buckets` steps of a round length.

        Without `since` or `until` the first and the last entry's time stand for them. The query's
        `order`, `cursor` and `limit` do not count. Raises as `page` does.
        """
        ...

    def follow(self, source: SourceFiles, query: LogQuery) -> AsyncGenerator[Followed, None]:
        """What is written from now on, or from the query's `cursor` on, without end.

        `since`, `until`, `order` and `limit` do not count. An entry is given when it is surely
        complete: its line has ended, and what follows it is another entry or a short silence.
        Nothing is gathered for a slow reader: what it missed too much of is `Dropped`. Close the
        iterator (`aclosing`) to let go. Raises as `page` does.
        """
        ...


class LinesGone(Rejection):
    """The cursor's place was rotated away; start again with `since` (or without a cursor)."""

    slug = "log-lines-gone"
    title = "The lines that this cursor points to were removed; start again without it"


class LogsBusy(LimitExceeded):
    """As many searches are running as are allowed at once."""

    slug = "log-searches-busy"
    title = "Too many log searches are running; try again"


class SearchTooSlow(Conflict):
    """The search was ended because a single piece of a file took too long."""

    slug = "log-search-too-slow"
    title = "The pattern takes too long on these lines; make it simpler"


class ArchiveTooLarge(Conflict):
    """A compressed file is larger, unpacked, than what may be set aside for it."""

    slug = "log-archive-too-large"
    title = "A compressed log file is too large to be unpacked for reading"


class TooManyFiles(Conflict):
    """The globs match more files than one source may have."""

    slug = "log-too-many-files"
    title = "The source's paths match too many files; make them narrower"
