"""Reminders over HTTP: to be told something at its time.

Who may write reminders deals with all of the tenant's; everybody else makes and sees their own,
and is told of any other that there is no such thing.
"""

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec

from adapters.crypto.standard_webhooks import new_secret
from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.channels import route_of
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.executors import policy_of
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import rows_of
from adapters.http.moments import Moment, fold, in_utc
from adapters.http.names import known_id
from adapters.http.operations import operation
from adapters.http.own import requester
from adapters.http.paging import USUAL, Cursor, Limit, make_cursor, read_cursor
from adapters.http.reminder_bodies import (
    ReminderBody,
    ReminderChange,
    ReminderState,
    ReminderView,
    SnoozeBody,
    required,
    schedule_of,
    snoozed_until,
    view,
)
from application.reminders import AlterReminder, Made, MakeReminder
from domain.reminders import (
    REMINDER,
    CancelReminder,
    ChangeReminder,
    NoReminder,
    NoSuchReminder,
    Reminder,
    ScheduleReminder,
    SnoozeReminder,
)
from projections import reminders as projection

READ, WRITE, OWN = "reminders:read", "reminders:write", "own-reminders:write"

DueAt = Annotated[datetime, msgspec.Meta(tz=True)]


class RemindersQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which reminders: in a state, due from a moment on, and before another."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    state: ReminderState | None = None
    due_from: DueAt | None = None
    due_to: DueAt | None = None


class ReminderItem(ReminderView, frozen=True, kw_only=True):
    """A reminder in a list."""

    created_at: datetime
    updated_at: datetime


class ReminderList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of reminders, by when they are due or were due last."""

    items: list[ReminderItem]
    next: str | None


def _missing(_reminder: str) -> NoSuchReminder:
    return NoSuchReminder()


def _answer(id_: str, reminder: NoReminder | Reminder, version: int) -> Answer:
    if isinstance(reminder, NoReminder):
        raise NoSuchReminder
    return json_answer(view(id_, reminder, version), headers=(etag(version),))


def _made(secret: str, status: int = 200) -> Render:
    """Shows what a command has made, with its secret where that was made too."""

    def render(made: Made, _version: int) -> Answer:
        if isinstance(made.reminder, NoReminder):
            raise NoSuchReminder
        shown = view(made.id, made.reminder, made.version, secret)
        location = ((b"location", f"/v1/reminders/{made.id}".encode()),) if status > 200 else ()  # noqa: PLR2004 - created
        return json_answer(shown, status, (etag(made.version), *location))

    return render


@operation(
    "POST",
    "/v1/reminders",
    any_of=(WRITE, OWN),
    body=ReminderBody,
    answers={201: ReminderView},
)
async def make_reminder(call: Call, body: ReminderBody) -> Answer:
    """Make a reminder."""
    own = requester(call, WRITE, OWN) is not None
    now, secret, owner = call.platform.now(), new_secret(), call.principal.id
    schedule = ScheduleReminder(
        owner=owner,
        title=body.title,
        body=body.body,
        schedule=required(schedule_of(body, now)),
        route=route_of(body.channel, owner, sends_mail=_sends_mail(call)),
        retry=policy_of(body.retry),
        new_secret=secret,
        at=now,
    )
    return await execute(call, MakeReminder(schedule=schedule, own=own), _made(secret, 201))


def _sends_mail(call: Call) -> bool:
    return bool(call.platform.settings.smtp_url)


@operation(
    "PATCH",
    "/v1/reminders/{id}",
    any_of=(WRITE, OWN),
    body=ReminderChange,
    answers={200: ReminderView},
    conditional=True,
)
async def change_reminder(call: Call, body: ReminderChange) -> Answer:
    """Reschedule a reminder, or change what it says and where it goes."""
    whose = requester(call, WRITE, OWN)
    id_ = known_id(call.params["id"], _missing)
    now, secret, caller = call.platform.now(), new_secret(), call.principal.id
    route = None
    if body.channel is not None:
        route = route_of(body.channel, caller, sends_mail=_sends_mail(call))
    change = ChangeReminder(
        reminder=id_,
        requester=whose,
        title=body.title,
        body=body.body,
        schedule=schedule_of(body, now),
        route=route,
        retry=None if body.retry is None else policy_of(body.retry),
        new_secret=secret,
        at=now,
    )
    return await execute(call, AlterReminder(change=change, own=whose is not None), _made(secret))


@operation(
    "POST",
    "/v1/reminders/{id}/snooze",
    any_of=(WRITE, OWN),
    body=SnoozeBody,
    answers={200: ReminderView},
    conditional=True,
)
async def snooze_reminder(call: Call, body: SnoozeBody) -> Answer:
    """Put the next occurrence off; one that has fired comes once more."""
    whose = requester(call, WRITE, OWN)
    id_ = known_id(call.params["id"], _missing)
    now = call.platform.now()
    until = snoozed_until(body, now)
    command = SnoozeReminder(reminder=id_, requester=whose, until=until, at=now)
    return await execute(call, command, lambda state, version: _answer(id_, state, version))


@operation(
    "POST",
    "/v1/reminders/{id}/cancel",
    any_of=(WRITE, OWN),
    answers={200: ReminderView},
    conditional=True,
)
async def cancel_reminder(call: Call) -> Answer:
    """Want to be told no more; a delivery that is under way goes on."""
    whose = requester(call, WRITE, OWN)
    id_ = known_id(call.params["id"], _missing)
    command = CancelReminder(reminder=id_, requester=whose, at=call.platform.now())
    return await execute(call, command, lambda state, version: _answer(id_, state, version))


async def _visible(call: Call, moment: Moment) -> tuple[str, Reminder, int]:
    """A reminder that the caller may see, and its version.

    Raises:
        NoSuchReminder: when there is none, or it is somebody else's.
    """
    whose = requester(call, READ, OWN)
    id_ = known_id(call.params["id"], _missing)
    reminder, version = await fold(call, REMINDER, id_, moment)
    if isinstance(reminder, NoReminder) or whose not in (None, reminder.owner):
        raise NoSuchReminder
    return id_, reminder, version


@operation(
    "GET",
    "/v1/reminders/{id}",
    any_of=(READ, OWN),
    query=Moment,
    answers={200: ReminderView},
    consistent=True,
)
async def get_reminder(call: Call, moment: Moment) -> Answer:
    """One reminder, now or as it was."""
    return _answer(*await _visible(call, moment))


@operation(
    "GET",
    "/v1/reminders/{id}/history",
    any_of=(READ, OWN),
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def reminder_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a reminder."""
    id_, reminder, _version = await _visible(call, Moment())
    own = reminder.owner == call.principal.id
    stream = REMINDER.stream(id_)
    return await stream_history(call, call.tenant, stream, page, NoSuchReminder(), personal=own)


