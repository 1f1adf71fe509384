"""Which versions stay."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from domain.retention import Retention, kept

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)

counts = st.integers(0, 5)
retentions = st.builds(Retention, last=counts, daily=counts, weekly=counts, monthly=counts)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "America/Los_Angeles"])
moments = st.datetimes(
    datetime(2025, 1, 1),  # noqa: DTZ001 - the zone follows
    datetime(2027, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)
made = st.dictionaries(st.uuids().map(str), moments, max_size=40)


def daily(days: int) -> dict[str, datetime]:
    """One version at noon of each of so many days, the newest called `0`."""
    return {str(age): NOON - timedelta(days=age) for age in range(days)}


def stays(retention: Retention, versions: dict[str, datetime], zone: str = "UTC") -> list[int]:
    return sorted(int(name) for name in kept(retention, versions, zone))


def test_the_newest_stay() -> None:
    assert stays(Retention(last=3), daily(10)) == [0, 1, 2]


def test_one_for_each_day_the_newest_of_it() -> None:
    twice = daily(4) | {f"{10 + age}": NOON - timedelta(days=age, hours=2) for age in range(4)}
    assert stays(Retention(daily=3), twice) == [0, 1, 2]


def test_one_for_each_week_from_monday() -> None:
    # the 31st of March 2026 is a Tuesday: Sundays end weeks
    assert stays(Retention(weekly=3), daily(30)) == [0, 2, 9]


def test_one_for_each_month() -> None:
    assert stays(Retention(monthly=3), daily(120)) == [0, 31, 59]


def test_rules_add_up() -> None:
    every = Retention(last=1, daily=2, weekly=2, monthly=2)
    assert stays(every, daily(120)) == [0, 1, 2, 31]


def test_days_without_a_backup_take_nobodys_place() -> None:
    sparse = {"0": NOON, "1": NOON - timedelta(days=40), "2": NOON - timedelta(days=80)}
    assert stays(Retention(daily=3), sparse) == [0, 1, 2]


def test_a_day_is_one_by_the_calendar_of_the_zone() -> None:
    versions = {
        "0": datetime(2026, 1, 2, 2, tzinfo=UTC),
        "1": datetime(2026, 1, 1, 22, tzinfo=UTC),
    }
    assert stays(Retention(daily=2), versions, "UTC") == [0, 1]
    assert stays(Retention(daily=2), versions, "America/Los_Angeles") == [0]


@given(retentions, made, zones)
def test_the_newest_always_stays(
    retention: Retention, versions: dict[str, datetime], zone: str
) -> None:
    found = kept(retention, versions, zone)
    assert found <= versions.keys()
    if versions:
        assert max(versions, key=lambda name: (versions[name], name)) in found


@given(retentions, made, zones)
def test_letting_go_twice_lets_go_of_nothing_more(
    retention: Retention, versions: dict[str, datetime], zone: str
) -> None:
    once = kept(retention, versions, zone)
    assert kept(retention, {name: versions[name] for name in once}, zone) == once


@given(retentions, made, zones)
def test_each_rule_keeps_as_many_as_it_says_where_there_are_so_many(
    retention: Retention, versions: dict[str, datetime], zone: str
) -> None:
    found = kept(retention, versions, zone)
    there = ZoneInfo(zone)

    def local(names: object) -> list[datetime]:
        return [versions[name].astimezone(there) for name in names]  # type: ignore[attr-defined]

    assert len(found) >= min(retention.last, len(versions))
    for count, period in (
        (retention.daily, lambda at: at.date()),
        (retention.weekly, lambda at: at.isocalendar()[:2]),
        (retention.monthly, lambda at: (at.year, at.month)),
    ):
        existing = sorted({period(at) for at in local(versions)}, reverse=True)
        assert set(existing[:count]) <= {period(at) for at in local(found)}


@given(retentions, made, zones, st.integers(1, 3))
def test_a_more_generous_policy_keeps_no_less(
    retention: Retention, versions: dict[str, datetime], zone: str, more: int
) -> None:
    generous = Retention(
        last=retention.last + more,
        daily=retention.daily + more,
        weekly=retention.weekly + more,
        monthly=retention.monthly + more,
    )
    assert kept(retention, versions, zone) <= kept(generous, versions, zone)
