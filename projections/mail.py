"""Mail as the outbox lists it, newest first; what a letter says is read from its stream."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.mail import MailEvent, MailFailed, MailQueued, MailRequeued, MailSent, MailWritten
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
    INT,
    TEXT,
    TIME,
    Operation,
    Table,
    defaulted,
    nullable,
    patch,
    put,
)

MAILS = Table(
    "mails",
    key={"id": TEXT},
    columns={
        "queued_at": BIGINT,
        "person": TEXT,
        "kind": TEXT,
        "state": TEXT,
        "error": nullable(TEXT),
        "retry_at": nullable(TIME),
        "round": defaulted(INT, 1),
        "created_at": TIME,
        "updated_at": TIME,
        "version": BIGINT,
    },
    indexes=(("queued_at",), ("state", "queued_at"), ("person", "queued_at")),
)


def project(recorded: Recorded[MailEvent]) -> Iterable[Operation]:
    """How an event changes the rows."""
    mail, event = recorded.stream_id, recorded.event
    told = {"updated_at": recorded.recorded_at, "version": recorded.version}
    match event:
        case MailQueued():
            values = {
                **told,
                "queued_at": recorded.position,
                "person": event.person,
                "kind": event.kind,
                "state": "queued",
                "created_at": recorded.recorded_at,
            }
            yield put(MAILS, mail, values)
        case MailSent():
            sent = {"state": "sent", "error": None, "retry_at": None}
            yield patch(MAILS, mail, {**told, **sent})
        case MailWritten():
            written = {"state": "written", "error": None, "retry_at": None}
            yield patch(MAILS, mail, {**told, **written})
        case MailFailed():
            state = "dead" if event.retry_at is None else "retrying"
            failed = {"state": state, "error": event.error, "retry_at": event.retry_at}
            yield patch(MAILS, mail, {**told, **failed})
        case MailRequeued():
            queued = {"state": "queued", "round": event.round, "retry_at": None}
            yield patch(MAILS, mail, {**told, **queued})


PROJECTION = Projection(
    name="mail",
    version=1,
    tables=(MAILS,),
    handles=(MailQueued, MailSent, MailWritten, MailFailed, MailRequeued),
    project=project,
)


class MailRow(msgspec.Struct, frozen=True, kw_only=True):
    """A mail; `queued_at` is the position at which it was queued."""

    id: str
    queued_at: int
    created_at: datetime
    updated_at: datetime
    version: int


async def find_mails(
    rows: Rows,
    *,
    person: str | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[MailRow]:
    """Mails, newest first, queued before a position."""
    sql = """
        SELECT id, queued_at, created_at, updated_at, version FROM {mails}
        WHERE ($1::text IS NULL OR person = $1)
          AND ($2::text IS NULL OR state = $2)
          AND queued_at < coalesce($3::bigint, 9223372036854775807)
        ORDER BY queued_at DESC LIMIT $4
    """
    return await rows.find(MailRow, sql, person, state, before, limit)