@operation(
    "GET",
    "/v1/reminders",
    any_of=(READ, OWN),
    query=RemindersQuery,
    answers={200: ReminderList},
    consistent=True,
)
async def list_reminders(call: Call, query: RemindersQuery) -> Answer:
    """Reminders by when they are due, or were due last."""
    owner = requester(call, READ, OWN)
    at, id_ = read_cursor(query.cursor, DueAt, str) or (None, "")
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_reminders(
            rows,
            owner=owner,
            state=query.state,
            due_from=in_utc(query.due_from, "/due_from"),
            due_to=in_utc(query.due_to, "/due_to"),
            after=(in_utc(at, "/cursor"), id_),
            limit=query.limit + 1,
        )
    shown, last = found[: query.limit], None
    if len(found) > query.limit:
        last = make_cursor(shown[-1].due_at, shown[-1].id)
    items = await asyncio.gather(*(_item(call, row) for row in shown))
    return json_answer(ReminderList(items=list(items), next=last))


async def _item(call: Call, row: projection.ReminderRow) -> ReminderItem:
    """A row, with what its stream says: no read model holds anything that a person wrote."""
    reminder = await call.platform.current.get(REMINDER, row.id, call.tenant)
    assert isinstance(reminder, Reminder)  # noqa: S101 - its row is there
    told = msgspec.structs.asdict(view(row.id, reminder, row.version))
    told |= {"state": row.state, "next_at": row.next_at}
    return ReminderItem(**told, created_at=row.created_at, updated_at=row.updated_at)


OPERATIONS = (
    make_reminder,
    change_reminder,
    snooze_reminder,
    cancel_reminder,
    get_reminder,
    reminder_history,
    list_reminders,
)
