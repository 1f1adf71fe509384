"""Logs: which files a name stands for, who may see them, and that somebody reads them.

Files belong to the machine, so the operator says below which directories a tenant's admins may
name them. What was allowed once is held against these roots again whenever it is read. The
platform's own lines are the source `platform`, which follows from the settings and needs no event;
they speak of every tenant, so they are for whoever runs the installation alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import msgspec

from application.bus import Run
from application.cache import Cache
from application.current import CurrentStates
from application.log_reader import LogQuery, LogReader, SourceFiles
from application.unit import Done, Unit
from domain.logs import (
    LOG_SOURCE,
    LogSource,
    NoLogSource,
    NoSuchLogSource,
    RegisterLogSource,
    RemoveLogSource,
    minute_of,
)
from domain.rejections import Conflict, Fault, Invalid

PLATFORM = "platform"
"""The name of the source that is there from the start."""

LIVE_FOR = timedelta(seconds=2)
PAST_FOR = timedelta(minutes=1)
SETTLED = timedelta(minutes=2)
"""A histogram is kept for `LIVE_FOR`; one that ended so long ago that nobody adds to it, longer."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BuiltInSource(Conflict):
    """The platform's own lines are always there, under this name."""

    slug = "built-in-log-source"
    title = "This log source is built in"


class OutsideRoots(Conflict):
    """The operator has taken the directory away from the roots since the source was registered."""

    slug = "log-source-outside-roots"
    title = "The source's files are no longer below an allowed directory"


@dataclass(frozen=True)
class LogRoots:
    """The directories below which each tenant may name files."""

    of: Mapping[str, Sequence[PurePosixPath]]

    def faults(self, paths: Sequence[str], tenant: str) -> list[Fault]:
        """What is wrong with paths; they need not exist."""
        allowed = self.of.get(tenant, ())
        return [
            Fault(pointer=f"/paths/{index}", code="not-allowed", detail=_refusal(path, allowed))
            for index, path in enumerate(paths)
            if not any(_lies_below(path, root) for root in allowed)
        ]


def _lies_below(path: str, root: PurePosixPath) -> bool:
    """As text: links are followed by nobody, so what a path says is where it leads."""
    parts = PurePosixPath(path).parts
    return (
        ".." not in parts
        and len(parts) > len(root.parts)
        and parts[: len(root.parts)] == (root.parts)
    )


def _refusal(path: str, allowed: Sequence[PurePosixPath]) -> str:
    if not allowed:
        return "no directory is open to this tenant: LOG_ROOTS names them"
    return f"{path[:200]} is not below {', '.join(map(str, allowed))}"


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A source after it was registered; `created` where there was none of this name."""

    source: LogSource
    created: bool


@dataclass(frozen=True)
class RegisterLogSourceHandler:
    """Carries out `RegisterLogSource`."""

    reader: LogReader
    roots: LogRoots

    async def __call__(self, command: RegisterLogSource, run: Run) -> Done[Registered]:
        """Check what only this machine knows, then decide.

        Raises:
            BuiltInSource: the name is the platform's.
            Invalid: a path is not below the tenant's roots, or the source cannot be read.
        """
        if command.source == PLATFORM:
            raise BuiltInSource(source=PLATFORM)
        self._check(command, run.context.tenant)

        async def decide(unit: Unit) -> Registered:
            before = await unit.load(LOG_SOURCE, command.source)
            after = await unit.decide(LOG_SOURCE, command.source, command)
            assert isinstance(after, LogSource)  # noqa: S101 - registering ends in nothing else
            return Registered(source=after, created=isinstance(before, NoLogSource))

        return await run(decide, lanes=[(LOG_SOURCE, command.source)])

    def _check(self, command: RegisterLogSource, tenant: str) -> None:
        """Tell all at once what is wrong; the tenant hears of its own roots alone."""
        faults = {each.pointer: each for each in self.roots.faults(command.paths, tenant)}
        try:
            self.reader.check(files_of(command.source, command))
        except Invalid as invalid:
            faults = {**{each.pointer: each for each in invalid.faults}, **faults}
        if faults:
            raise Invalid(*faults.values())


@dataclass(frozen=True)
class RemoveLogSourceHandler:
    """Carries out `RemoveLogSource`."""

    async def __call__(self, command: RemoveLogSource, run: Run) -> Done[None]:
        """Remove it.

        Raises:
            BuiltInSource: the name is the platform's.
            NoSuchLogSource: there is none.
        """
        if command.source == PLATFORM:
            raise BuiltInSource(source=PLATFORM)

        async def decide(unit: Unit) -> None:
            await unit.decide(LOG_SOURCE, command.source, command)

        return await run(decide, lanes=[(LOG_SOURCE, command.source)])


def files_of(name: str, source: LogSource | RegisterLogSource) -> SourceFiles:
    """A source as the reader knows it."""
    return msgspec.convert(
        {
            "name": name,
            "paths": source.paths,
            "format": source.format,
            "time_zone": source.time_zone,
            "slack": source.slack,
        },
        SourceFiles,
    )


class Seen:
    """The readings of this minute that this process has recorded: most of them need no second look.

    That none is recorded twice is the stream's doing; this only saves asking it.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._minute: datetime | None = None
        self._readings: set[tuple[str, str, str, str]] = set()

    def has(self, reading: tuple[str, str, str, str], at: datetime) -> bool:
        """Whether a reading (tenant, source, reader, way) was recorded in this minute."""
        return self._minute == minute_of(at) and reading in self._readings

    def add(self, reading: tuple[str, str, str, str], at: datetime) -> None:
        """It is recorded now."""
        if self._minute != minute_of(at):
            self._minute = minute_of(at)
            self._readings.clear()
        self._readings.add(reading)


