"""Reminders as requests write them and answers show them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from adapters.http.channels import ChannelBody, shown
from adapters.http.durations import Duration, seconds, written
from adapters.http.executors import RetryBody
from adapters.http.names import NO_NUL
from domain.rejections import Fault, Invalid
from domain.reminders import Once, Recurring, Reminder, ReminderFired, Schedule

ReminderState = Literal["scheduled", "snoozed", "fired", "cancelled"]

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=200, extra_json_schema=NO_NUL)]
Text = Annotated[str, msgspec.Meta(max_length=10_000, extra_json_schema=NO_NUL)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Cron = Annotated[
    str,
    msgspec.Meta(
        max_length=200,
        description="Five fields, such as 0 9 * * MON-FRI, or @daily and its like.",
        extra_json_schema=NO_NUL,
    ),
]
Zone = Annotated[
    str,
    msgspec.Meta(
        max_length=100,
        description="A name of the IANA database; UTC where it is left out.",
        extra_json_schema=NO_NUL,
    ),
]


class ReminderRetryBody(RetryBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often to try to deliver in all, and how long the pauses grow."""

    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 8
    base: Duration = "500ms"
    cap: Duration = "60s"


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When it fires: at a moment, after a length of time, or by a cron expression."""

    due_at: Moment | None = None
    in_: Duration | None = msgspec.field(name="in", default=None)
    cron: Cron | None = None
    time_zone: Zone | None = None


class ReminderBody(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to say, when, and by which way; exactly one of `due_at`, `in` and `cron`."""

    title: Title
    channel: ChannelBody
    body: Text | None = None
    retry: ReminderRetryBody = ReminderRetryBody()


class ReminderChange(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be otherwise; what is left out stays, and an empty `body` is taken away.

    `retry` is taken as a whole.
    """

    title: Title | None = None
    body: Text | None = None
    channel: ChannelBody | None = None
    retry: ReminderRetryBody | None = None


class SnoozeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when, or for how long; exactly one of the two."""

    until: Moment | None = None
    for_: Duration | None = msgspec.field(name="for", default=None)


class OccurrenceView(msgspec.Struct, frozen=True, kw_only=True):
    """An occurrence that has fired; `delivery` is the id of what tells it."""

    occurrence: int
    due_at: datetime
    late: bool
    delivery: str


class ReminderView(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder; `next_at` null means that it will not fire any more.

    `title` and `body` are null once the owner's personal data was erased.
    """

    id: str
    state: ReminderState
    next_at: datetime | None
    title: str | None
    body: str | None
    due_at: datetime | None
    cron: str | None
    time_zone: str | None
    channel: dict[str, Any]
    retry: dict[str, Any]
    occurrences: int
    last: OccurrenceView | None
    owner: str
    version: int


def schedule_of(when: When, now: datetime) -> Schedule | None:
    """The schedule that a request names; None where it names none.

    Raises:
        Invalid: with pointers into the request's body.
    """
    given = [
        name
        for name, value in (("due_at", when.due_at), ("in", when.in_), ("cron", when.cron))
        if value is not None
    ]
    if len(given) > 1:
        detail = "give one of due_at, in and cron"
        raise Invalid(*(_fault(f"/{name}", "exclusive", detail) for name in given))
    if when.cron is not None:
        return Recurring(cron=when.cron, time_zone=when.time_zone or "UTC")
    if when.time_zone is not None:
        raise Invalid(_fault("/time_zone", "exclusive", "goes together with cron"))
    at = moment_of(when.due_at, "/due_at", when.in_, "/in", now)
    return None if at is None else Once(at=at)


def moment_of(
    moment: datetime | None,
    moment_pointer: str,
    length: str | None,
    length_pointer: str,
    now: datetime,
) -> datetime | None:
    """A moment in UTC that is given as such or as a length of time from now.

    Raises:
        Invalid: at one of the pointers, when it lies outside of the calendar.
    """
    pointer = length_pointer if moment is None else moment_pointer
    try:
        if moment is not None:
            return moment.astimezone(UTC)
        if length is not None:
            return now + timedelta(seconds=seconds(length, length_pointer))
    except OverflowError:
        raise Invalid(_fault(pointer, "range", "lies outside the years 1 to 9999")) from None
    return None


def required(schedule: Schedule | None) -> Schedule:
    """A schedule that a request must name.

    Raises:
        Invalid: when it names none.
    """
    if schedule is None:
        raise Invalid(_fault("", "required", "give one of due_at, in and cron"))
    return schedule


def snoozed_until(body: SnoozeBody, now: datetime) -> datetime:
    """The moment that a request names.

    Raises:
        Invalid: when it names none or two.
    """
    if (body.until is None) == (body.for_ is None):
        raise Invalid(_fault("", "exclusive", "give one of until and for"))
    until = moment_of(body.until, "/until", body.for_, "/for", now)
    assert until is not None  # noqa: S101 - one of the two is given
    return until


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault(pointer=pointer, code=code, detail=detail)


def view(id_: str, reminder: Reminder, version: int, new_secret: str = "") -> ReminderView:
    """A reminder as answers show it."""
    once = reminder.schedule if isinstance(reminder.schedule, Once) else None
    cron = reminder.schedule if isinstance(reminder.schedule, Recurring) else None
    retry = reminder.retry
    return ReminderView(
        id=id_,
        state=reminder.state,  # type: ignore[arg-type]  # states are these words
        next_at=reminder.next_at,
        title=reminder.title if isinstance(reminder.title, str) else None,
        body=reminder.body if isinstance(reminder.body, str) else None,
        due_at=None if once is None else once.at,
        cron=None if cron is None else cron.cron,
        time_zone=None if cron is None else cron.time_zone,
        channel=shown(reminder.route, new_secret),
        retry={
            "max_attempts": retry.max_attempts,
            "base": written(retry.base),
            "cap": written(retry.cap),
        },
        occurrences=reminder.occurrences,
        last=_occurrence(reminder.last),
        owner=reminder.owner,
        version=version,
    )


def _occurrence(fired: ReminderFired | None) -> OccurrenceView | None:
    if fired is None:
        return None
    return OccurrenceView(
        occurrence=fired.occurrence,
        due_at=fired.due_at,
        late=fired.late,
        delivery=fired.delivery,
    )
