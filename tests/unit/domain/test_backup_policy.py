"""What is decided about the policy of backups, and when its schedule wants one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given as having
from hypothesis import strategies as st

from application.backup_schedule import last_due, version_at
from domain.backup_policy import (
    BACKUP_POLICY,
    BackupPolicySet,
    Schedule,
    SetBackupPolicy,
)
from domain.rejections import Invalid
from domain.retention import Retention
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
NIGHTLY = Schedule(cron="0 3 * * *", time_zone="Europe/Berlin")
EVERY_MINUTE = Schedule(cron="* * * * *")
WEEK = Retention(daily=7)
LOG, OTHER = UUID(int=1), UUID(int=2)

moments = st.datetimes(
    datetime(2026, 1, 1),  # noqa: DTZ001 - the zone follows
    datetime(2027, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)


def test_a_policy_is_set_and_set_again_only_when_it_differs() -> None:
    command = SetBackupPolicy(schedule=NIGHTLY, retention=WEEK, at=AT)
    was_set = BackupPolicySet(schedule=NIGHTLY, retention=WEEK)
    given(BACKUP_POLICY).when(command).then(was_set)
    given(BACKUP_POLICY, was_set).when(command).then()
    nothing = SetBackupPolicy(schedule=None, retention=None, at=AT)
    given(BACKUP_POLICY, was_set).when(nothing).then(BackupPolicySet(schedule=None, retention=None))


def test_a_schedule_that_cannot_be_followed_is_refused_and_says_where() -> None:
    wrong = Schedule(cron="every day", time_zone="Europe/Atlantis")
    command = SetBackupPolicy(schedule=wrong, retention=None, at=AT)
    refused = given(BACKUP_POLICY).when(command).refused(Invalid)
    assert isinstance(refused, Invalid)
    assert [fault.pointer for fault in refused.faults] == ["/schedule/cron", "/schedule/time_zone"]


@pytest.mark.parametrize(
    ("since", "now", "due"),
    [
        ("2026-01-01T00:00", "2026-01-01T01:59", None),
        ("2026-01-01T00:00", "2026-01-01T02:00", "2026-01-01T02:00"),
        ("2026-01-01T02:00", "2026-01-01T23:00", None),
        ("2026-01-01T00:00", "2026-01-05T01:00", "2026-01-04T02:00"),
        ("2026-07-01T00:00", "2026-07-01T01:00", "2026-07-01T01:00"),
    ],
)
def test_what_was_missed_is_made_up_for_by_the_last_of_it(
    since: str, now: str, due: str | None
) -> None:
    def moment(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert last_due(NIGHTLY, moment(since), moment(now)) == (due and moment(due))


def test_a_long_pause_of_a_quick_schedule_costs_no_long_search() -> None:
    now = AT + timedelta(days=3650, seconds=30)
    assert last_due(EVERY_MINUTE, AT, now) == now - timedelta(seconds=30)


@having(moments)
def test_a_moment_has_one_version_in_each_log(moment: datetime) -> None:
    version = UUID(version_at(moment, LOG))
    assert version.version == 7
    assert version.variant == "specified in RFC 4122"
    assert version_at(moment, LOG) == str(version)
    assert version_at(moment, OTHER) != str(version)
    assert abs(version.int >> 80) == round(moment.timestamp() * 1000)


@having(moments, moments)
def test_versions_sort_by_their_moments(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    if later - earlier > timedelta(milliseconds=1):
        assert version_at(earlier, LOG) < version_at(later, LOG)
