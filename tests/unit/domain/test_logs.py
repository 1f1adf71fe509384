"""What is decided about log sources, and about who reads them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given as any_of
from hypothesis import strategies as st

from domain.logs import (
    LOG_READING,
    LOG_SOURCE,
    LogRead,
    LogSource,
    LogSourceChanged,
    LogSourceRegistered,
    LogSourceRemoved,
    NoLogSource,
    NoSuchLogSource,
    RecordLogReading,
    RegisterLogSource,
    RemoveLogSource,
    reading_id,
)
from tests.support.deciders import given

NOON = datetime(2026, 1, 2, 12, 0, 30, 5, tzinfo=UTC)
MINUTE = NOON.replace(second=0, microsecond=0)
FILES = {
    "paths": ("/var/log/app.log",),
    "format": None,
    "time_zone": "UTC",
    "slack": 60.0,
    "description": "",
}
OTHER = {**FILES, "paths": ("/srv/app/*.log",)}


def register(**files: object) -> RegisterLogSource:
    return RegisterLogSource(source="app", at=NOON, **{**FILES, **files})  # type: ignore[arg-type]


def read(at: datetime = NOON, reader: str = "account/a1", way: str = "lines") -> RecordLogReading:
    return RecordLogReading(source="app", reader=reader, way=way, at=at)


def recorded(minute: datetime = MINUTE, reader: str = "account/a1", way: str = "lines") -> LogRead:
    return LogRead(source="app", reader=reader, way=way, minute=minute)


REGISTERED = LogSourceRegistered(**FILES)  # type: ignore[arg-type]
CHANGED = LogSourceChanged(**OTHER)  # type: ignore[arg-type]
REMOVED = LogSourceRemoved()
REMOVE = RemoveLogSource(source="app", at=NOON)


def test_a_new_source_is_registered() -> None:
    given(LOG_SOURCE).when(register()).then(REGISTERED)


def test_the_same_files_again_change_nothing() -> None:
    given(LOG_SOURCE, REGISTERED).when(register()).then()


def test_other_files_under_the_name_are_a_change() -> None:
    given(LOG_SOURCE, REGISTERED).when(register(**OTHER)).then(CHANGED)


def test_a_source_is_removed_once() -> None:
    given(LOG_SOURCE, REGISTERED, CHANGED).when(REMOVE).then(REMOVED)
    given(LOG_SOURCE, REGISTERED, REMOVED).when(REMOVE).refused(NoSuchLogSource)
    given(LOG_SOURCE).when(REMOVE).refused(NoSuchLogSource)


def test_a_removed_source_can_be_registered_again() -> None:
    given(LOG_SOURCE, REGISTERED, REMOVED).when(register()).then(REGISTERED)


@any_of(st.lists(st.sampled_from([REGISTERED, CHANGED, REMOVED])))
def test_any_events_in_any_order_fold_to_the_last_of_them(
    events: list[LogSourceRegistered | LogSourceChanged | LogSourceRemoved],
) -> None:
    source = LOG_SOURCE.fold(events)
    if not events or events[-1] == REMOVED:
        assert source == NoLogSource()
    else:
        assert isinstance(source, LogSource)
        assert source.paths == events[-1].paths  # type: ignore[union-attr]


def test_the_first_reading_of_a_minute_is_recorded() -> None:
    given(LOG_READING).when(read()).then(recorded())
    given(LOG_READING, recorded()).when(read(NOON + timedelta(seconds=20))).then()
    later = NOON + timedelta(minutes=1)
    given(LOG_READING, recorded()).when(read(later)).then(recorded(MINUTE + timedelta(minutes=1)))


def test_readers_and_ways_are_told_apart() -> None:
    before = [recorded()]
    given(LOG_READING, *before).when(read(reader="account/a2")).then(recorded(reader="account/a2"))
    given(LOG_READING, *before).when(read(way="tail")).then(recorded(way="tail"))


@any_of(st.lists(st.integers(0, 600), max_size=60))
def test_however_often_somebody_reads_a_minute_has_one_event_at_most(seconds: list[int]) -> None:
    readings, events = LOG_READING.initial, []
    for second in seconds:
        new = LOG_READING.decide(readings, read(MINUTE + timedelta(seconds=second)))
        readings, events = LOG_READING.fold(new, readings), events + new
    minutes = [event.minute for event in events]
    assert minutes == sorted(set(minutes))
    if seconds:
        assert minutes[-1] == MINUTE + timedelta(minutes=max(seconds) // 60)


def test_a_day_of_readings_has_a_stream_of_its_own() -> None:
    assert reading_id("app", NOON) == "app/2026-01-02"
    assert reading_id("app", NOON + timedelta(hours=12)) == "app/2026-01-03"
