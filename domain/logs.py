"""Log sources: which files a name stands for, and who has read them.

The lines themselves are no events. What is decided is: which files may be read under which name,
and that somebody reads them. A reading is recorded once per reader, source, way and minute, on a
stream per source and day, so that neither polling nor years make a stream that is slow to fold.
"""

from datetime import UTC, datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import NotFound


class LogSourceRegistered(Event, frozen=True, kw_only=True, tag="log_source.registered"):
    """These files can be read under the source's name."""

    paths: tuple[str, ...]
    format: str | None
    time_zone: str
    slack: float
    description: str


class LogSourceChanged(Event, frozen=True, kw_only=True, tag="log_source.changed"):
    """The name stands for these files from now on, read in this way."""

    paths: tuple[str, ...]
    format: str | None
    time_zone: str
    slack: float
    description: str


class LogSourceRemoved(Event, frozen=True, kw_only=True, tag="log_source.removed"):
    """The name stands for nothing any more; the files were not touched."""


class LogRead(Event, frozen=True, kw_only=True, tag="log.read"):
    """A reader has read a source, once or more often within this minute.

    `way` is how: lines, tail or histogram. A tail is read for as long as it stays open.
    """

    source: str
    reader: str
    way: str
    minute: datetime


LogSourceEvent = LogSourceRegistered | LogSourceChanged | LogSourceRemoved


class RegisterLogSource(Command, frozen=True, kw_only=True):
    """Say which files a source is, and how they are read.

    `paths` are files and globs; `format` None is detected; `time_zone` is that of time stamps which
    name none; `slack` in seconds is how far one may lie behind the one before it.
    """

    source: str
    paths: tuple[str, ...]
    format: str | None
    time_zone: str
    slack: float
    description: str
    at: datetime


class RemoveLogSource(Command, frozen=True, kw_only=True):
    """Let the name stand for nothing."""

    source: str
    at: datetime


class RecordLogReading(Command, frozen=True, kw_only=True):
    """Somebody is about to read a source."""

    source: str
    reader: str
    way: str
    at: datetime


LogSourceCommand = RegisterLogSource | RemoveLogSource


class NoLogSource(msgspec.Struct, frozen=True):
    """No such source was registered, or it was removed."""


class LogSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source as it was registered last."""

    paths: tuple[str, ...]
    format: str | None
    time_zone: str
    slack: float
    description: str


class NoSuchLogSource(NotFound):
    """No such log source is registered, or none that the caller may see."""

    slug = "no-such-log-source"
    title = "There is no such log source"


def decide(source: NoLogSource | LogSource, command: LogSourceCommand) -> list[LogSourceEvent]:
    """Answer a command with the events it causes."""
    match command:
        case RegisterLogSource():
            return _register(source, command)
        case RemoveLogSource():
            return _remove(source, command)
        case _:
            assert_never(command)


def _register(source: NoLogSource | LogSource, command: RegisterLogSource) -> list[LogSourceEvent]:
    wanted = LogSource(
        paths=command.paths,
        format=command.format,
        time_zone=command.time_zone,
        slack=command.slack,
        description=command.description,
    )
    if source == wanted:
        return []
    kind = LogSourceRegistered if isinstance(source, NoLogSource) else LogSourceChanged
    return [kind(**msgspec.structs.asdict(wanted))]


def _remove(source: NoLogSource | LogSource, command: RemoveLogSource) -> list[LogSourceEvent]:
    if isinstance(source, NoLogSource):
        raise NoSuchLogSource(source=command.source)
    return [LogSourceRemoved()]


def evolve(_source: NoLogSource | LogSource, event: LogSourceEvent) -> NoLogSource | LogSource:
    """The source after an event."""
    match event:
        case LogSourceRegistered() | LogSourceChanged():
            return LogSource(
                paths=event.paths,
                format=event.format,
                time_zone=event.time_zone,
                slack=event.slack,
                description=event.description,
            )
        case LogSourceRemoved():
            return NoLogSource()
        case _:
            assert_never(event)


LOG_SOURCE: Decider[NoLogSource | LogSource, LogSourceCommand, LogSourceEvent] = Decider(
    category="log-source",
    events=LogSourceEvent,
    initial=NoLogSource(),
    decide=decide,
    evolve=evolve,
)


class Readings(msgspec.Struct, frozen=True):
    """The last minute in which each reader's reading was recorded, by (reader, way)."""

    last: dict[tuple[str, str], datetime]


def minute_of(at: datetime) -> datetime:
    """The minute that a moment lies in, by its beginning."""
    return at.replace(second=0, microsecond=0)


def reading_id(source: str, at: datetime) -> str:
    """The id of the stream that tells who read a source on a day (in UTC)."""
    return f"{source}/{at.astimezone(UTC).date().isoformat()}"


def record_reading(readings: Readings, command: RecordLogReading) -> list[LogRead]:
    """Record a reading, unless this minute's has been.

    Clocks of several processes differ a little, so an earlier minute is taken for recorded, too.
    """
    last = readings.last.get((command.reader, command.way))
    minute = minute_of(command.at)
    if last is not None and minute <= last:
        return []
    return [LogRead(source=command.source, reader=command.reader, way=command.way, minute=minute)]


def evolve_readings(readings: Readings, event: LogRead) -> Readings:
    """The readings after an event."""
    return Readings({**readings.last, (event.reader, event.way): event.minute})


LOG_READING: Decider[Readings, RecordLogReading, LogRead] = Decider(
    category="log-reading",
    events=LogRead,
    initial=Readings({}),
    decide=record_reading,
    evolve=evolve_readings,
)
