"""Schedules: cron in a zone, over the nights when its clocks are changed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rejections import Invalid
from domain.schedules import check, next_after


def times(cron: str, zone: str, after: str, count: int) -> list[str]:
    moment, found = datetime.fromisoformat(after), []
    for _ in range(count):
        moment = next_after(cron, zone, moment)
        found.append(moment.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes"))
    return found


def test_it_fires_by_the_clock_on_the_wall_summer_and_winter() -> None:
    assert times("0 9 * * MON-FRI", "Europe/Berlin", "2026-03-27T12:00Z", 2) == [
        "2026-03-30T09:00+02:00",
        "2026-03-31T09:00+02:00",
    ]
    assert times("0 9 1 * *", "Europe/Berlin", "2026-10-02T00:00Z", 1) == ["2026-11-01T09:00+01:00"]


def test_a_skipped_time_fires_at_the_next_valid_one() -> None:
    assert times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 2) == [
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]
    assert times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", 2) == [
        "2026-10-04T02:30+11:00",
        "2026-10-05T02:15+11:00",
    ]


def test_several_skipped_times_fire_once() -> None:
    assert times("*/20 * * * *", "America/New_York", "2026-03-08T06:30Z", 3) == [
        "2026-03-08T01:40-05:00",
        "2026-03-08T03:00-04:00",
        "2026-03-08T03:20-04:00",
    ]


def test_a_repeated_time_fires_once_and_at_the_first() -> None:
    assert times("30 1 * * *", "America/New_York", "2026-10-31T12:00Z", 2) == [
        "2026-11-01T01:30-04:00",
        "2026-11-02T01:30-05:00",
    ]
    assert times("*/30 * * * *", "America/New_York", "2026-11-01T05:00Z", 2) == [
        "2026-11-01T01:30-04:00",
        "2026-11-01T02:00-05:00",
    ]


def test_from_within_the_repeated_hour_it_goes_on_behind_it() -> None:
    assert times("30 1 * * *", "America/New_York", "2026-11-01T06:10Z", 1) == [
        "2026-11-02T01:30-05:00"
    ]


def test_a_day_that_a_country_has_skipped_fires_at_the_next() -> None:
    assert times("0 12 30 12 *", "Pacific/Apia", "2011-12-29T00:00Z", 1) == [
        "2011-12-31T00:00+14:00"
    ]


def test_the_rules_of_cron() -> None:
    assert times("@daily", "UTC", "2026-01-01T00:00Z", 1) == ["2026-01-02T00:00+00:00"]
    assert times("0 0 L * *", "UTC", "2026-02-01T00:00Z", 1) == ["2026-02-28T00:00+00:00"]
    assert times("0 0 * * FRI#2", "UTC", "2026-02-01T00:00Z", 1) == ["2026-02-13T00:00+00:00"]
    assert times("0 0 29 2 *", "UTC", "2026-03-01T00:00Z", 1) == ["2028-02-29T00:00+00:00"]


ZONES = st.sampled_from(
    [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Africa/Casablanca",
    ]
)
CRONS = st.sampled_from(
    ["30 2 * * *", "*/15 * * * *", "0 1-3 * * SUN", "59 23 L * *", "7 */2 * * *"]
)
MOMENTS = st.datetimes(
    min_value=datetime(2015, 1, 1),  # noqa: DTZ001
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(cron=CRONS, zone=ZONES, after=MOMENTS)
def test_the_clock_never_shows_the_same_or_an_earlier_time_at_the_next_firing(
    cron: str, zone: str, after: datetime
) -> None:
    moments = [after]
    for _ in range(6):
        moments.append(next_after(cron, zone, moments[-1]))
    assert all(earlier < later for earlier, later in pairwise(moments))
    readings = [m.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for m in moments[1:]]
    assert all(earlier < later for earlier, later in pairwise(readings))


@given(cron=CRONS, zone=ZONES, after=MOMENTS, share=st.floats(min_value=0, max_value=0.999))
def test_nothing_is_passed_over_between_a_moment_and_the_next_firing(
    cron: str, zone: str, after: datetime, share: float
) -> None:
    coming = next_after(cron, zone, after)
    between = after + (coming - after) * share
    if between < coming:
        assert next_after(cron, zone, between) == coming


def test_the_calendars_end_is_said() -> None:
    with pytest.raises(OverflowError):
        next_after("0 0 1 1 *", "UTC", datetime.max.replace(tzinfo=UTC) - timedelta(days=2))


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "* * * * * *", "60 * * * *", "0 0 30 2 *", "0 0 LW * */7", "*/0 * * * *",
     "0 0 * * \x00", "1" * 300, "² * * * *", "@reboot", "0 0 * * MON#6"],
)  # fmt: skip
def test_what_never_fires_or_is_no_cron_is_refused(cron: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(cron, "UTC", pointer="/when")
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/when/cron", "not_cron")
    ]


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Mars/Base",
        "localtime",
        "Factory",
        "europe/berlin",
        "Europe",
        "../UTC",
        "/etc/passwd",
        "\x00",
        "right/UTC",
    ],
)
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(Invalid) as refused:
        check("* * * * *", zone)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/time_zone", "not_a_time_zone")
    ]


@given(st.text(alphabet="0123456789*/-,#LW MONFRI@\x00²", max_size=40))
def test_whatever_the_check_lets_through_fires(cron: str) -> None:
    try:
        check(cron, "Europe/Berlin")
    except Invalid:
        return
    next_after(cron, "Europe/Berlin", datetime(2026, 6, 1, tzinfo=UTC))