@dataclass(frozen=True)
class Logs:
    """The sources that a tenant may read, and what is found out about them.

    `own` are the platform's files. `seen` is what this process has recorded of this minute.
    """

    current: CurrentStates
    reader: LogReader
    cache: Cache
    roots: LogRoots
    own: SourceFiles
    seen: Seen = field(default_factory=Seen)

    async def source(self, name: str, tenant: str, *, own: bool) -> SourceFiles:
        """The files of a source; `own` is for who may read the platform's own lines.

        Raises:
            NoSuchLogSource: the tenant has none of this name.
            OutsideRoots: its files may not be read any more.
            Outage: the log does not answer, and the source is not kept.
        """
        if own and name == PLATFORM:
            return self.own
        source = await self.current.get(LOG_SOURCE, name, tenant)
        if isinstance(source, NoLogSource):
            raise NoSuchLogSource(f"There is no log source named {name[:100]}.", source=name[:100])
        return self.allowed(files_of(name, source), tenant)

    def allowed(self, files: SourceFiles, tenant: str) -> SourceFiles:
        """The same files, as long as the roots allow them.

        Raises:
            OutsideRoots: when they do not.
        """
        if self.roots.faults(files.paths, tenant):
            raise OutsideRoots(source=files.name)
        return files

    async def histogram(
        self, files: SourceFiles, query: LogQuery, *, buckets: int, tenant: str, now: datetime
    ) -> bytes:
        """Counts over time as JSON, kept for a while: whoever looks at a log asks again and again.

        Raises:
            Rejection: as `LogReader.histogram`.
        """
        settled = query.until is not None and query.until < now - SETTLED
        key = msgspec.json.encode(("histogram", files, _asked(query), buckets)).decode()

        async def count() -> bytes:
            return msgspec.json.encode(await self.reader.histogram(files, query, buckets=buckets))

        return await self.cache.load(
            key,
            count,
            tenant=tenant,
            ttl=PAST_FOR if settled else LIVE_FOR,
            tags=[f"log-source:{files.name}"],
        )


def coarse(now: datetime) -> datetime:
    """The same now for everybody who asks within `LIVE_FOR`, so that "the last hour" is one."""
    return now - (now - _EPOCH) % LIVE_FOR


def _asked(query: LogQuery) -> dict[str, object]:
    """A query in one spelling."""
    return {**msgspec.structs.asdict(query), "levels": sorted(query.levels)}


def own_files(log_dir: PurePosixPath, ending: str) -> SourceFiles:
    """The platform's own lines: what every process on this machine writes, as one source."""
    return SourceFiles(name=PLATFORM, paths=(f"{log_dir}/*{ending}",), format="json")
