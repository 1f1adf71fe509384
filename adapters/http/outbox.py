"""The outbox over HTTP: which letters there were, and, without a mail server, what they say.

A letter may hold a token that opens an account. So its text is shown only where nobody else gets
it: when it was written down for want of a mail server.
"""

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import NO_NUL, known_id
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Cursor, Limit, read_cursor
from domain.mail import MAIL, Mail, MailKind, MailState, NoMail, NoSuchMail, RequeueMail
from domain.recorded import SYSTEM_TENANT
from projections import mail as projection

READ, WRITE = "outbox:read", "outbox:write"

Person = Annotated[str, msgspec.Meta(max_length=100, extra_json_schema=NO_NUL)]


class OutboxQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which mail: in a state (`dead` are the dead letters), to a person (the account's id)."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    state: MailState | None = None
    person: Person | None = None


class MailView(msgspec.Struct, frozen=True, kw_only=True):
    """A mail; `to` and `subject` are null once they were erased.

    `text` is there only in state `written`, when there was no mail server to give it to.
    """

    id: str
    person: str
    kind: MailKind
    to: str | None
    subject: str | None
    text: str | None
    state: MailState
    attempts: int
    error: str | None
    retry_at: datetime | None
    version: int


class ListedMail(MailView, frozen=True, kw_only=True):
    """A mail in the list."""

    created_at: datetime
    updated_at: datetime


class Outbox(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the outbox, newest first."""

    items: list[ListedMail]
    next: str | None


def _missing(_mail: str) -> NoSuchMail:
    return NoSuchMail()


def _view(id_: str, mail: Mail, version: int) -> MailView:
    written = mail.state == "written" and isinstance(mail.text, str)
    return MailView(
        id=id_,
        person=mail.person,
        kind=mail.kind,
        to=mail.to if isinstance(mail.to, str) else None,
        subject=mail.subject if isinstance(mail.subject, str) else None,
        text=str(mail.text) if written else None,
        state=mail.state,
        attempts=mail.attempts,
        error=mail.error,
        retry_at=mail.retry_at,
        version=version,
    )


def _answer(id_: str, mail: NoMail | Mail, version: int, status: int = 200) -> Answer:
    if isinstance(mail, NoMail):
        raise NoSuchMail
    return json_answer(_view(id_, mail, version), status, (etag(version),))


@operation(
    "GET", "/v1/outbox", needs=READ, query=OutboxQuery, answers={200: Outbox}, consistent=True
)
async def list_outbox(call: Call, query: OutboxQuery) -> Answer:
    """Mail to people, newest first."""
    (before,) = read_cursor(query.cursor, int) or (None,)
    async with rows_of(call, projection.PROJECTION, system=True) as rows:
        found = await projection.find_mails(
            rows, person=query.person, state=query.state, before=before, limit=query.limit + 1
        )
    page, following = cut(found, query.limit, lambda row: row.queued_at)
    items = await asyncio.gather(*(_listed(call, row) for row in page))
    return json_answer(Outbox(items=items, next=following))


async def _listed(call: Call, row: projection.MailRow) -> ListedMail:
    """A row with what its stream said then: no read model holds anything of a person's."""
    stream = (SYSTEM_TENANT, MAIL.stream(row.id))
    folded = await call.platform.pipeline.fold(MAIL, stream, at_version=row.version)
    view = _view(row.id, folded.state, folded.version)
    return ListedMail(
        **msgspec.structs.asdict(view), created_at=row.created_at, updated_at=row.updated_at
    )


@operation(
    "GET", "/v1/outbox/{id}", needs=READ, query=Moment, answers={200: MailView}, consistent=True
)
async def get_mail(call: Call, moment: Moment) -> Answer:
    """One mail, now or as it was."""
    id_ = known_id(call.params["id"], _missing)
    mail, version = await fold(call, MAIL, id_, moment)
    return _answer(id_, mail, version)


@operation(
    "GET",
    "/v1/outbox/{id}/history",
    needs=READ,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def mail_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a mail; its text is in no history."""
    id_ = known_id(call.params["id"], _missing)
    return await stream_history(call, SYSTEM_TENANT, MAIL.stream(id_), page, NoSuchMail())


@operation(
    "POST", "/v1/outbox/{id}/requeue", needs=WRITE, answers={202: MailView}, conditional=True
)
async def requeue_mail(call: Call) -> Answer:
    """Try a dead letter again."""
    id_ = known_id(call.params["id"], _missing)
    command = RequeueMail(mail=id_, at=call.platform.now())
    return await execute(call, command, lambda mail, version: _answer(id_, mail, version, 202))


OPERATIONS = (list_outbox, get_mail, mail_history, requeue_mail)
